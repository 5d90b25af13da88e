"""What a writing process keeps in memory between transactions: trades, parameters and quotes, ready to price.

It is a cache of the store, never a truth of its own: at the start of each transaction it compares revisions with the
store and takes what another process has changed, from the change log where that reaches back far enough.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from engine.amending import amend_underlying
from engine.contracts import FloatArray
from engine.preparation import (
    ARTICLE_DEFAULTS,
    ObjectArray,
    Parameters,
    PreparedUnderlying,
    TradeArrays,
    prepare_trades,
)
from engine.repricing import parameters_at
from storage.change_log import Change, rows_since
from storage.database import WriteUnit
from storage.quotes import Quote, newest_as_of, quotes_as_known
from storage.records import Record, read_plain_records, read_records
from storage.reported import reported_keys
from storage.sensitivities import priced_dates
from storage.settings import Settings
from storage.trade_statuses import read_unpriced

_UNREAD = -1
_DATES_KEPT = 3


@dataclass(slots=True)
class FreshTrades:
    """Trades that came or changed, made ready for one date apart from the others on their underlying.

    changed: those that were known before. outdated: ticker -> trades that were on it and are on another now.
    """

    as_of: date | None
    prepared: dict[str, PreparedUnderlying] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)


class PricingState:
    """Trades by ticker, parameters, quotes by as-of date, and the underlyings prepared from them."""

    def __init__(self, *, engine_overwrites_reported: bool = False, zero_terminated: bool = False) -> None:
        self._engine_overwrites_reported = engine_overwrites_reported
        self.zero_terminated = zero_terminated
        self.forget()

    @classmethod
    def of(cls, settings: Settings) -> "PricingState":
        """As the settings want it."""
        return cls(
            engine_overwrites_reported=settings.engine_overwrites_reported,
            zero_terminated=settings.terminated_risk == "zero",
        )

    def forget(self) -> None:
        """Drop everything, after a transaction that failed: the next one reads the store again."""
        self._static_revision = _UNREAD
        self._quotes_revision = _UNREAD
        self._reported_revision = _UNREAD
        self._unpriced: frozenset[str] = frozenset()
        self._trades: dict[str, Record] = {}
        self._live: dict[str, dict[str, Record]] = {}
        self._parameters = pd.DataFrame()
        self._parameters_at: dict[date, dict[str, Parameters]] = {}
        self._prepared: dict[tuple[date, str], PreparedUnderlying] = {}
        self._quotes: dict[date, dict[str, Quote]] = {}
        self._reported: dict[date, dict[str, set[str]]] = {}
        self.priced: set[date] = set()
        self.newest: date | None = None

    def refresh(self, unit: WriteUnit) -> None:
        """Take what other processes have changed since this one last wrote."""
        if unit.before.quotes_revision != self._quotes_revision:
            self.newest = newest_as_of(unit.connection)
            self.priced = set(priced_dates(unit.connection))
            kept = {*self.priced, self.newest}
            self._prepared = {key: prepared for key, prepared in self._prepared.items() if key[0] in kept}
            self._quotes.clear()
            self._quotes_revision = unit.before.quotes_revision
        if unit.before.static_revision != self._static_revision:
            self._follow_static(unit.connection)
            self._static_revision = unit.before.static_revision
        if unit.before.reported_revision != self._reported_revision:
            self._reported.clear()
            self._reported_revision = unit.before.reported_revision

    def wrote(self, unit: WriteUnit, change: Change) -> None:
        """Note that this process itself changed the store, and memory with it."""
        if change.static:
            self._static_revision = unit.revision
        if change.quotes:
            self._quotes_revision = unit.revision
        if change.reported:
            self._reported_revision = unit.revision

    def _follow_static(self, connection: Connection) -> None:
        self._unpriced = read_unpriced(connection)
        known = self._static_revision
        followed = None if known == _UNREAD else rows_since(connection, known, ("trades", "parameters", "removed"))
        if followed is None or any(name == "removed" for name, _ in followed):
            self._trades = {record["trade_id"]: record for record in read_plain_records(connection, "trades")}
            self._live = {}
            for record in self._trades.values():
                if self._is_priced(record):
                    self._live.setdefault(record["ticker"], {})[record["trade_id"]] = record
            self._prepared.clear()
            self.load_parameters(connection)
            return
        if any(name == "parameters" for name, _ in followed):
            self.load_parameters(connection)
        for name, rows in followed:
            if name == "trades":
                self.take_trades(rows.to_pylist())

    def load_parameters(self, connection: Connection) -> None:
        """Read the parameters again, as the transaction of this connection sees them.

        Underlyings whose parameters are as they were keep what was worked out for them.
        """
        self._parameters = read_records(connection, "parameters")
        self._parameters_at.clear()
        self._prepared = {
            (as_of, ticker): prepared
            for (as_of, ticker), prepared in self._prepared.items()
            if prepared.parameters == self._parameters_on(as_of, ticker)
        }

    def trade(self, trade_id: str) -> Record | None:
        """A trade as the store has it, whatever its status; its fields are those of ``TRADE_COLUMNS``."""
        return self._trades.get(trade_id)

    def take_trades(self, records: Sequence[Record]) -> FreshTrades:
        """Put trades that were written into memory; those to be priced come back ready for the newest date.

        What was worked out for the other trades on their underlyings is kept.
        """
        taken = FreshTrades(self.newest)
        gone: dict[str, set[str]] = {}
        coming: dict[str, dict[str, Record]] = {}
        for record in records:
            trade_id, ticker = record["trade_id"], record["ticker"]
            known = self._trades.get(trade_id)
            if known is not None:
                taken.changed.append(trade_id)
                if self._live.get(known["ticker"], {}).pop(trade_id, None) is not None:
                    gone.setdefault(known["ticker"], set()).add(trade_id)
                if known["ticker"] != ticker:
                    taken.outdated.setdefault(known["ticker"], []).append(trade_id)
                    coming.get(known["ticker"], {}).pop(trade_id, None)
            self._trades[trade_id] = record
            if self._is_priced(record):
                self._live.setdefault(ticker, {})[trade_id] = record
                coming.setdefault(ticker, {})[trade_id] = record
            else:
                coming.get(ticker, {}).pop(trade_id, None)
        for ticker in [ticker for ticker, live in self._live.items() if not live]:
            del self._live[ticker]
        for ticker in sorted({*gone, *coming}):
            self._amend(ticker, gone.get(ticker, set()), coming.get(ticker, {}).values(), taken)
        return taken

    def _is_priced(self, trade: Record) -> bool:
        """Whether a trade is priced at all: a terminated one has no risk and is no failure."""
        return trade["trade_status"] not in self._unpriced

    def _amend(self, ticker: str, gone: Collection[str], coming: Iterable[Record], taken: FreshTrades) -> None:
        for key in [key for key in self._prepared if key[1] == ticker and key[0] != taken.as_of]:
            del self._prepared[key]
        if taken.as_of is None:
            return
        fresh = self._prepare(ticker, coming, taken.as_of)
        if fresh.trade_ids:
            taken.prepared[ticker] = fresh
        known = self._prepared.get((taken.as_of, ticker))
        if known is not None:
            self._prepared[(taken.as_of, ticker)] = amend_underlying(known, gone, fresh)

    def drop_trades(self, trade_ids: Iterable[str]) -> None:
        """Forget trades that this process has taken off the store."""
        for trade_id in trade_ids:
            known = self._trades.pop(trade_id, None)
            if known is not None and self._live.get(known["ticker"], {}).pop(trade_id, None) is not None:
                for key in [key for key in self._prepared if key[1] == known["ticker"]]:
                    del self._prepared[key]
        self._live = {ticker: live for ticker, live in self._live.items() if live}

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return sorted(self._live)

    def quotes(self, connection: Connection, as_of: date) -> dict[str, Quote]:
        """Instrument -> newest quote on or before a date; the caller keeps it up to date with what it writes."""
        if as_of not in self._quotes:
            self._quotes[as_of] = quotes_as_known(connection, as_of)
        return self._quotes[as_of]

    def drop_quotes(self) -> None:
        """Forget the quotes in memory after a change to dates that are not the newest: later dates may inherit them."""
        self._quotes.clear()

    def reported(self, connection: Connection, as_of: date) -> Mapping[str, set[str]]:
        """Risk factor -> trades whose sensitivity somebody else reported, which our pricing therefore leaves alone."""
        if self._engine_overwrites_reported:
            return {}
        if as_of not in self._reported:
            self._reported[as_of] = reported_keys(connection, as_of)
        return self._reported[as_of]

    def note_reported(self, as_of: date, keys: Iterable[tuple[str, str]]) -> None:
        """Note reported rows that this process has written: (risk factor, trade) each."""
        if as_of in self._reported:
            for risk_factor, trade_id in keys:
                self._reported[as_of].setdefault(risk_factor, set()).add(trade_id)

    def forget_reported(self) -> None:
        """Forget which rows are reported, after some were taken away: they are read again when they are needed."""
        self._reported.clear()

    def forget_from(self, first: date) -> None:
        """Forget what is known of this date and later ones: their quotes and values have been taken off the store."""
        self.drop_quotes()
        self.priced = {as_of for as_of in self.priced if as_of < first}
        self._prepared = {key: prepared for key, prepared in self._prepared.items() if key[0] < first}

    def is_prepared(self, as_of: date, ticker: str) -> bool:
        return (as_of, ticker) in self._prepared

    def prepared(self, as_of: date, ticker: str) -> PreparedUnderlying | None:
        """The trades on a ticker made ready for a date, or None when there are none."""
        live = self._live.get(ticker)
        if not live:
            return None
        known = self._prepared.get((as_of, ticker))
        if known is None:
            known = self._prepare(ticker, (live[trade_id] for trade_id in sorted(live)), as_of)
            self._prepared[(as_of, ticker)] = known
            for old in sorted({key[0] for key in self._prepared})[:-_DATES_KEPT]:
                for key in [key for key in self._prepared if key[0] == old]:
                    del self._prepared[key]
        return known

    def _prepare(self, ticker: str, trades: Iterable[Record], as_of: date) -> PreparedUnderlying:
        return prepare_trades(ticker, _arrays(list(trades)), self._parameters_on(as_of, ticker), as_of)

    def _parameters_on(self, as_of: date, ticker: str) -> Parameters:
        if as_of not in self._parameters_at:
            self._parameters_at[as_of] = parameters_at(self._parameters, as_of)
        return self._parameters_at[as_of].get(ticker, ARTICLE_DEFAULTS)


def _arrays(trades: Sequence[Record]) -> TradeArrays:
    """Trades as the engine takes them."""

    def texts(name: str) -> ObjectArray:
        return np.array([trade[name] for trade in trades], dtype=object)

    def numbers(name: str) -> FloatArray:
        return np.array([trade[name] for trade in trades], dtype=np.float64)

    return TradeArrays(
        [trade["trade_id"] for trade in trades],
        texts("product"),
        numbers("quantity"),
        numbers("strike"),
        np.array([trade["maturity"] for trade in trades], dtype="datetime64[D]"),
        texts("option_type"),
        texts("exercise_style"),
        numbers("contract_multiplier"),
    )
