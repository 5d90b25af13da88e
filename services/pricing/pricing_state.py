"""What a writing process keeps in memory between transactions: trades, parameters and quotes, ready to price.

It is a cache of the store, never a truth of its own: at the start of each transaction it compares revisions with the
store and takes what another process has changed, from the change log where that reaches back far enough. One thread
uses it. What another thread may have is a ``PricerBuild``, which it gives, and takes back as ``Ready``.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from sqlalchemy import Connection

from engine.trading_calendar import next_trading_day
from engine.valuation.underlying_pricer import ARTICLE_DEFAULTS, Parameters
from services.pricing.known_parameters import KnownParameters, fallback_of
from services.pricing.priced_trades import NotedTrades, PricedTrades
from services.pricing.pricer_cache import PricerBuild, PricerCache, Ready, Trades
from storage.book.records import Record, read_plain_records
from storage.book.trade_statuses import read_unpriced
from storage.connection.settings import Settings
from storage.core.change_log import Change, rows_since
from storage.core.database import Store, StoreRevisions, WriteUnit
from storage.market.quotes import Quote, newest_as_of, quotes_as_known
from storage.market.reported import reported_keys
from storage.market.sensitivities import priced_dates

_UNREAD = -1
_BOUNDARIES_IN_PLACE = 20
"""So many boundaries are found in a transaction, in some 0.4 ms; more are found before it or beside it."""


@dataclass(slots=True)
class FreshTrades:
    """Trades that came or changed, made ready for one date apart from the others on their underlying.

    changed: those that were known before. outdated: ticker -> trades that were on it and are on another now.
    """

    as_of: date | None
    ready: dict[str, Ready] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)


class PricingState:
    """Trades by ticker, parameters, quotes by as-of date, and the underlyings prepared from them."""

    def __init__(
        self,
        *,
        engine_overwrites_reported: bool = False,
        zero_terminated: bool = False,
        fallback: Parameters = ARTICLE_DEFAULTS,
    ) -> None:
        """fallback: what an underlying without parameters is priced with."""
        self._engine_overwrites_reported = engine_overwrites_reported
        self.zero_terminated = zero_terminated
        self._fallback = fallback
        self._ready = PricerCache()
        self.forget()

    @classmethod
    def of(cls, settings: Settings) -> "PricingState":
        """As the settings want it."""
        return cls(
            engine_overwrites_reported=settings.engine_overwrites_reported,
            zero_terminated=settings.terminated_risk == "zero",
            fallback=fallback_of(settings),
        )

    def forget(self) -> None:
        """Drop everything, after a transaction that failed: the next one reads the store again.

        What is ready is compared with what was read whenever it is used, so it may stay.
        """
        self._ready.forget_persisted_failures()
        self._static_revision = _UNREAD
        self._quotes_revision = _UNREAD
        self._reported_revision = _UNREAD
        self._trades = PricedTrades()
        self._expected: dict[str, Ready] = {}
        self.parameters = KnownParameters((), self._fallback)
        self._quotes: dict[date, dict[str, Quote]] = {}
        self._reported: dict[date, dict[str, set[str]]] = {}
        self.priced: set[date] = set()
        self.newest: date | None = None

    @property
    def is_read(self) -> bool:
        """Whether it has anything of the store."""
        return self._static_revision != _UNREAD

    def catch_up(self, store: Store) -> None:
        """Take what other processes have changed, without keeping anybody from writing."""
        with store.read() as connection:
            self.refresh(connection, store.revisions(connection))

    def refresh(self, connection: Connection, at: StoreRevisions) -> None:
        """Take what other processes have changed since this one last looked. at: where the store stands."""
        if at.quotes_revision != self._quotes_revision:
            self.newest = newest_as_of(connection)
            self.priced = set(priced_dates(connection))
            self._ready.forget_persisted_failures({*self.priced, *([self.newest] if self.newest else [])})
            self._quotes.clear()
            self._quotes_revision = at.quotes_revision
        if at.static_revision != self._static_revision:
            self._follow_static(connection)
            self._static_revision = at.static_revision
        if at.reported_revision != self._reported_revision:
            self._reported.clear()
            self._reported_revision = at.reported_revision

    def wrote(self, unit: WriteUnit, change: Change) -> None:
        """Note that this process itself changed the store, and memory with it."""
        if change.static:
            self._static_revision = unit.revision
        if change.quotes:
            self._quotes_revision = unit.revision
        if change.reported:
            self._reported_revision = unit.revision
        self._expected.clear()
        self.keep_newest_ready()

    def keep_newest_ready(self) -> None:
        """Let go of what is ready for dates that are over."""
        self._ready.keep_to(self._next_date() or self.newest)

    def _follow_static(self, connection: Connection) -> None:
        unpriced = read_unpriced(connection)
        known = self._static_revision
        followed = None if known == _UNREAD else rows_since(connection, known, ("trades", "parameters", "removed"))
        if followed is None or any(name == "removed" for name, _ in followed):
            self._trades = PricedTrades(read_plain_records(connection, "trades"), unpriced)
            self.load_parameters(connection)
            return
        self._trades.price_none_of(unpriced)
        if any(name == "parameters" for name, _ in followed):
            self.load_parameters(connection)
        for name, rows in followed:
            if name == "trades":
                self._trades.note(rows.to_pylist())

    def load_parameters(self, connection: Connection) -> None:
        """Read the parameters again, as the transaction of this connection sees them."""
        self.parameters = KnownParameters(read_plain_records(connection, "parameters"), self._fallback)

    def trade(self, trade_id: str) -> Record | None:
        """A trade as the store has it, whatever its status; its fields are those of ``TRADE_COLUMNS``."""
        return self._trades.trade(trade_id)

    def is_priced(self, trade: Record) -> bool:
        """Whether a trade is priced at all: a terminated one has no risk and is no failure."""
        return self._trades.is_priced(trade)

    def trades_on(self, ticker: str) -> Trades:
        """The trades on an underlying that are priced."""
        return self._trades.on(ticker)

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return self._trades.tickers()

    def take_trades(self, records: Sequence[Record]) -> FreshTrades:
        """Put trades that were written into memory; those to be priced come back ready for the newest date.

        What was worked out for the other trades on their underlyings is kept.
        """
        before = {ticker: self._trades.on(ticker) for ticker in self._trades.tickers()}
        noted = self._trades.note(records)
        fresh = FreshTrades(self.newest, {}, noted.changed, noted.outdated)
        if fresh.as_of is not None:
            for ticker in sorted({*noted.gone, *noted.coming}):
                ready = self._fresh(ticker, before.get(ticker, {}), noted, fresh.as_of)
                if ready.prepared.trade_ids:
                    fresh.ready[ticker] = ready
        return fresh

    def _fresh(self, ticker: str, before: Trades, noted: NotedTrades, as_of: date) -> Ready:
        coming, gone, now = noted.coming.get(ticker, {}), noted.gone.get(ticker, set()), self._trades.on(ticker)
        parameters = self.parameters.on(as_of, ticker)
        fresh = PricerBuild(ticker, as_of, parameters, coming, self._expected.get(ticker)).made()
        known = self._ready.get((as_of, ticker))
        if known is not None and known.is_of(before, parameters):
            self._ready.amend(known, gone, fresh.prepared, now)
        elif len(coming) == len(now):
            self._ready.put(Ready(now, fresh.prepared))
        return fresh

    def drop_trades(self, trade_ids: Iterable[str]) -> None:
        """Forget trades that this process has taken off the store."""
        self._trades.drop(trade_ids)

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

    def forget_date(self, as_of: date) -> None:
        """Forget that a date was priced: its quotes and values have been taken off the store."""
        self.priced.discard(as_of)
        self._ready.forget_persisted_failures(self.priced)

    def forget_from(self, first: date) -> None:
        """Forget what is known of this date and later ones: their quotes and values have been taken off the store."""
        self.drop_quotes()
        self.priced = {as_of for as_of in self.priced if as_of < first}
        self._ready.forget_persisted_failures(self.priced)

    def ready(self, as_of: date, ticker: str) -> Ready | None:
        """The trades on a ticker ready for a date, made so here and now where need be, or None when there are none."""
        preparation = self.preparation(as_of, ticker)
        if preparation is not None:
            self.take(preparation.made())
        return self._ready.get((as_of, ticker)) if self._trades.on(ticker) else None

    def preparation(self, as_of: date, ticker: str, parameters: Parameters | None = None) -> PricerBuild | None:
        """What would make an underlying ready for a date; None where it is, and where there are no trades.

        parameters: those to come, where they are not in the store yet.
        """
        trades = self._trades.on(ticker)
        if not trades:
            return None
        parameters = parameters or self.parameters.on(as_of, ticker)
        known = self._ready.get((as_of, ticker))
        if known is not None and known.trades is trades and known.prepared.parameters == parameters:
            return None
        return PricerBuild(ticker, as_of, parameters, trades, known)

    def over_build_budget(self, as_of: date, tickers: Iterable[str]) -> set[str]:
        """Of these underlyings those that lack so many boundaries at a date that a tick should not wait for them."""
        over_build_budget: set[str] = set()
        left = _BOUNDARIES_IN_PLACE
        for ticker in sorted(tickers):
            preparation = self.preparation(as_of, ticker)
            lacking = 0 if preparation is None else preparation.boundaries
            if lacking > left:
                over_build_budget.add(ticker)
            else:
                left -= lacking
        return over_build_budget

    def is_over_build_budget(self, as_of: date, ticker: str) -> bool:
        """Whether this one is, by itself."""
        return bool(self.over_build_budget(as_of, (ticker,)))

    def builds_ahead(self) -> Iterator[PricerBuild]:
        """Underlyings that are not ready for the newest date, and then for the date that the next roll should bring."""
        for as_of in filter(None, (self.newest, self._next_date())):
            for ticker in self.tickers():
                preparation = self.preparation(as_of, ticker)
                if preparation is not None:
                    yield preparation

    def take(self, ready: Ready) -> None:
        """Keep what a preparation brought; it counts for as long as trades and parameters are those that it took."""
        self._ready.put(ready)

    def expect(self, ready: Ready) -> None:
        """Keep trades that the next transaction will bring, made ready for its date apart from what is there."""
        self._expected[ready.prepared.ticker] = ready

    def failures_persisted(self, ready: Ready) -> bool:
        """Whether the store has the reasons why trades on this underlying have no value."""
        return self._ready.failures_persisted(ready)

    def tell(self, ready: Ready) -> None:
        """Note that the store has been given them."""
        self._ready.tell(ready)

    def _next_date(self) -> date | None:
        if self.newest is not None:
            with suppress(ValueError):  # beyond the calendar
                return next_trading_day(self.newest)
        return None
