"""The kinds of records that come in from outside: their columns, what each must be, and how to mend it."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from engine.model import ExerciseStyle, OptionType, Product, TradeStatus

_LONGEST_TEXT = 200
_YEARS = range(1901, 2200)
"""The years that the trading calendar knows."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a kind of record: its name in files, its name in the store, how its text is read.

    parse raises ValueError with the reason and the way to mend it. An empty cell of a column that is not required is a
    missing value. default: what a record without a stored value takes where the file has no such column or an empty
    cell of it.
    """

    name: str
    field: str
    parse: Callable[[str], Any]
    required: bool
    meaning: str
    default: Any = None


@dataclass(frozen=True, slots=True)
class RecordKind:
    """A kind of record: its columns, and the fields that make its key."""

    name: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...]

    @property
    def defaults(self) -> dict[str, Any]:
        return {column.field: column.default for column in self.columns}


def _text(value: str) -> str:
    if len(value) > _LONGEST_TEXT:
        raise ValueError(f"longer than {_LONGEST_TEXT} characters: shorten it")
    if not value.isprintable():
        raise ValueError("has characters that cannot be printed: remove them")
    return value


def _number(value: str) -> float:
    try:
        number = float("" if "_" in value else value)
    except ValueError:
        raise ValueError("not a number: write it like 1234.5, without thousands separators") from None
    if not math.isfinite(number):
        raise ValueError("not a finite number: write a number or leave the row out")
    return number


def _positive(value: str) -> float:
    number = _number(value)
    if number <= 0:
        raise ValueError("must be above 0")
    return number


@lru_cache(maxsize=4096)
def _date(value: str) -> date:
    try:
        return _in_range(date.fromisoformat(value))
    except ValueError:
        raise ValueError("not a date of the years 1901 to 2199: write it as YYYY-MM-DD") from None


def _in_range(day: date) -> date:
    if day.year not in _YEARS:
        raise ValueError
    return day


@lru_cache(maxsize=4096)
def _moment(value: str) -> date | datetime:
    """A date, or an instant; an instant without a zone is UTC."""
    if len(value) <= len("2020-03-09"):
        return _date(value)
    try:
        instant = datetime.fromisoformat(value)
        utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        _in_range((utc - timedelta(days=10)).date())  # the calendar may have to look for the trading day before it
        _in_range(utc.date())
    except (ValueError, OverflowError):
        reason = "not a date or time of the years 1901 to 2199: write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ"
        raise ValueError(reason) from None
    return utc


def _one_of(choices: type[OptionType] | type[ExerciseStyle] | type[TradeStatus]) -> Callable[[str], str]:
    by_lower_case = {choice.value.lower(): choice.value for choice in choices}

    def parse(value: str) -> str:
        found = by_lower_case.get(value.lower())
        if found is None:
            raise ValueError(f"must be {' or '.join(by_lower_case.values())}, in any letter case")
        return found

    return parse


_OPTION_TYPE, _EXERCISE_STYLE, _TRADE_STATUS = _one_of(OptionType), _one_of(ExerciseStyle), _one_of(TradeStatus)

RECORD_KINDS: dict[str, RecordKind] = {
    kind.name: kind
    for kind in (
        RecordKind(
            "trades",
            (
                FileColumn("TradeId", "trade_id", _text, True, "The key: a row with a known one overwrites it."),
                FileColumn("Ticker", "ticker", _text, True, "The underlying; its quote prices the trade."),
                FileColumn("Book", "book", _text, True, "The book; one that the hierarchy lacks is Unassigned."),
                FileColumn("Product", "product", _text, True, "EQ_Option or EQ_Stock."),
                FileColumn("Quantity", "quantity", _number, True, "Contracts or shares; negative when short."),
                FileColumn("Strike", "strike", _positive, False, "Options: currency a share, above 0."),
                FileColumn("Maturity", "maturity", _date, False, "Options: the last day of the option's life."),
                FileColumn("OptionType", "option_type", _OPTION_TYPE, False, "Options: call or put."),
                FileColumn(
                    "ExerciseStyle", "exercise_style", _EXERCISE_STYLE, False, "European or American; else European."
                ),
                FileColumn(
                    "ContractMultiplier",
                    "contract_multiplier",
                    _positive,
                    False,
                    "Shares a contract; 1 where missing.",
                    1.0,
                ),
                FileColumn(
                    "TradeStatus",
                    "trade_status",
                    _TRADE_STATUS,
                    False,
                    "Live or Terminated; a new trade is Live where missing.",
                    TradeStatus.LIVE.value,
                ),
            ),
            ("trade_id",),
        ),
        RecordKind(
            "books",
            (
                FileColumn("Book", "book", _text, True, "The key."),
                FileColumn("Desk", "desk", _text, True, "The desk of the book."),
                FileColumn("BusinessUnit", "business_unit", _text, True, "The business unit of the desk."),
                FileColumn("Region", "region", _text, True, "The region of the business unit."),
            ),
            ("book",),
        ),
        RecordKind(
            "instruments",
            (
                FileColumn("Ticker", "ticker", _text, True, "The key."),
                FileColumn("Name", "name", _text, True, "The company's name."),
                FileColumn("Sector", "sector", _text, True, "Its sector."),
                FileColumn("Region", "region", _text, True, "Where it is listed."),
                FileColumn("Currency", "currency", _text, True, "The currency of its quotes, as a code like USD."),
            ),
            ("ticker",),
        ),
        RecordKind(
            "parameters",
            (
                FileColumn("AsOfDate", "as_of_date", _date, True, "The first day that they hold for. Part of the key."),
                FileColumn("Ticker", "ticker", _text, True, "The underlying. Part of the key."),
                FileColumn("ImpliedVol", "implied_vol", _positive, True, "Decimal a year: 0.3 is 30 %."),
                FileColumn("RiskFreeRate", "risk_free_rate", _number, True, "Decimal, continuous, Act/365F."),
                FileColumn("DividendYield", "dividend_yield", _number, True, "Decimal, continuous, Act/365F."),
            ),
            ("as_of_date", "ticker"),
        ),
        RecordKind(
            "quotes",
            (
                FileColumn("AsOfDate", "as_of_date", _moment, True, "The date, or the time of the quote (UTC)."),
                FileColumn("Instrument", "instrument", _text, True, "The ticker."),
                FileColumn("Quote", "quote", _positive, True, "The price, above 0."),
            ),
            ("as_of_date", "instrument"),
        ),
    )
}


def row_fault(kind: RecordKind, record: dict[str, Any]) -> tuple[str, str] | None:
    """What is wrong with a record as a whole, as (column, reason), or None."""
    if kind.name == "trades" and record["product"] == Product.OPTION:
        for column in kind.columns:
            if column.field in ("strike", "maturity", "option_type") and record.get(column.field) is None:
                return column.name, "an option needs one: fill it in"
    return None
