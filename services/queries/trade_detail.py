"""Everything about one trade at one moment: what it is, its values and why, where it came from, who changed it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection

from engine.model import FALLBACK_PARAMETERS, NotPriced, Product, Source
from engine.snapshot.parameters import DEFAULT_PARAMETERS, Parameters
from services.queries.decay_to_close import decay_to_close
from storage.book.hierarchy import contracts_in_words
from storage.book.records import columns_of
from storage.book.records_at import RecordVersion
from storage.book.trade_statuses import DefinedStatus, read_statuses
from storage.market.priced_with import last_priced_with
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import previous_priced_date, valued_dates
from storage.people.audit import StoredAuditEntry, entries_about
from storage.read_models.one_trade import (
    Row,
    TradeValues,
    newest_parameters,
    newest_quote,
    pricing_failure,
    stored_book,
    stored_instrument,
    stored_trade,
    trade_values,
    trade_versions,
)

NOT_PRICED_YET = "not priced yet"
PRICE_UNIT = "currency a share"
"""Of quotes, spots and strikes."""
_TERM_UNITS = {"contract_multiplier": "shares a contract", "strike": PRICE_UNIT}
_QUANTITIES: dict[str, str] = {Product.OPTION: "contracts", Product.STOCK: "shares"}
_REMEDIATIONS = {
    NotPriced.EXPIRED: "Set its status to Terminated, or correct its maturity.",
    NotPriced.NO_QUOTE: "Load a quote of {ticker}, or correct the trade's ticker.",
    NotPriced.UNKNOWN_PRODUCT: "Correct its product: EQ_Option and EQ_Stock are priced.",
    NotPriced.INCOMPLETE_TERMS: "Load the trade again with what is missing.",
    NotPriced.NO_PARAMETERS: "Load parameters of {ticker} for this date or an earlier one.",
    NotPriced.BAD_PARAMETERS: "Load parameters of {ticker} that are numbers, with a volatility above 0.",
    NotPriced.REFUSED: "Look at its terms and parameters; or load its sensitivities as somebody else computed them.",
    NotPriced.TOO_LARGE: "Correct its quantity or its multiplier, or the quote of {ticker}.",
    NOT_PRICED_YET: "It is priced with the next quote of {ticker}.",
    NotPriced.WAITING: "The value comes by itself: its engine works beside the ticks.",
}


@dataclass(frozen=True, slots=True)
class NoValue:
    """Why a trade has no value, and what to do about it."""

    reason: str
    detail: str
    remediation: str


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What a version of a trade changed: (field, old, new). is_new: it was not there before."""

    version: RecordVersion
    changes: tuple[tuple[str, Any, Any], ...]
    is_new: bool


@dataclass(frozen=True, slots=True)
class TradeDetail:
    """trade: its newest version; contract: in words. book, instrument: what the static data say, None where nothing.

    as_of: the date of the values, None in a store without quotes; dates: those that have values, newest first. own: the
    values to its own underlying, no_value: why there are none; others: to other risk factors, as reported. close: own
    values at ``close_date``. parameters: the row that holds, None where the article's defaults do. priced_with: what
    our value was computed with, None where it is not ours. versions, tags (what people did to it): the newest first.
    """

    trade: Row
    contract: str
    status: DefinedStatus | None
    book: Row | None
    instrument: Row | None
    as_of: date | None
    dates: list[date]
    own: TradeValues | None
    no_value: NoValue | None
    others: list[TradeValues]
    close: TradeValues | None
    close_date: date | None
    quote: Row | None
    parameters: Row | None
    priced_with: Parameters | None
    versions: list[VersionChange]
    tags: list[StoredAuditEntry]

    @property
    def trade_id(self) -> str:
        return str(self.trade["trade_id"])

    @property
    def ticker(self) -> str:
        return str(self.trade["ticker"])

    @property
    def is_past_maturity(self) -> bool:
        maturity: date | None = self.trade["maturity"]
        return maturity is not None and self.as_of is not None and maturity < self.as_of

    @property
    def day_pnl(self) -> float | None:
        """Market value less that of the previous close; None where one of them is not known."""
        if self.own is None or self.close is None:
            return None
        value, before = self.own.measures["market_value"], self.close.measures["market_value"]
        return None if value is None or before is None else value - before

    @property
    def decay_to_close(self) -> float | None:
        """What waiting until the next close takes from its market value; None where that is not known."""
        return decay_to_close(self.trade, self.own, self.parameter_values, self.as_of)

    def in_currency(self, unit: str) -> str:
        """A unit in the currency of the underlying, where somebody has described it."""
        return unit.replace("currency", self.instrument["currency"]) if self.instrument else unit

    def term_unit(self, name: str) -> str:
        """The unit of a column of the trade; "" for what is no number."""
        if name == "quantity":
            return _QUANTITIES.get(self.trade["product"], "contracts or shares")
        return self.in_currency(_TERM_UNITS.get(name, ""))

    @property
    def parameter_values(self) -> Mapping[str, float]:
        """What its value was computed with; where it has none of ours, what holds."""
        if self.priced_with is not None:
            return {name: getattr(self.priced_with, name) for name in FALLBACK_PARAMETERS}
        return self._held_parameters

    @property
    def _held_parameters(self) -> Mapping[str, float]:
        row = self.parameters
        return FALLBACK_PARAMETERS if row is None else {name: row[name] for name in FALLBACK_PARAMETERS}

    @property
    def changed_parameters(self) -> Mapping[str, float]:
        """Those that hold now where they are others than its value was computed with: a close keeps its own."""
        used = self.parameter_values
        return {name: value for name, value in self._held_parameters.items() if value != used[name]}

    @property
    def parameters_from(self) -> str:
        """Where those come from, for people."""
        if self.changed_parameters:
            return "kept with this value; other ones were loaded since"
        if self.parameters is None:
            return f"{DEFAULT_PARAMETERS}, because {self.ticker} has none of its own"
        return f"{self.ticker}'s own, from {self.parameters['source']}"


def read_trade_detail(connection: Connection, trade_id: str, as_of: date | None = None) -> TradeDetail | None:
    """What the store says of a trade, or None where there is none. as_of: None for the newest date."""
    trade = stored_trade(connection, trade_id)
    if trade is None:
        return None
    ticker = str(trade["ticker"])
    dates = valued_dates(connection)
    day = as_of or newest_as_of(connection) or next(iter(dates), None)
    status = next((each for each in read_statuses(connection) if each.status == trade["trade_status"]), None)
    values = trade_values(connection, trade_id, day) if day else []
    own = next((each for each in values if each.risk_factor == ticker), None)
    close_date = previous_priced_date(connection, day) if day else None
    closes = trade_values(connection, trade_id, close_date) if close_date else []
    terms = ([trade[name]] for name in ("ticker", "maturity", "strike", "option_type"))
    return TradeDetail(
        trade,
        contracts_in_words(*terms)[0],
        status,
        stored_book(connection, trade["book"]),
        stored_instrument(connection, ticker),
        day,
        dates,
        own,
        None if own is not None else _no_value(connection, trade, status, day),
        [each for each in values if each is not own],
        next((each for each in closes if each.risk_factor == ticker), None),
        close_date,
        newest_quote(connection, ticker, day) if day else None,
        newest_parameters(connection, ticker, day) if day else None,
        last_priced_with(connection, day, ticker) if day and own is not None and not is_reported(own) else None,
        _changes(trade_versions(connection, trade_id)),
        entries_about(connection, "trade", trade_id),
    )


def is_reported(values: TradeValues) -> bool:
    """Whether somebody else computed them."""
    return values.source != Source.ENGINE


def placed(source: str, place: str) -> str:
    """Where a record came from, in one line."""
    return f"{source}, {place}" if place else source


def _no_value(connection: Connection, trade: Row, status: DefinedStatus | None, as_of: date | None) -> NoValue:
    if as_of is None:
        return NoValue("nothing is priced", "there is no quote of anything yet", "Load quotes, or start a feed.")
    if status is not None and not status.is_priced:
        said = f"its status is {status.status}, and such trades are not priced"
        return NoValue("not priced by its status", said, "Set its status to Live on the page Trades to price it again.")
    failure = pricing_failure(connection, trade["trade_id"], as_of)
    if failure is None:
        detail = f"nothing has priced it as of {as_of}"
        return NoValue(NOT_PRICED_YET, detail, how_to_fix(NOT_PRICED_YET, trade["ticker"]))
    reason, detail = failure
    return NoValue(reason, detail, how_to_fix(reason, trade["ticker"]))


def how_to_fix(reason: str, ticker: str) -> str:
    """What to do about a trade on a ticker that has no value for a reason, as a failure names it."""
    remediation = next(
        (words for known, words in _REMEDIATIONS.items() if known == reason), "Tell whoever runs Deltaboard."
    )
    return remediation.format(ticker=ticker)


def _changes(versions: list[RecordVersion]) -> list[VersionChange]:
    """Each version beside the one before it."""
    names = [column.name for column in columns_of("trades") if column.name != "trade_id"]
    found = []
    before: RecordVersion | None = None
    for version in versions:
        is_new = before is None or before.removed
        old = {} if before is None or before.removed else before.record
        changes = tuple(
            (name, old[name], version.record[name])
            for name in names
            if not (is_new or version.removed) and old.get(name) != version.record.get(name)
        )
        found.append(VersionChange(version, changes, is_new))
        before = version
    return found[::-1]


def instant(moment: datetime | None) -> str:
    """An instant as pages write it; "" where there is none."""
    return "" if moment is None else f"{moment:%Y-%m-%d %H:%M:%S} UTC"
