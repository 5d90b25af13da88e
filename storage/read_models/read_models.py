"""What pages and exports read: frames with documented columns, as the store was at one moment."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, func, select

from engine.measures import MEASURE_NAMES, camel_case
from storage.book.fallback_parameters import count_by_default
from storage.book.hierarchy import contracts_in_words, read_hierarchy
from storage.book.records import read_records
from storage.book.trade_statuses import read_unpriced
from storage.core.schema import (
    pricing_failures,
    quotes,
    rejections,
    sensitivities,
    store_state,
    trades,
)
from storage.feeds.background_tasks import ReportedTask, read_reported
from storage.feeds.dead_letters import count_waiting
from storage.feeds.feeds import Feed, read_feeds
from storage.feeds.questioned_values import count_questioned
from storage.feeds.rejections import count_rejections
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import counts, valued_dates

EXPORTS: tuple[str, ...] = ("sensitivities", "trades", "quotes", "failures")

SENSITIVITY_EXPORT_COLUMNS: tuple[str, ...] = (
    "AsOfDate",
    "TradeId",
    "RiskFactor",
    *(camel_case(name) for name in MEASURE_NAMES),
    "ParametersSource",
)


@dataclass(frozen=True, slots=True)
class StoreStatus:
    """Where the store stands: for ``status`` on the command line and for the health route."""

    revision: int
    newest_as_of: date | None
    last_tick: datetime | None
    trades: int
    priced: int
    default_parameters: int
    not_priced: dict[str, int]
    rejected: int
    questioned: int
    late: int
    dead_letters: int
    feeds: list[Feed]
    tasks: list[ReportedTask]


def read_status(connection: Connection) -> StoreStatus:
    """The store's status at one moment."""
    as_of = newest_as_of(connection)
    priced: dict[str, Any] = {"priced": 0, "not_priced": {}} if as_of is None else dict(counts(connection, as_of))
    known_feeds = read_feeds(connection)
    return StoreStatus(
        revision=connection.execute(select(store_state.c.revision)).scalar_one(),
        newest_as_of=as_of,
        last_tick=connection.execute(
            select(func.max(quotes.c.observed_at)).where(quotes.c.as_of_date == as_of)
        ).scalar(),
        trades=connection.execute(select(func.count()).select_from(trades)).scalar_one(),
        priced=priced["priced"],
        default_parameters=count_by_default(connection, as_of) if as_of else 0,
        not_priced=priced["not_priced"],
        rejected=count_rejections(connection),
        questioned=count_questioned(connection),
        late=sum(feed.late_quotes for feed in known_feeds),
        dead_letters=count_waiting(connection),
        feeds=known_feeds,
        tasks=read_reported(connection, datetime.now(UTC)),
    )


def as_of_dates(connection: Connection) -> list[date]:
    """The as-of dates that have values, newest first."""
    return valued_dates(connection)


def has_date(connection: Connection, as_of: date) -> bool:
    """Whether the store has a value, a failure or a quote of a date."""
    tables = (sensitivities, pricing_failures, quotes)
    queries = (select(table.c.as_of_date).where(table.c.as_of_date == as_of).limit(1) for table in tables)
    return any(connection.execute(query).first() is not None for query in queries)


def trade_attributes(connection: Connection) -> pd.DataFrame:
    """Trades in the order of their ids, with what the static data say of them.

    Columns: those of ``engine.model.TRADE_COLUMNS``, the levels of ``engine.selection.HIERARCHY``, currency, and the
    contract in words.
    """
    trades = read_records(connection, "trades")
    hierarchy = read_hierarchy(connection)
    above = [hierarchy.levels(book) for book in trades["book"]]
    for level, name in enumerate(("region", "business_unit", "desk")):
        trades[name] = pd.Series([levels[level] for levels in above], dtype=object)
    trades["currency"] = pd.Series([hierarchy.currency(ticker) for ticker in trades["ticker"]], dtype=object)
    trades["exercise_style"] = trades["exercise_style"].astype(object).where(trades["exercise_style"].notna(), "")
    trades["underlying"] = trades["ticker"]
    words = (trades[name].tolist() for name in ("ticker", "maturity", "strike", "option_type"))
    trades["contract"] = contracts_in_words(*words)
    return trades.sort_values("trade_id", ignore_index=True)


def sensitivities_frame(connection: Connection, as_of: date) -> pd.DataFrame:
    """Every sensitivity of a date: a row each, all columns of the table."""
    query = select(sensitivities).where(sensitivities.c.as_of_date == as_of).order_by(sensitivities.c.trade_id)
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def failures_frame(connection: Connection, as_of: date) -> pd.DataFrame:
    """The trades without a value at a date: trade_id, ticker, book, trade_status, reason, detail."""
    query = (
        select(
            pricing_failures.c.trade_id,
            trades.c.ticker,
            trades.c.book,
            trades.c.trade_status,
            pricing_failures.c.reason,
            pricing_failures.c.detail,
        )
        .join(trades, trades.c.trade_id == pricing_failures.c.trade_id)
        .where(pricing_failures.c.as_of_date == as_of)
        .order_by(pricing_failures.c.reason, pricing_failures.c.trade_id)
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def unvalued_frame(connection: Connection, as_of: date) -> pd.DataFrame:
    """The trades that are priced, by their status, and have no value of their own ticker at a date.

    trade_id, ticker, book, reason, detail; a trade that nothing has tried to price at this date has no reason.
    """
    is_value = and_(
        sensitivities.c.as_of_date == as_of,
        sensitivities.c.trade_id == trades.c.trade_id,
        sensitivities.c.risk_factor == trades.c.ticker,
    )
    is_failure = and_(pricing_failures.c.as_of_date == as_of, pricing_failures.c.trade_id == trades.c.trade_id)
    query = (
        select(trades.c.trade_id, trades.c.ticker, trades.c.book, pricing_failures.c.reason, pricing_failures.c.detail)
        .outerjoin(sensitivities, is_value)
        .outerjoin(pricing_failures, is_failure)
        .where(sensitivities.c.trade_id.is_(None), trades.c.trade_status.not_in(read_unpriced(connection)))
    )
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def rejections_frame(connection: Connection, limit: int = 1000) -> pd.DataFrame:
    """The newest rejections first: received_at, source, place, column_name, value, reason."""
    query = select(rejections).order_by(rejections.c.rejection_id.desc()).limit(limit)
    result = connection.execute(query)
    return pd.DataFrame(result.all(), columns=list(result.keys())).drop(columns="rejection_id")


def export_frame(connection: Connection, what: str, as_of: date | None) -> pd.DataFrame:
    """A frame as it is exported, CamelCase columns. as_of: the newest date when None; trades have none.

    Raises ValueError when ``what`` is not one of ``EXPORTS``.
    """
    if what == "trades":
        frame = read_records(connection, "trades").drop(columns=["revision", "source"])
        frame["maturity"] = [None if pd.isna(maturity) else maturity.date() for maturity in frame["maturity"]]
        return frame.rename(columns=camel_case)
    day = as_of or newest_as_of(connection)
    if what == "sensitivities":
        frame = sensitivities_frame(connection, day) if day else pd.DataFrame(columns=list(sensitivities.c.keys()))
        return frame.rename(columns=camel_case)[list(SENSITIVITY_EXPORT_COLUMNS)]
    if what == "quotes":
        query = select(quotes.c.as_of_date, quotes.c.instrument, quotes.c.quote).where(quotes.c.as_of_date == day)
        result = connection.execute(query.order_by(quotes.c.instrument))
        return pd.DataFrame(result.all(), columns=["AsOfDate", "Instrument", "Quote"])
    if what == "failures":
        failed = failures_frame(connection, day or date.min)
        failed.insert(0, "as_of_date", day)
        return failed.rename(columns=camel_case)
    raise ValueError(f"{what} cannot be exported: choose {', '.join(EXPORTS)}")


def book_names(connection: Connection) -> list[str]:
    """The books that trades are in, by name."""
    return list(connection.execute(select(trades.c.book).distinct().order_by(trades.c.book)).scalars())
