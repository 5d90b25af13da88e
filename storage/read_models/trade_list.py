"""Trades as people search them: by status, book, underlying, part of their text, and whether they have expired."""

from calendar import month_abbr
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import ColumnElement, Connection, Select, String, cast, func, or_, select

from engine.measures import camel_case
from storage.book.hierarchy import contracts_in_words
from storage.book.records import columns_of
from storage.book.trade_statuses import read_unpriced
from storage.core.schema import trades
from storage.core.text_search import digits_of, every_word, has_every_word, in_any

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


ORDERS: dict[str, tuple[Any, ...]] = {
    "trade_id": (),
    "contract": (trades.c.ticker, trades.c.maturity, trades.c.strike, trades.c.option_type),
    "book": (trades.c.book,),
    "quantity": (trades.c.quantity,),
    "maturity": (trades.c.maturity,),
    "trade_status": (trades.c.trade_status,),
    "source": (trades.c.source,),
}
"""The columns of the list by which it can be ordered, each with what orders it before the id does."""


@dataclass(frozen=True, slots=True)
class TradePage:
    """A part of the list. order: of ``ORDERS``; descending turns it round. number: of the page, from 0."""

    size: int
    number: int = 0
    order: str = "trade_id"
    descending: bool = False


def count_trades(connection: Connection, chosen: TradeFilter) -> int:
    """How many pass."""
    return int(connection.execute(_chosen(select(func.count()).select_from(trades), chosen)).scalar_one())


def matching_trades(connection: Connection, chosen: TradeFilter) -> dict[str, str]:
    """Trade -> status of all that pass, in the order of their ids."""
    query = _chosen(select(trades.c.trade_id, trades.c.trade_status), chosen).order_by(trades.c.trade_id)
    return {row.trade_id: row.trade_status for row in connection.execute(query)}


def list_trades(connection: Connection, chosen: TradeFilter, as_of: date | None, page: TradePage) -> pd.DataFrame:
    """A page of those, a row each with ``LIST_COLUMNS``. as_of: the date that tells what is past maturity."""
    query = _chosen(select(*(trades.c[name] for name in _READ)), chosen)
    ordered = [*ORDERS[page.order], trades.c.trade_id]
    query = query.order_by(*((part.desc() if page.descending else part.asc()).nulls_last() for part in ordered))
    rows = connection.execute(query.limit(page.size).offset(page.number * page.size)).all()
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


def passes(chosen: TradeFilter, record: Mapping[str, Any], source: str) -> bool:
    """Whether a version of a trade passes, by the same rules as the newest ones do in the database."""
    maturity = None if record["maturity"] is None else date.fromisoformat(record["maturity"])
    for name, values in (("trade_status", chosen.statuses), ("book", chosen.books), ("ticker", chosen.tickers)):
        if values and record[name] not in values:
            return False
    if chosen.expired_at is not None and (maturity is None or maturity >= chosen.expired_at):
        return False
    of_contract = ([record[name]] for name in ("ticker", "strike", "option_type"))
    ticker, strike, kind = of_contract
    (contract,) = contracts_in_words(ticker, [maturity], strike, kind)
    texts = (record["trade_id"], record["book"], record["trade_status"], contract, record["maturity"] or "", source)
    return has_every_word(chosen.text, texts)


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
