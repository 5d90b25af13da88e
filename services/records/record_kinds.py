"""The kinds of records that come in from outside: their columns, what each must be, and how to fix it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.measures import MEASURES, Measure
from engine.model import ExerciseStyle, OptionType, Product, TradeStatus
from services.records.faults import Fault
from services.records.read_dates import business_day, day, moment
from services.records.read_values import (
    OneOf,
    Side,
    currency,
    name,
    number,
    positive,
    rate,
    side,
    text,
    ticker,
    volatility,
)

Record = dict[str, Any]
"""Field -> value."""


@dataclass(frozen=True, slots=True)
class FileColumn:
    """A column of a kind of record: its name in files, its name in the store, how its value is read.

    parse takes a text or a typed value that is not missing; it raises ValueError with the reason and the way to fix
    it. An empty cell of a column that is not required is a missing value. default: what a record without a stored
    value takes where the file has no such column or an empty cell of it. other_names: names that mean this column
    where a file has none of its own name. stored: whether the store has the field; one that it has not goes into
    another.
    """

    name: str
    field: str
    parse: Callable[[Any], Any]
    required: bool
    meaning: str
    default: Any = None
    other_names: tuple[str, ...] = ()
    stored: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class RecordKind:
    """A kind of record: its columns, and the fields that make its key.

    complete: puts together what several columns say, and tells what is wrong with a record as a whole, as (column,
    fault), or None. empty_is_unknown: an empty cell
    says nothing, so the record does not have its field; otherwise it empties the stored value. hints: what people call
    a column that is left aside (in lower case) -> why, and what to do.
    """

    name: str
    columns: tuple[FileColumn, ...]
    key: tuple[str, ...]
    complete: Callable[[Record], tuple[str, Fault] | None] | None = None
    empty_is_unknown: bool = False
    hints: Mapping[str, str] = field(default_factory=dict)

    @property
    def defaults(self) -> dict[str, Any]:
        return {column.field: column.default for column in self.columns if column.stored}


def _completed_trade(record: Record) -> tuple[str, Fault] | None:
    return _signed_quantity(record) or _option_without_terms(record)


def _signed_quantity(record: Record) -> tuple[str, Fault] | None:
    """Give the quantity the sign of the side. A negative quantity that was bought cannot be known."""
    side = record.pop("side", None)
    if side == Side.SHORT:
        record["quantity"] = -abs(record["quantity"])
    elif side == Side.LONG and record["quantity"] < 0:
        fix = "write the quantity without a sign, or leave the side empty"
        return "Side", Fault("is a purchase of a negative quantity", fix)
    return None


def _option_without_terms(record: Record) -> tuple[str, Fault] | None:
    if record["product"] == Product.OPTION:
        for name, column in (("strike", "Strike"), ("maturity", "Maturity"), ("option_type", "OptionType")):
            if record.get(name) is None:
                return column, Fault("an option needs one", "fill it in")
    return None


def _reported(measure: Measure) -> FileColumn:
    """A measure as a column of sensitivities that were computed elsewhere."""
    other_names = ("Delta",) if measure.name == "cash_delta" else ()
    required = measure.name == "market_value"
    return FileColumn(measure.csv_name, measure.name, number, required, measure.meaning, other_names=other_names)


def _hint(name: str) -> str:
    return f"its unit is not said, name it {name}"


_OPTION_TYPE, _EXERCISE_STYLE, _TRADE_STATUS = OneOf(OptionType), OneOf(ExerciseStyle), OneOf(TradeStatus)

RECORD_KINDS: dict[str, RecordKind] = {
    kind.name: kind
    for kind in (
        RecordKind(
            "trades",
            (
                FileColumn("TradeId", "trade_id", name, True, "The key: a row with a known one overwrites it."),
                FileColumn("Ticker", "ticker", ticker, True, "The underlying; its quote prices the trade."),
                FileColumn("Book", "book", name, True, "The book; one that the hierarchy lacks is Unassigned."),
                FileColumn("Product", "product", name, True, "EQ_Option or EQ_Stock."),
                FileColumn("Quantity", "quantity", number, True, "Contracts or shares; negative when short."),
                FileColumn("Strike", "strike", positive, False, "Options: currency a share, above 0."),
                FileColumn("Maturity", "maturity", day, False, "Options: the last day of the option's life."),
                FileColumn("OptionType", "option_type", _OPTION_TYPE, False, "Options: call or put."),
                FileColumn(
                    "ExerciseStyle", "exercise_style", _EXERCISE_STYLE, False, "European or American; else European."
                ),
                FileColumn(
                    "ContractMultiplier",
                    "contract_multiplier",
                    positive,
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
                FileColumn(
                    "Side",
                    "side",
                    side,
                    False,
                    "Buy or Sell, Long or Short: gives a Quantity without a sign its sign.",
                    other_names=("Buy/Sell", "BuySell", "B/S", "Long/Short", "LongShort", "L/S", "Direction"),
                    stored=False,
                ),
            ),
            ("trade_id",),
            complete=_completed_trade,
        ),
        RecordKind(
            "books",
            (
                FileColumn("Book", "book", name, True, "The key."),
                FileColumn("Desk", "desk", name, True, "The desk of the book."),
                FileColumn("BusinessUnit", "business_unit", name, True, "The business unit of the desk."),
                FileColumn("Region", "region", name, True, "The region of the business unit."),
            ),
            ("book",),
        ),
        RecordKind(
            "instruments",
            (
                FileColumn("Ticker", "ticker", ticker, True, "The key."),
                FileColumn("Name", "name", text, True, "The company's name."),
                FileColumn("Sector", "sector", text, True, "Its sector."),
                FileColumn("Region", "region", name, True, "Where it is listed."),
                FileColumn("Currency", "currency", currency, True, "The currency of its quotes, as a code like USD."),
            ),
            ("ticker",),
        ),
        RecordKind(
            "parameters",
            (
                FileColumn("AsOfDate", "as_of_date", day, True, "The first day that they hold for. Part of the key."),
                FileColumn("Ticker", "ticker", ticker, True, "The underlying. Part of the key."),
                FileColumn("ImpliedVol", "implied_vol", volatility, True, "Decimal a year: 0.3 is 30 %."),
                FileColumn("RiskFreeRate", "risk_free_rate", rate, True, "Decimal, continuous, Act/365F."),
                FileColumn("DividendYield", "dividend_yield", rate, True, "Decimal, continuous, Act/365F."),
            ),
            ("as_of_date", "ticker"),
        ),
        RecordKind(
            "quotes",
            (
                FileColumn("AsOfDate", "as_of_date", moment, True, "The date, or the time of the quote (UTC)."),
                FileColumn("Instrument", "instrument", ticker, True, "The ticker."),
                FileColumn("Quote", "quote", positive, True, "The price, above 0."),
            ),
            ("as_of_date", "instrument"),
        ),
        RecordKind(
            "sensitivities",
            (
                FileColumn(
                    "AsOfDate", "as_of_date", business_day, True, "The business date of the values. Part of the key."
                ),
                FileColumn("TradeId", "trade_id", name, True, "The trade. Part of the key."),
                FileColumn("RiskFactor", "risk_factor", ticker, True, "What they refer to, a ticker. Part of the key."),
                *sorted((_reported(measure) for measure in MEASURES), key=lambda column: not column.required),
            ),
            ("as_of_date", "risk_factor", "trade_id"),
            empty_is_unknown=True,
            hints={
                "gamma": _hint("CashGamma1Pct"),
                "vega": _hint("Vega1Pt"),
                "theta": _hint("Theta1D"),
                "rho": _hint("Rho1Bp"),
                "dividendrho": _hint("DividendRho1Bp"),
                "price": "name the price of one share UnitPrice",
            },
        ),
    )
}
