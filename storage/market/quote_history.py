"""Every version of every quote: the observations of a date, what of them was known when, and what holds instead."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, delete, exists, func, select, tuple_

from storage.core.bulk import insert, upsert
from storage.core.database import Store, WriteUnit
from storage.core.known_at import KnownAt, holds
from storage.core.schema import quote_versions, quotes
from storage.market.quotes import Quote, instruments_of, newest_as_of

_KEYS_A_QUERY = 500
_VERSION = quote_versions.c
_IN_ORDER = tuple(quote_versions.primary_key.columns)
"""Of several versions of an instant the last holds."""
_NEWEST = tuple(quotes.c.keys())

Instant = tuple[date, str, datetime]
"""As-of date, instrument, time of observation."""
Row = dict[str, Any]


def write_versions(unit: WriteUnit, observations: Sequence[Quote], late: Sequence[bool], source: str) -> None:
    """Keep a version of each observation, in order. late: of each, whether its date was over when it came."""
    columns: dict[str, Any] = {
        "instrument": [item.instrument for item in observations],
        "as_of_date": [item.as_of_date for item in observations],
        "observed_at": [item.observed_at for item in observations],
        "revision": unit.revision,
        "step": _steps(observations),
        "quote": [item.quote for item in observations],
        "received_at": unit.now,
        "source": source,
        "place": _one_or_all([item.place for item in observations]),
        "is_late": _one_or_all(list(late)),
    }
    insert(unit.connection, quote_versions, columns, len(observations))


def observations_of(connection: Connection, as_of: date, known_at: KnownAt = None) -> pd.DataFrame:
    """Every observation of a date in time order: columns instrument, observed_at (UTC), quote."""
    rows = [
        (each.instrument, each.observed_at, each.quote) for each in received_quotes(connection, as_of, None, known_at)
    ]
    return pd.DataFrame(rows, columns=["instrument", "observed_at", "quote"])


@dataclass(frozen=True, slots=True)
class ReceivedQuote:
    """An observation, and when it came."""

    instrument: str
    observed_at: datetime
    quote: float
    received_at: datetime


def received_quotes(
    connection: Connection, as_of: date, since: datetime | None = None, known_at: KnownAt = None
) -> list[ReceivedQuote]:
    """The observations of a date that hold, in the order of their times. since: those that came then or later."""
    names = instruments_of(quote_versions)
    query = _received().select_from(names).join(quote_versions, _VERSION.instrument == names.c.name)
    query = query.where(_VERSION.as_of_date == as_of, holds(quote_versions, known_at))
    if since is not None:
        query = query.where(_VERSION.received_at >= since)
    return _newest_of_instants(connection, query)


def received_observations(
    connection: Connection, instrument: str, as_of: date, known_at: KnownAt = None
) -> list[tuple[datetime, float, datetime]]:
    """(observed at, quote, received at) of an instrument over a date, in the order of observation."""
    query = _received().where(_VERSION.instrument == instrument, _VERSION.as_of_date == as_of)
    found = _newest_of_instants(connection, query.where(holds(quote_versions, known_at)))
    return [(each.observed_at, each.quote, each.received_at) for each in found]


def closed_at(connection: Connection, as_of: date) -> datetime | None:
    """When the first quote for a later date came: it closed this one. None: none came yet."""
    names = instruments_of(quote_versions)
    query = select(func.min(_VERSION.received_at)).select_from(names)
    query = query.join(quote_versions, _VERSION.instrument == names.c.name)
    found: datetime | None = connection.execute(
        query.where(_VERSION.as_of_date > as_of, holds(quote_versions))
    ).scalar()
    return found


def received_after(connection: Connection, instrument: str, as_of: date) -> datetime | None:
    """When the first quote of an instrument for a later date came: it closed this one. None: none came yet."""
    query = select(func.min(_VERSION.received_at)).where(_VERSION.instrument == instrument, _VERSION.as_of_date > as_of)
    found: datetime | None = connection.execute(query.where(holds(quote_versions))).scalar()
    return found


def stored_observations(connection: Connection, instants: Collection[Instant]) -> dict[Instant, Row]:
    """Instant -> the version of it that holds."""
    found: dict[Instant, Row] = {}
    key = tuple_(_VERSION.instrument, _VERSION.as_of_date, _VERSION.observed_at)
    wanted = [(instrument, as_of, observed_at) for as_of, instrument, observed_at in instants]
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        query = select(quote_versions).where(key.in_(wanted[start : start + _KEYS_A_QUERY]), holds(quote_versions))
        for row in connection.execute(query.order_by(*_IN_ORDER)).mappings():
            found[row["as_of_date"], row["instrument"], row["observed_at"]] = dict(row)
    return found


def hold_instead(unit: WriteUnit, keys: Iterable[tuple[date, str]]) -> set[tuple[date, str]]:
    """Make ``quotes`` have what holds of these dates and instruments, after versions were withdrawn.

    Returns those that still have a quote.
    """
    wanted, found = sorted(keys), set[tuple[date, str]]()
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        some = tuple_(quotes.c.as_of_date, quotes.c.instrument).in_(wanted[start : start + _KEYS_A_QUERY])
        found |= _hold_instead(unit, some)
    return found


def hold_instead_of_source(unit: WriteUnit, source: str, first_date: date) -> None:
    """The same for what ``quotes`` has from a source, for a date and later ones."""
    _hold_instead(unit, (quotes.c.source == source) & (quotes.c.as_of_date >= first_date))


def _hold_instead(unit: WriteUnit, which: ColumnElement[bool]) -> set[tuple[date, str]]:
    earlier = quote_versions.alias()
    observed = select(earlier.c.observed_at).where(
        earlier.c.instrument == quotes.c.instrument,
        earlier.c.as_of_date == quotes.c.as_of_date,
        ~earlier.c.is_late,
        holds(earlier),
    )
    observed = observed.order_by(earlier.c.observed_at.desc()).limit(1).correlate(quotes)
    same_key = (_VERSION.instrument == quotes.c.instrument) & (_VERSION.as_of_date == quotes.c.as_of_date)
    query = select(*(_VERSION[name] for name in _NEWEST)).select_from(quotes).join(quote_versions, same_key)
    query = query.where(
        which, _VERSION.observed_at == observed.scalar_subquery(), ~_VERSION.is_late, holds(quote_versions)
    )
    rows = {(row.as_of_date, row.instrument): row for row in unit.connection.execute(query.order_by(*_IN_ORDER))}
    unit.connection.execute(delete(quotes).where(which))
    columns = {name: [getattr(row, name) for row in rows.values()] for name in _NEWEST}
    upsert(unit.connection, quotes, columns, len(rows))
    return set(rows)


def held_quotes(connection: Connection) -> dict[tuple[Any, ...], Row]:
    """(As-of date, instrument) -> what ``quotes`` should have, from the versions alone. Reads all of them."""
    newest = func.row_number().over(
        partition_by=(_VERSION.as_of_date, _VERSION.instrument),
        order_by=(_VERSION.observed_at.desc(), _VERSION.revision.desc(), _VERSION.step.desc()),
    )
    ranked = select(*(_VERSION[name] for name in _NEWEST), newest.label("place"))
    ranked_rows = ranked.where(~_VERSION.is_late, holds(quote_versions)).subquery()
    query = select(*(ranked_rows.c[name] for name in _NEWEST)).where(ranked_rows.c.place == 1)
    return {(row["as_of_date"], row["instrument"]): dict(row) for row in connection.execute(query).mappings()}


def forget_versions(store: Store, days: int) -> int:
    """Delete the versions of quotes of as-of dates more than so many days before the newest, but for those that hold as
    the newest of their date. A transaction for each instrument. Returns how many are gone.
    """
    with store.read() as connection:
        newest = newest_as_of(connection)
        names = list(connection.execute(select(instruments_of(quote_versions).c.name)).scalars())
    if newest is None:
        return 0
    before, gone = newest - timedelta(days=days), 0
    is_newest = exists().where(
        quotes.c.as_of_date == _VERSION.as_of_date,
        quotes.c.instrument == _VERSION.instrument,
        quotes.c.observed_at == _VERSION.observed_at,
        quotes.c.revision == _VERSION.revision,
    )
    for name in filter(None, names):
        outdated = delete(quote_versions).where(_VERSION.instrument == name, _VERSION.as_of_date < before, ~is_newest)
        with store.bookkeeping() as connection:
            gone += connection.execute(outdated).rowcount
    return gone


def _received() -> Select[Any]:
    return select(_VERSION.instrument, _VERSION.observed_at, _VERSION.quote, _VERSION.received_at)


def _newest_of_instants(connection: Connection, query: Select[Any]) -> list[ReceivedQuote]:
    rows = connection.execute(query.order_by(*_IN_ORDER))
    newest = {(row.observed_at, row.instrument): ReceivedQuote(*row) for row in rows}
    return [newest[key] for key in sorted(newest)]


def _steps(observations: Sequence[Quote]) -> int | list[int]:
    """Of several of one instant the last is 0, the one before -1."""
    instants = [(item.instrument, item.as_of_date, item.observed_at) for item in observations]
    if len(set(instants)) == len(instants):
        return 0
    left: dict[Any, int] = {}
    steps = []
    for instant in reversed(instants):
        steps.append(-left.get(instant, 0))
        left[instant] = left.get(instant, 0) + 1
    return steps[::-1]


def _one_or_all(values: list[Any]) -> Any:
    """A value that all share is handed to the database once."""
    return values[0] if values and values.count(values[0]) == len(values) else values
