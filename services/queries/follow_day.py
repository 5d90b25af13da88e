"""Read the points of an as-of date from the store, and follow what changes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection, func, select

from engine.model import Source
from engine.snapshot.parameters import Parameters
from engine.valuation.pricer_build import BuiltPricer
from services.queries.day_book import Closes, DayBook
from services.queries.day_points import DayPoints, Versions, known_until
from storage.book.hierarchy import BookHierarchy, read_hierarchy
from storage.book.records_at import first_revision, records_at, revision_before, versions_after
from storage.core.change_log import NO_DATE
from storage.core.schema import change_rows, changes, sensitivities
from storage.market.quote_history import ReceivedQuote, closed_at, received_quotes
from storage.market.quotes import newest_as_of, quotes_as_known
from storage.market.sensitivities import previous_priced_date

_CLOCKS_APART = timedelta(minutes=1)
"""So much may the clocks of machines that write to one store differ."""


class FollowedDay:
    """A date's points as the store has them at a revision. For one thread at a time."""

    def __init__(self, as_of: date, fallback: Parameters) -> None:
        """fallback: parameters of an underlying that has none."""
        self._as_of, self._fallback = as_of, fallback
        self._revision = -1
        self._is_closed = False
        self._made: Mapping[str, BuiltPricer] = {}
        self._points: DayPoints | None = None
        self._hierarchy: BookHierarchy | None = None

    def bring_to(self, connection: Connection, revision: int) -> tuple[DayPoints, BookHierarchy]:
        """The points as the transaction of this connection sees the store, at the cost of what has changed since."""
        points, hierarchy = self._points, self._hierarchy
        self._points = None  # nobody uses it again, should this fail
        is_closed = (newest_as_of(connection) or self._as_of) > self._as_of
        if points is not None and (is_closed != self._is_closed or self._is_other(connection, is_closed)):
            points = None
        if points is not None and not is_closed and not points.follow(*self._news(connection, points)):
            points = None
        if points is None or hierarchy is None:
            hierarchy = read_hierarchy(connection)
            points = self._read(connection, hierarchy.unpriced, revision)
        self._points, self._hierarchy, self._is_closed, self._revision = points, hierarchy, is_closed, revision
        self._made = points.book.made
        return points, hierarchy

    def _is_other(self, connection: Connection, is_closed: bool) -> bool:
        """Whether what has changed is not followed step by step: static data, closes, a date that is over."""
        oldest = connection.execute(select(func.min(changes.c.revision))).scalar()
        if oldest is None or oldest > self._revision + 1:
            return True
        reload = select(changes.c.revision).where(changes.c.revision > self._revision, changes.c.reload)
        rows = change_rows.c
        earlier = select(rows.revision).where(
            rows.revision > self._revision,
            rows.as_of_date > NO_DATE,
            rows.as_of_date <= (self._as_of if is_closed else self._as_of - timedelta(days=1)),
        )
        return any(connection.execute(query.limit(1)).first() is not None for query in (reload, earlier))

    def _news(self, connection: Connection, points: DayPoints) -> tuple[list[ReceivedQuote], Versions]:
        since = points.last_received
        quotes = received_quotes(connection, self._as_of, None if since is None else since - _CLOCKS_APART)
        trades, parameters = (versions_after(connection, kind, self._revision) for kind in ("trades", "parameters"))
        return quotes, Versions(trades, parameters)

    def _read(self, connection: Connection, unpriced: frozenset[str], revision: int) -> DayPoints:
        """All points of the date; what was made ready for it before is used again where it is the same."""
        quotes, closed = received_quotes(connection, self._as_of), closed_at(connection, self._as_of)
        start = _start(connection, quotes, closed, revision)
        trades, later_trades = records_at(connection, "trades", start)
        parameters, later_parameters = records_at(connection, "parameters", start)
        closes = _closes(connection, self._as_of)
        book = DayBook(self._as_of, trades, parameters, unpriced, closes, self._made, self._fallback)
        points, versions = DayPoints(book), Versions(later_trades, later_parameters)
        points.follow(quotes, versions, closed_at=closed)
        if closed is not None and (versions.trades or versions.parameters):
            self._take_late(connection, points, versions)
        return points

    def _take_late(self, connection: Connection, points: DayPoints, versions: Versions) -> None:
        """Values of a date that were computed when it was over are of the trades that were known by then."""
        first = min(version.revision for version in (*versions.trades, *versions.parameters))
        table = sensitivities.c
        query = select(table.trade_id, table.risk_factor, table.revision).where(
            table.as_of_date == self._as_of, table.source == Source.ENGINE, table.revision >= first
        )
        by_trade: dict[str, int] = {}
        by_ticker: dict[str, int] = {}
        for row in connection.execute(query):
            by_trade[row.trade_id] = row.revision
            by_ticker[row.risk_factor] = max(row.revision, by_ticker.get(row.risk_factor, 0))
        if by_trade:
            known = [version for version in versions.trades if version.revision <= by_trade.get(version.key, 0)]
            points.book.take_trades(known)
            of = (version for version in versions.parameters)
            known = [version for version in of if version.revision <= by_ticker.get(version.key.partition("|")[2], 0)]
            points.book.take_parameters(known)
            points.price_last_again()


def _start(connection: Connection, quotes: Sequence[ReceivedQuote], closed: datetime | None, revision: int) -> int:
    """The revision at which the first point is. Before the first trades there was no book, so they are in it."""
    until = known_until(quotes, closed)
    return revision if until is None else max(revision_before(connection, until), first_revision(connection, "trades"))


def _closes(connection: Connection, as_of: date) -> Closes:
    previous = previous_priced_date(connection, as_of)
    if previous is None:
        return Closes({}, {})
    table = sensitivities.c
    query = select(table.risk_factor, table.trade_id, table.market_value).where(
        table.as_of_date == previous, table.market_value.is_not(None)
    )
    values = {(row.risk_factor, row.trade_id): row.market_value for row in connection.execute(query)}
    return Closes(values, {name: quote.quote for name, quote in quotes_as_known(connection, previous).items()})
