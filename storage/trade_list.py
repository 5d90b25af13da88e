"""Trades as people search them: by status, book, underlying, part of their text, and whether they have expired."""

from calendar import month_abbr
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, String, cast, func, or_, select

from engine.measures import camel_case
from storage.placing import contracts_in_words
from storage.records import columns_of
from storage.schema import trades
from storage.text_search import digits_of, every_word, in_any
from storage.trade_statuses import read_unpriced

LIST_COLUMNS = ("trade_id", "contract", "book", "quantity", "maturity", "past_maturity", "trade_status", "source")
_READ = ("trade_id", "ticker", "book", "quantity", "strike", "maturity", "option_type", "trade_status", "source")


@dataclass(frozen=True, slots=True)
class TradeFilter:
    """Empty parts let everything pass. text: words that all stand
    somewhere in what is listed of a trade, in any order and letter case.

    expired_at: only trades whose maturity is before this date.
    """

    text: str = ""
    statuses: tuple[str, ...] = ()
    books: tuple[str, ...] = ()
    tickers: tuple[str, ...] = ()
    expired_at: date | None = None


def matching_trades(connection: Connection, chosen: TradeFilter) -> dict[str, str]:
    """Trade -> status of all that pass, in the order of their ids."""
    query = _chosen(select(trades.c.trade_id, trades.c.trade_status), chosen).order_by(trades.c.trade_id)
    return {row.trade_id: row.trade_status for row in connection.execute(query)}


def list_trades(connection: Connection, chosen: TradeFilter, as_of: date | None, limit: int) -> pd.DataFrame:
    """The first of those, a row each with ``LIST_COLUMNS``. as_of: the date that tells what is past maturity."""
    query = _chosen(select(*(trades.c[name] for name in _READ)), chosen).order_by(trades.c.trade_id).limit(limit)
    rows = connection.execute(query).all()
    columns: dict[str, Any] = {name: [row[place] for row in rows] for place, name in enumerate(_READ)}
    words = (columns[name] for name in ("ticker", "maturity", "strike", "option_type"))
    columns["contract"] = contracts_in_words(*words)
    columns["past_maturity"] = [day is not None and as_of is not None and day < as_of for day in columns["maturity"]]
    return pd.DataFrame({name: pd.Series(columns[name], dtype=object) for name in LIST_COLUMNS})


def whole_trades(connection: Connection, chosen: TradeFilter) -> pd.DataFrame:
    """All that pass with everything that is stored of them: the columns are those of files, and the source."""
    columns = [*columns_of("trades"), trades.c.source]
    rows = connection.execute(_chosen(select(*columns), chosen).order_by(trades.c.trade_id)).all()
    return pd.DataFrame(
        {camel_case(c.name): pd.Series([row[i] for row in rows], dtype=object) for i, c in enumerate(columns)}
    )


def count_past_maturity(connection: Connection, as_of: date) -> int:
    """How many trades are past maturity at a date and still have a status that is priced."""
    query = select(func.count()).select_from(trades)
    query = query.where(trades.c.maturity < as_of, trades.c.trade_status.not_in(read_unpriced(connection)))
    return int(connection.execute(query).scalar_one())


def traded_tickers(connection: Connection) -> list[str]:
    """The underlyings that trades are on, by name."""
    return list(connection.execute(select(trades.c.ticker).distinct().order_by(trades.c.ticker)).scalars())


def _chosen(query: Select[Any], chosen: TradeFilter) -> Select[Any]:
    for column, values in (
        (trades.c.trade_status, chosen.statuses),
        (trades.c.book, chosen.books),
        (trades.c.ticker, chosen.tickers),
    ):
        if values:
            query = query.where(column.in_(values))
    if chosen.text:
        query = query.where(every_word(chosen.text, _somewhere))
    if chosen.expired_at is not None:
        query = query.where(trades.c.maturity < chosen.expired_at)
    return query


def _somewhere(word: str) -> ColumnElement[bool]:
    """The condition that a word stands in one of the texts that ``LIST_COLUMNS`` show of a trade."""
    table = trades.c
    texts = [table.trade_id, table.ticker, table.book, table.option_type, table.trade_status, table.source]
    maturity = cast(table.maturity, String)  # 2020-06-19: it has the day and the year of the contract's words
    found = [in_any(word, [*texts, maturity, digits_of(table.strike)])]
    months = [f"{number:02}" for number, name in enumerate(month_abbr) if number and word in name.lower()]
    if months:
        found.append(func.substr(maturity, 6, 2).in_(months))
    if word in "stock":
        found.append(table.maturity.is_(None))
    return or_(*found)
