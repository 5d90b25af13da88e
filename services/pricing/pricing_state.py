"""What a writing process keeps in memory between transactions: a snapshot of the store, and the pricers built from it.

It is a cache of the store, never a truth of its own: at the start of each transaction it compares revisions with the
store and takes what another process has changed, from the change log where that reaches back far enough. The snapshot
is immutable: a transaction makes the next one, and one that fails leaves the former, see ``unit_of_work``. One thread
uses it. What another thread may have is a ``PricerBuild``, which it gives, and takes back as ``BuiltPricer``.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from immutables import Map
from sqlalchemy import Connection

from engine.snapshot.book import BookSnapshot, Trade, TradeChanges, Trades
from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, Parameters
from engine.trading_calendar import next_trading_day
from engine.valuation.amending import amend_underlying
from engine.valuation.pricer_build import BuiltPricer, Key, PricerBuild
from engine.valuation.underlying_pricer import UnderlyingPricer
from services.pricing.fallback_parameters import fallback_of
from services.pricing.pricer_cache import PricerCache
from services.pricing.valued_rows import ValuedRows
from services.records.plausibility import DEFAULT_BOUNDS, PlausibleBounds
from storage.book.records import read_plain_records
from storage.book.trade_statuses import read_unpriced
from storage.connection.settings import Settings
from storage.core.change_log import Change, rows_since
from storage.core.database import Store, StoreRevisions, WriteUnit
from storage.market.priced_with import write_priced_with
from storage.market.quotes import Quote, newest_as_of, quotes_as_known
from storage.market.reported import reported_keys
from storage.market.sensitivities import priced_dates

_UNREAD = -1
_BOUNDARIES_IN_PLACE = 20
"""So many boundaries are found in a transaction, in some 0.4 ms; more are found before it or concurrently."""


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """Trades, parameters, quotes and what else decides what is priced. Immutable: a transaction makes the next one.

    quotes: as-of date -> instrument -> newest quote on or before it, of the dates that were asked for. reported: as-of
    date -> risk factor -> trades whose sensitivity was reported from outside, likewise. priced: the dates that we
    priced; priced_with: as-of date -> underlying -> parameters, as the store has them. persisted: the pricers whose
    failures the store has. static_revision, quotes_revision, reported_revision: where the store stood when each part
    was read; -1 where it was not.
    """

    book: BookSnapshot = field(default_factory=BookSnapshot)
    parameters: ParameterHistory = field(default_factory=ParameterHistory)
    quotes: Map[date, Map[str, Quote]] = field(default_factory=Map)
    reported: Map[date, Map[str, frozenset[str]]] = field(default_factory=Map)
    priced: frozenset[date] = frozenset()
    newest: date | None = None
    priced_with: Map[date, Mapping[str, Parameters]] = field(default_factory=Map)
    persisted: Map[Key, UnderlyingPricer] = field(default_factory=Map)
    static_revision: int = _UNREAD
    quotes_revision: int = _UNREAD
    reported_revision: int = _UNREAD


@dataclass(slots=True)
class FreshTrades:
    """Trades that came or changed, with pricers of their own for one date apart from the others on their underlying.

    changed: those that were known before. outdated: ticker -> trades that were on it and are on another now.
    """

    as_of: date | None
    ready: dict[str, BuiltPricer] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    outdated: dict[str, list[str]] = field(default_factory=dict)


class PricingState:
    """A snapshot of the store, the pricers of its underlyings, and the trades that the next transaction will bring."""

    def __init__(
        self,
        *,
        engine_overwrites_reported: bool = False,
        zero_terminated: bool = False,
        fallback: Parameters = ARTICLE_DEFAULTS,
        bounds: PlausibleBounds = DEFAULT_BOUNDS,
    ) -> None:
        """fallback: parameters of an underlying that has none. bounds: from where on values are questioned."""
        self._engine_overwrites_reported = engine_overwrites_reported
        self.zero_terminated = zero_terminated
        self.bounds = bounds
        self._fallback = fallback
        self._pricers = PricerCache()
        self._expected: dict[str, BuiltPricer] = {}
        self._foreseen: dict[Key, ValuedRows] = {}
        self._held = self._nothing()

    @classmethod
    def of(cls, settings: Settings) -> "PricingState":
        """As the settings want it."""
        return cls(
            engine_overwrites_reported=settings.engine_overwrites_reported,
            zero_terminated=settings.terminated_risk == "zero",
            fallback=fallback_of(settings),
            bounds=PlausibleBounds.of(settings),
        )

    def forget(self) -> None:
        """Drop the snapshot, after the database failed: what it has is not known, and is read again.

        A pricer is compared with the snapshot whenever it is used, so the pricers stay.
        """
        self.restore(self._nothing())

    @property
    def snapshot(self) -> StoreSnapshot:
        """What is held of the store now."""
        return self._held

    def restore(self, snapshot: StoreSnapshot) -> None:
        """Hold what was held before a transaction that wrote nothing."""
        self._held = snapshot
        self._drop_foresight()

    def _nothing(self) -> StoreSnapshot:
        return StoreSnapshot(parameters=ParameterHistory((), self._fallback))

    @property
    def is_read(self) -> bool:
        """Whether it has anything of the store."""
        return self._held.static_revision != _UNREAD

    @property
    def newest(self) -> date | None:
        """The newest as-of date that has a quote."""
        return self._held.newest

    @property
    def priced(self) -> frozenset[date]:
        """The as-of dates that we priced."""
        return self._held.priced

    @property
    def parameters(self) -> ParameterHistory:
        return self._held.parameters

    def catch_up(self, store: Store) -> None:
        """Take what other processes have changed, without keeping anybody from writing."""
        with store.read() as connection:
            self.refresh(connection, store.revisions(connection))

    def refresh(self, connection: Connection, at: StoreRevisions) -> None:
        """Take what other processes have changed since this one last looked. at: where the store stands."""
        held = self._held
        known = max(held.static_revision, held.quotes_revision, held.reported_revision)
        if at.revision < known:  # a backup was restored, or a standby without the last commits took over
            self.forget()
        if at.quotes_revision != self._held.quotes_revision:
            self._follow_quotes(connection)
            self._hold(quotes_revision=at.quotes_revision)
        if at.static_revision != self._held.static_revision:
            self._follow_static(connection)
            self._hold(static_revision=at.static_revision, priced_with=Map())
        if at.reported_revision != self._held.reported_revision:
            self._hold(reported=Map(), reported_revision=at.reported_revision)

    def wrote(self, unit: WriteUnit, change: Change) -> None:
        """Note that this process itself changed the store."""
        if change.static:
            self._hold(static_revision=unit.revision)
        if change.quotes:
            self._hold(quotes_revision=unit.revision)
        if change.reported:
            self._hold(reported_revision=unit.revision)
        self._drop_foresight()
        self.keep_newest_ready()

    def keep_newest_ready(self) -> None:
        """Drop the pricers of dates that are over."""
        self._pricers.keep_to(self._next_date() or self.newest)

    def _follow_quotes(self, connection: Connection) -> None:
        """Take the quotes of the newest date that others have written; anything else that has changed is read again."""
        known, newest = self._held.quotes_revision, self._held.newest
        followed = None if known == _UNREAD else rows_since(connection, known, "dates", ("quotes",))
        if newest is None or followed is None or any(changed.as_of != newest for changed in followed):
            self._read_dates(connection)
            return
        held = self._held.quotes.get(newest)
        if held is not None:
            quotes = (Quote(newest, **row) for changed in followed for row in changed.rows.to_pylist())
            held = held.update({quote.instrument: quote for quote in quotes})
            self._hold(quotes=self._held.quotes.set(newest, held))

    def _read_dates(self, connection: Connection) -> None:
        newest, priced = newest_as_of(connection), frozenset(priced_dates(connection))
        kept = {*priced, newest}
        self._hold(newest=newest, priced=priced, persisted=self._persisted_on(kept), quotes=Map())

    def _follow_static(self, connection: Connection) -> None:
        unpriced = read_unpriced(connection)
        known = self._held.static_revision
        tables = ("trades", "removed", "parameters")
        followed = None if known == _UNREAD else rows_since(connection, known, "static", tables)
        if followed is None:
            parameters = ParameterHistory(read_plain_records(connection, "parameters"), self._fallback)
            book = BookSnapshot.of(read_plain_records(connection, "trades"), unpriced)
            self._hold(book=book, parameters=parameters)
            return
        book, parameters = self._held.book.with_unpriced(unpriced), self._held.parameters
        for changed in followed:
            records = changed.rows.to_pylist()
            if changed.name == "trades":
                book, _ = book.with_trades(records)
            elif changed.name == "removed":
                book = book.without([record["trade_id"] for record in records])
            else:
                parameters = parameters.with_records(records)
        self._hold(book=book, parameters=parameters)

    def note_parameters(self, parameters: ParameterHistory) -> None:
        """Note what the parameters are after this process has written some or taken some off the store."""
        self._hold(parameters=parameters)

    def trade(self, trade_id: str) -> Trade | None:
        """A trade as the store has it, whatever its status; its fields are those of ``TRADE_COLUMNS``."""
        return self._held.book.trade(trade_id)

    def is_priced(self, trade: Trade) -> bool:
        """Whether a trade is priced at all: a terminated one has no risk and is no failure."""
        return self._held.book.is_priced(trade)

    def trades_on(self, ticker: str) -> Trades:
        """The trades on an underlying that are priced."""
        return self._held.book.on(ticker)

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return self._held.book.tickers()

    def take_trades(self, records: Sequence[Trade]) -> FreshTrades:
        """Put trades that were written into memory; those to be priced come back with pricers for the newest date.

        What was worked out for the other trades on their underlyings is kept.
        """
        before = self._held.book
        book, changes = before.with_trades(records)
        self._hold(book=book)
        fresh = FreshTrades(self.newest, {}, changes.changed, changes.outdated)
        if fresh.as_of is not None:
            for ticker in sorted({*changes.gone, *changes.coming}):
                built = self._fresh(ticker, before.on(ticker), changes, fresh.as_of)
                if built.prepared.trade_ids:
                    fresh.ready[ticker] = built
        return fresh

    def _fresh(self, ticker: str, before: Trades, changes: TradeChanges, as_of: date) -> BuiltPricer:
        coming, gone, now = changes.coming.get(ticker, {}), changes.gone.get(ticker, set()), self.trades_on(ticker)
        parameters = self.parameters.on(as_of, ticker)
        fresh = PricerBuild(ticker, as_of, parameters, coming, self._expected.get(ticker)).run()
        known = self._pricers.get((as_of, ticker))
        if known is not None and known.is_of(before, parameters):
            self._amend(known, gone, fresh, now)
        elif len(coming) == len(now):
            self.take(BuiltPricer(now, fresh.prepared))
        return fresh

    def _amend(self, known: BuiltPricer, gone: Collection[str], fresh: BuiltPricer, now: Trades) -> None:
        """A pricer with some trades gone and fresh ones added: the failures of the others stay persisted."""
        was_persisted = self.failures_persisted(known)
        amended = BuiltPricer(now, amend_underlying(known.prepared, gone, fresh.prepared))
        self.take(amended)
        if was_persisted:
            self.note_persisted(amended)

    def drop_trades(self, trade_ids: Iterable[str]) -> None:
        """Forget trades that this process has taken off the store."""
        self._hold(book=self._held.book.without(trade_ids))

    def quotes(self, connection: Connection, as_of: date) -> Mapping[str, Quote]:
        """Instrument -> newest quote on or before a date."""
        known = self._held.quotes.get(as_of)
        if known is None:
            known = Map(quotes_as_known(connection, as_of))
            self._hold(quotes=self._held.quotes.set(as_of, known))
        return known

    def known_quotes(self, as_of: date) -> Mapping[str, Quote]:
        """The same as far as it is in memory: nothing of a date that was not asked for."""
        return self._held.quotes.get(as_of, {})

    def note_quotes(self, connection: Connection, as_of: date, quotes: Iterable[Quote]) -> None:
        """Note quotes of a date that this process has written: they are the newest of their instruments."""
        known = Map(self.quotes(connection, as_of)).update({quote.instrument: quote for quote in quotes})
        self._hold(quotes=self._held.quotes.set(as_of, known))

    def note_newest(self, as_of: date | None) -> None:
        """Note what the newest date with a quote is after a change."""
        self._hold(newest=as_of)

    def note_priced(self, as_of: date) -> None:
        """Note that a date has values or failures of ours now."""
        self._hold(priced=self.priced | {as_of})

    def note_priced_with(self, unit: WriteUnit, as_of: date, used: Mapping[str, Parameters]) -> None:
        """Store the parameters that a date was priced with, where the store has others."""
        known = self._held.priced_with.get(as_of)
        stored = write_priced_with(unit, as_of, used, known)
        if stored is not known:
            self._hold(priced_with=self._held.priced_with.set(as_of, stored))

    def drop_quotes(self) -> None:
        """Forget the quotes in memory after a change to dates that are not the newest: later dates may inherit them."""
        self._hold(quotes=Map())

    def reported(self, connection: Connection, as_of: date) -> Mapping[str, Collection[str]]:
        """Risk factor -> trades whose sensitivity was reported from outside: our pricing leaves them alone."""
        if self._engine_overwrites_reported:
            return {}
        known = self._held.reported.get(as_of)
        if known is None:
            found = reported_keys(connection, as_of)
            known = Map({risk_factor: frozenset(trade_ids) for risk_factor, trade_ids in found.items()})
            self._hold(reported=self._held.reported.set(as_of, known))
        return known

    def note_reported(self, as_of: date, keys: Iterable[tuple[str, str]]) -> None:
        """Note reported rows that this process has written: (risk factor, trade) each."""
        known = self._held.reported.get(as_of)
        if known is None:
            return
        written: dict[str, set[str]] = {}
        for risk_factor, trade_id in keys:
            written.setdefault(risk_factor, set()).add(trade_id)
        merged = {name: known.get(name, frozenset()) | trade_ids for name, trade_ids in written.items()}
        self._hold(reported=self._held.reported.set(as_of, known.update(merged)))

    def forget_reported(self) -> None:
        """Forget which rows are reported, after some were taken away: they are read again when they are needed."""
        self._hold(reported=Map())

    def forget_date(self, as_of: date) -> None:
        """Forget that a date was priced: its quotes and values have been taken off the store."""
        self._keep_priced(self.priced - {as_of})

    def forget_from(self, first: date) -> None:
        """Forget what is known of this date and later ones: their quotes and values have been taken off the store."""
        self.drop_quotes()
        self._keep_priced(frozenset(as_of for as_of in self.priced if as_of < first))

    def _keep_priced(self, priced: frozenset[date]) -> None:
        self._hold(priced=priced, persisted=self._persisted_on(priced))

    def _persisted_on(self, dates: Collection[date | None]) -> Map[Key, UnderlyingPricer]:
        persisted = self._held.persisted.mutate()
        for key in self._held.persisted:
            if key[0] not in dates:
                del persisted[key]
        return persisted.finish()

    def ready(self, as_of: date, ticker: str) -> BuiltPricer | None:
        """The pricer of an underlying for a date, built here and now where need be; None when there are no trades."""
        build = self.preparation(as_of, ticker)
        if build is not None:
            self.take(build.run())
        return self._pricers.get((as_of, ticker)) if self.trades_on(ticker) else None

    def built(self, as_of: date, ticker: str) -> BuiltPricer | None:
        """The pricer of an underlying for a date, where it is there."""
        return self._pricers.get((as_of, ticker)) if self.preparation(as_of, ticker) is None else None

    def preparation(self, as_of: date, ticker: str, parameters: Parameters | None = None) -> PricerBuild | None:
        """The build that an underlying with trades lacks for a date. parameters: those to come, not stored yet."""
        trades = self.trades_on(ticker)
        if not trades:
            return None
        parameters = parameters or self.parameters.on(as_of, ticker)
        known = self._pricers.get((as_of, ticker))
        if known is not None and known.trades is trades and known.prepared.parameters == parameters:
            return None
        return PricerBuild(ticker, as_of, parameters, trades, known)

    def over_build_budget(self, as_of: date, tickers: Iterable[str]) -> set[str]:
        """Of these underlyings those that lack so many boundaries at a date that a tick should not wait for them."""
        over_build_budget: set[str] = set()
        left = _BOUNDARIES_IN_PLACE
        for ticker in sorted(tickers):
            build = self.preparation(as_of, ticker)
            lacking = 0 if build is None else build.boundaries
            if lacking > left:
                over_build_budget.add(ticker)
            else:
                left -= lacking
        return over_build_budget

    def is_over_build_budget(self, as_of: date, ticker: str) -> bool:
        """Whether this one is, by itself."""
        return bool(self.over_build_budget(as_of, (ticker,)))

    def builds_ahead(self) -> Iterator[PricerBuild]:
        """Builds that the newest date lacks, and then those of the date that the next roll should bring."""
        for as_of in filter(None, (self.newest, self._next_date())):
            for ticker in self.tickers():
                build = self.preparation(as_of, ticker)
                if build is not None:
                    yield build

    def take(self, built: BuiltPricer) -> None:
        """Keep what a build brought; it counts for as long as trades and parameters are those that it took."""
        if not self.failures_persisted(built) and built.key in self._held.persisted:
            self._hold(persisted=self._held.persisted.delete(built.key))
        self._pricers.put(built)

    def expect(self, built: BuiltPricer) -> None:
        """Keep the pricer of trades that the next transaction will bring, apart from what is there."""
        self._expected[built.prepared.ticker] = built

    def foresee(self, rows: ValuedRows) -> None:
        """Keep values at a quote that the next transaction will bring."""
        self._foreseen[rows.prepared.as_of_date, rows.prepared.ticker] = rows

    def foreseen(self, built: BuiltPricer, quote: Quote) -> ValuedRows | None:
        """The values of a pricer at a quote, where just these were foreseen: what changed meanwhile is valued again."""
        rows = self._foreseen.get(built.key)
        return rows if rows is not None and rows.is_of(built, quote) else None

    def _drop_foresight(self) -> None:
        self._expected.clear()
        self._foreseen.clear()

    def failures_persisted(self, built: BuiltPricer) -> bool:
        """Whether the store has the reasons why trades on this underlying have no value."""
        return self._held.persisted.get(built.key) is built.prepared

    def note_persisted(self, built: BuiltPricer) -> None:
        """Note that the store has been given them."""
        self._hold(persisted=self._held.persisted.set(built.key, built.prepared))

    def _hold(self, **parts: Any) -> None:
        self._held = replace(self._held, **parts)

    def _next_date(self) -> date | None:
        if self.newest is not None:
            with suppress(ValueError):  # beyond the calendar
                return next_trading_day(self.newest)
        return None
