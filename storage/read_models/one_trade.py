"""What the store holds about one trade: itself, its values, its quote and parameters, its versions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Any

from sqlalchemy import Connection, Select, func, select

from engine.measures import MEASURE_NAMES
from storage.book.records_at import RecordVersion, versions_of
from storage.core.schema import (
    books,
    changes,
    instruments,
    pricing_failures,
    pricing_parameters,
    quotes,
    record_versions,
    sensitivities,
    trades,
)

_CANDIDATES = 40
_NEAREST = 8

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class TradeValues:
    """Measures of a trade to a risk factor at a date; a measure that nobody said is None.

    source: "engine" for ours. priced_at: when it was written, None where the change log no longer says.
    """

    risk_factor: str
    measures: Mapping[str, float | None]
    spot: float | None
    observed_at: datetime
    priced_by: str
    parameters_source: str
    source: str
    priced_at: datetime | None


def stored_trade(connection: Connection, trade_id: str) -> Row | None:
    """The newest version of a trade with its source, or None."""
    return _first(connection, select(trades).where(trades.c.trade_id == trade_id))


def nearest_ids(connection: Connection, asked: str) -> list[str]:
    """The ids of trades that are most like what was asked for, the most alike first."""
    ids = trades.c.trade_id
    queries = (
        select(ids).where(func.lower(ids).contains(asked.lower(), autoescape=True)).order_by(ids),
        select(ids).where(ids >= asked).order_by(ids),
        select(ids).where(ids < asked).order_by(ids.desc()),
    )
    found = {each for query in queries for each in connection.execute(query.limit(_CANDIDATES)).scalars()}
    alike = {each: SequenceMatcher(None, asked.lower(), each.lower()).ratio() for each in found}
    return sorted(found, key=lambda each: (-alike[each], each))[:_NEAREST]


def stored_book(connection: Connection, book: str) -> Row | None:
    return _first(connection, select(books).where(books.c.book == book))


def stored_instrument(connection: Connection, ticker: str) -> Row | None:
    return _first(connection, select(instruments).where(instruments.c.ticker == ticker))


def trade_values(connection: Connection, trade_id: str, as_of: date) -> list[TradeValues]:
    """Its values at a date, by risk factor."""
    table = sensitivities.c
    query = (
        select(sensitivities, changes.c.committed_at)
        .join(changes, changes.c.revision == table.revision, isouter=True)
        .where(table.as_of_date == as_of, table.trade_id == trade_id, table.risk_factor.in_(_risk_factors(as_of)))
        .order_by(table.risk_factor)
    )
    return [
        TradeValues(
            row["risk_factor"],
            {name: row[name] for name in MEASURE_NAMES},
            row["spot"],
            row["observed_at"],
            row["priced_by"],
            row["parameters_source"],
            row["source"],
            row["committed_at"],
        )
        for row in connection.execute(query).mappings()
    ]


def _risk_factors(as_of: date) -> Select[Any]:
    """The risk factors of a date, a step down the key each: with one of them the key leads to a trade."""
    table = sensitivities.c
    first = select(func.min(table.risk_factor).label("name")).where(table.as_of_date == as_of)
    names = first.cte("risk_factors", recursive=True)
    following = select(func.min(table.risk_factor)).where(table.as_of_date == as_of, table.risk_factor > names.c.name)
    names = names.union_all(select(following.scalar_subquery()).where(names.c.name.is_not(None)))
    return select(names.c.name).where(names.c.name.is_not(None))


def pricing_failure(connection: Connection, trade_id: str, as_of: date) -> tuple[str, str] | None:
    """Why it has no value at a date, as (reason, detail); None where nothing is said."""
    table = pricing_failures.c
    query = select(table.reason, table.detail).where(table.as_of_date == as_of, table.trade_id == trade_id)
    row = connection.execute(query).first()
    return None if row is None else (row.reason, row.detail)


def newest_quote(connection: Connection, instrument: str, as_of: date) -> Row | None:
    """The quote of an instrument that counts at a date: the newest on or before it."""
    table = quotes.c
    query = select(quotes).where(table.instrument == instrument, table.as_of_date <= as_of)
    return _first(connection, query.order_by(table.as_of_date.desc()))


def newest_parameters(connection: Connection, ticker: str, as_of: date) -> Row | None:
    """The parameters of an underlying that hold at a date, or None."""
    table = pricing_parameters.c
    query = select(pricing_parameters).where(table.ticker == ticker, table.as_of_date <= as_of)
    return _first(connection, query.order_by(table.as_of_date.desc()))


def trade_versions(connection: Connection, trade_id: str) -> list[RecordVersion]:
    """Every version of a trade, the oldest first."""
    return versions_of(connection, "trades", record_versions.c.record_key == trade_id)


def parameter_versions(connection: Connection, ticker: str) -> list[RecordVersion]:
    """Every version of every parameter row of an underlying, the oldest first."""
    of_ticker = record_versions.c.record_key.endswith(f"|{ticker}", autoescape=True)
    versions = versions_of(connection, "parameters", of_ticker)
    return [version for version in versions if version.record["ticker"] == ticker]


def _first(connection: Connection, query: Select[Any]) -> Row | None:
    row = connection.execute(query.limit(1)).mappings().first()
    return None if row is None else dict(row)
