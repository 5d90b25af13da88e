"""Quotes in the store: the newest of each instrument and date for pricing, every observation for history."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import pandas as pd
from sqlalchemy import Connection, func, select

from storage.core.bulk import upsert
from storage.core.database import WriteUnit
from storage.core.schema import quote_history, quotes

_KEYS_A_QUERY = 500


@dataclass(frozen=True, slots=True)
class Quote:
    """An observation of an instrument. observed_at is the source's time in UTC; as_of_date its business date."""

    as_of_date: date
    instrument: str
    quote: float
    observed_at: datetime


def write_quotes(unit: WriteUnit, newest: Sequence[Quote], observations: Sequence[Quote], source: str) -> None:
    """Store the newest quotes (one an instrument and date; never over a newer one) and all observations for history.

    Of several observations of one instrument at one instant the last counts.
    """
    common = {"received_at": unit.now, "source": source}
    upsert(
        unit.connection,
        quotes,
        {**_columns(newest), **common, "revision": unit.revision},
        len(newest),
        newer_by="observed_at",
    )
    unique = list({(quote.instrument, quote.observed_at): quote for quote in observations}.values())
    upsert(unit.connection, quote_history, {**_columns(unique), **common}, len(unique))


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


def quotes_as_known(connection: Connection, as_of: date) -> dict[str, Quote]:
    """Instrument -> its newest quote on or before a date. Costs the instruments, however many dates there are."""
    names = select(func.min(quotes.c.instrument).label("name")).cte("instruments", recursive=True)
    following = select(func.min(quotes.c.instrument)).where(quotes.c.instrument > names.c.name)
    names = names.union_all(select(following.scalar_subquery()).where(names.c.name.is_not(None)))
    newest = select(func.max(quotes.c.as_of_date)).where(quotes.c.instrument == names.c.name)
    query = (
        select(quotes.c.as_of_date, quotes.c.instrument, quotes.c.quote, quotes.c.observed_at)
        .select_from(names)
        .join(quotes, quotes.c.instrument == names.c.name)
        .where(quotes.c.as_of_date == newest.where(quotes.c.as_of_date <= as_of).correlate(names).scalar_subquery())
    )
    rows = connection.execute(query)
    return {row.instrument: Quote(*row) for row in rows}


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


def observations_of(connection: Connection, as_of: date) -> pd.DataFrame:
    """Every observation of a date in time order: columns instrument, observed_at (UTC), quote."""
    query = select(quote_history.c.instrument, quote_history.c.observed_at, quote_history.c.quote).where(
        quote_history.c.as_of_date == as_of
    )
    rows = connection.execute(query.order_by(quote_history.c.observed_at))
    return pd.DataFrame([tuple(row) for row in rows], columns=["instrument", "observed_at", "quote"])


@dataclass(frozen=True, slots=True)
class ReceivedQuote:
    """An observation, and when it came."""

    instrument: str
    observed_at: datetime
    quote: float
    received_at: datetime


def received_quotes(connection: Connection, as_of: date, since: datetime | None = None) -> list[ReceivedQuote]:
    """The observations of a date in the order of their times. since: those that came then or later."""
    table = quote_history.c
    query = select(table.instrument, table.observed_at, table.quote, table.received_at).where(table.as_of_date == as_of)
    if since is not None:
        query = query.where(table.received_at >= since)
    return [ReceivedQuote(*row) for row in connection.execute(query.order_by(table.observed_at, table.instrument))]


def closed_at(connection: Connection, as_of: date) -> datetime | None:
    """When the first quote for a later date came: it closed this one. None: none came yet."""
    query = select(func.min(quote_history.c.received_at)).where(quote_history.c.as_of_date > as_of)
    found: datetime | None = connection.execute(query).scalar()
    return found


def _columns(items: Sequence[Quote]) -> dict[str, list[object]]:
    return {
        "as_of_date": [item.as_of_date for item in items],
        "instrument": [item.instrument for item in items],
        "quote": [item.quote for item in items],
        "observed_at": [item.observed_at for item in items],
    }
