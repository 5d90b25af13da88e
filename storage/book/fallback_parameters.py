"""Trades that are priced with default parameters, because their ticker has none on or before the date."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement, Connection, and_, func, select

from engine.model import Source
from engine.pricing.spot_position import SpotEngine
from engine.snapshot.parameters import DEFAULT_PARAMETERS
from storage.book.trade_statuses import read_unpriced
from storage.core.schema import pricing_parameters, sensitivities, trades

_OWN_VALUES = sensitivities.join(
    trades, (sensitivities.c.trade_id == trades.c.trade_id) & (sensitivities.c.risk_factor == trades.c.ticker)
)


@dataclass(frozen=True, slots=True)
class TradeByDefault:
    """A trade whose value was found with default parameters."""

    trade_id: str
    ticker: str
    book: str


def count_by_default(connection: Connection, as_of: date) -> int:
    """How many trades are priced with default parameters at a date; shares need none."""
    query = select(func.count()).select_from(_OWN_VALUES).where(_by_default(connection, as_of))
    return connection.execute(query).scalar_one()


def tickers_by_default(connection: Connection, as_of: date) -> dict[str, int]:
    """Ticker without parameters -> how many trades on it are priced with the defaults."""
    query = select(trades.c.ticker, func.count()).select_from(_OWN_VALUES).where(_by_default(connection, as_of))
    return {row[0]: row[1] for row in connection.execute(query.group_by(trades.c.ticker))}


def trades_by_default(connection: Connection, as_of: date) -> list[TradeByDefault]:
    """The trades by ticker."""
    query = select(trades.c.trade_id, trades.c.ticker, trades.c.book).select_from(_OWN_VALUES)
    query = query.where(_by_default(connection, as_of))
    rows = connection.execute(query.order_by(trades.c.ticker, trades.c.trade_id))
    return [TradeByDefault(*row) for row in rows]


def tickers_on_parameters_before(connection: Connection, as_of: date, day: date) -> list[tuple[str, str, int]]:
    """The tickers whose options are priced at a date with parameters set before a day: (ticker, their date, trades)."""
    values = sensitivities.c
    is_old = and_(
        values.as_of_date == as_of,
        values.source == Source.ENGINE,
        values.parameters_source != DEFAULT_PARAMETERS,
        values.parameters_source < day.isoformat(),
        values.priced_by != SpotEngine.name,
        trades.c.trade_status.not_in(read_unpriced(connection)),
    )
    key = (trades.c.ticker, values.parameters_source)
    query = select(*key, func.count()).select_from(_OWN_VALUES).where(is_old).group_by(*key).order_by(*key)
    return [(row[0], row[1], row[2]) for row in connection.execute(query)]


def similar_parameters(connection: Connection, ticker: str) -> tuple[str, date] | None:
    """The parameters that may be meant for a ticker: (their ticker, their date).

    They are its own for another date, or those of a ticker that differs in its case or the spaces around it.
    """
    table = pricing_parameters.c
    alike = func.lower(func.trim(table.ticker)) == ticker.strip().lower()
    query = select(table.ticker, table.as_of_date).where(alike).order_by(table.ticker != ticker, table.as_of_date)
    row = connection.execute(query.limit(1)).first()
    return None if row is None else (row.ticker, row.as_of_date)


def _by_default(connection: Connection, as_of: date) -> ColumnElement[bool]:
    values = sensitivities.c
    return and_(
        values.as_of_date == as_of,
        values.source == Source.ENGINE,
        values.parameters_source == DEFAULT_PARAMETERS,
        values.priced_by != SpotEngine.name,
        trades.c.trade_status.not_in(read_unpriced(connection)),
    )
