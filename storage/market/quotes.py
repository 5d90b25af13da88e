"""The newest quote of each instrument and date, which prices. ``quote_history`` has every one that came."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy import CTE, Connection, Table, func, select

from storage.core.bulk import upsert
from storage.core.database import WriteUnit
from storage.core.known_at import KnownAt, holds
from storage.core.schema import quote_versions, quotes

_KEYS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Quote:
    """An observation of an instrument. observed_at is the source's time in UTC; as_of_date its business date.

    place: where in its source it was, for people; "" where nobody says.
    """

    as_of_date: date
    instrument: str
    quote: float
    observed_at: datetime
    place: str = field(default="", compare=False)


def write_newest(unit: WriteUnit, newest: Sequence[Quote], source: str) -> None:
    """Store the newest quotes, one an instrument and date; never over a newer one."""
    columns = {
        "as_of_date": [item.as_of_date for item in newest],
        "instrument": [item.instrument for item in newest],
        "quote": [item.quote for item in newest],
        "observed_at": [item.observed_at for item in newest],
        "received_at": unit.now,
        "source": source,
        "revision": unit.revision,
    }
    upsert(unit.connection, quotes, columns, len(newest), newer_by="observed_at")


def newest_as_of(connection: Connection) -> date | None:
    """The newest as-of date that has a quote, or None in a store without quotes."""
    return connection.execute(select(func.max(quotes.c.as_of_date))).scalar()


def quoted_dates(connection: Connection) -> list[date]:
    """The dates that have a quote, oldest first."""
    return list(connection.execute(select(quotes.c.as_of_date).distinct().order_by(quotes.c.as_of_date)).scalars())


def newest_quoted_dates(connection: Connection, count: int) -> list[date]:
    """The newest dates that have a quote, newest first."""
    query = select(quotes.c.as_of_date).distinct().order_by(quotes.c.as_of_date.desc()).limit(count)
    return list(connection.execute(query).scalars())


def previous_quoted_date(connection: Connection, as_of: date) -> date | None:
    """The newest date before this one that has a quote, or None."""
    return connection.execute(select(func.max(quotes.c.as_of_date)).where(quotes.c.as_of_date < as_of)).scalar()


def last_observation(connection: Connection, as_of: date) -> datetime | None:
    """When the newest quote of a date was observed, or None where it has none."""
    return connection.execute(select(func.max(quotes.c.observed_at)).where(quotes.c.as_of_date == as_of)).scalar()


def quotes_as_known(connection: Connection, as_of: date, known_at: KnownAt = None) -> dict[str, Quote]:
    """Instrument -> its newest quote on or before a date, as it was known. Costs the instruments, however many dates
    there are."""
    table = quotes if known_at is None else quote_versions
    names, earlier = instruments_of(table), table.alias()
    of_name = select(earlier).where(earlier.c.instrument == names.c.name, earlier.c.as_of_date <= as_of)
    query = select(table.c.as_of_date, table.c.instrument, table.c.quote, table.c.observed_at).select_from(names)
    query = query.join(table, table.c.instrument == names.c.name)
    if known_at is None:
        newest = of_name.with_only_columns(func.max(earlier.c.as_of_date)).correlate(names).scalar_subquery()
        query = query.where(table.c.as_of_date == newest)
    else:  # the last of the versions of that instant holds
        held = of_name.where(~earlier.c.is_late, holds(earlier, known_at)).limit(1).correlate(names)
        held = held.order_by(earlier.c.as_of_date.desc(), earlier.c.observed_at.desc())
        query = query.where(
            table.c.as_of_date == held.with_only_columns(earlier.c.as_of_date).scalar_subquery(),
            table.c.observed_at == held.with_only_columns(earlier.c.observed_at).scalar_subquery(),
            ~table.c.is_late,
            holds(table, known_at),
        ).order_by(table.c.instrument, table.c.revision, table.c.step)
    return {row.instrument: Quote(*row) for row in connection.execute(query)}


def instruments_of(table: Table) -> CTE:
    """The instruments in a table that a key of it begins with, a step down the key each."""
    column = table.c.instrument
    names = select(func.min(column).label("name")).cte("instruments", recursive=True)
    following = select(func.min(column)).where(column > names.c.name)
    return names.union_all(select(following.scalar_subquery()).where(names.c.name.is_not(None)))


def next_quoted(connection: Connection, instruments: Collection[str], as_of: date) -> dict[str, date]:
    """Instrument -> the first date after this one on which it has a quote; one that has none is left out."""
    found: dict[str, date] = {}
    wanted = sorted(instruments)
    for start in range(0, len(wanted), _KEYS_A_QUERY):
        some = wanted[start : start + _KEYS_A_QUERY]
        query = select(quotes.c.instrument, func.min(quotes.c.as_of_date))
        query = query.where(quotes.c.instrument.in_(some), quotes.c.as_of_date > as_of)
        found |= {row[0]: row[1] for row in connection.execute(query.group_by(quotes.c.instrument))}
    return found
