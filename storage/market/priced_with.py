"""The values of the parameters that each underlying was priced with at an as-of date, kept beside what they gave."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, select

from engine.snapshot.parameters import Parameters
from storage.core.bulk import insert
from storage.core.database import WriteUnit
from storage.core.schema import priced_with

_TABLE = priced_with.c


def parameters_priced_with(connection: Connection, as_of: date, known_at: int | None = None) -> dict[str, Parameters]:
    """Underlying -> what its trades were last priced with at a date. known_at: at a revision or before it."""
    query = select(
        _TABLE.ticker, _TABLE.implied_vol, _TABLE.risk_free_rate, _TABLE.dividend_yield, _TABLE.parameters_source
    ).where(_TABLE.as_of_date == as_of)
    if known_at is not None:
        query = query.where(_TABLE.revision <= known_at)
    return {row[0]: Parameters(*row[1:]) for row in connection.execute(query.order_by(_TABLE.ticker, _TABLE.revision))}


def last_priced_with(connection: Connection, as_of: date, ticker: str) -> Parameters | None:
    """What the trades on an underlying were last priced with at a date; None where we priced none."""
    columns = (_TABLE.implied_vol, _TABLE.risk_free_rate, _TABLE.dividend_yield, _TABLE.parameters_source)
    query = select(*columns).where(_TABLE.as_of_date == as_of, _TABLE.ticker == ticker)
    row = connection.execute(query.order_by(_TABLE.revision.desc()).limit(1)).first()
    return None if row is None else Parameters(*row)


def write_priced_with(
    unit: WriteUnit, as_of: date, used: Mapping[str, Parameters], known: Mapping[str, Parameters] | None
) -> Mapping[str, Parameters]:
    """Store the parameters of these underlyings where they are others than before, and can price an option.

    known: what the store has of the date, or None where that must be asked. Returns what it has then: ``known`` itself
    where nothing changed, as at a tick, which so asks and writes nothing.
    """
    stored = parameters_priced_with(unit.connection, as_of) if known is None else known
    other = {ticker: values for ticker, values in used.items() if stored.get(ticker) != values}
    rows = {ticker: values for ticker, values in other.items() if values.fault is None}
    columns = {
        "as_of_date": as_of,
        "ticker": list(rows),
        "revision": unit.revision,
        "implied_vol": [values.implied_vol for values in rows.values()],
        "risk_free_rate": [values.risk_free_rate for values in rows.values()],
        "dividend_yield": [values.dividend_yield for values in rows.values()],
        "parameters_source": [values.source for values in rows.values()],
    }
    insert(unit.connection, priced_with, columns, len(rows))
    return {**stored, **other} if other else stored
