"""Where a trade belongs and how it is called: the hierarchy of its book, its currency, its contract in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from engine.model import UNASSIGNED, TradeStatus
from storage.book.records import read_records
from storage.book.trade_statuses import read_unpriced

DEFAULT_CURRENCY = "USD"
"""An underlying that nobody has described is taken to be in the book's own currency."""
_NOWHERE = (UNASSIGNED, UNASSIGNED, UNASSIGNED)


@dataclass(frozen=True, slots=True)
class BookHierarchy:
    """What the static data say. hierarchy: book -> (region, business unit, desk); currencies: ticker -> currency;
    unpriced: the statuses whose trades are not priced; issuers: ticker -> (sector, region) of who issued it."""

    hierarchy: Mapping[str, tuple[str, str, str]]
    currencies: Mapping[str, str]
    unpriced: frozenset[str] = frozenset({TradeStatus.TERMINATED.value})
    issuers: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    def levels(self, book: str) -> tuple[str, str, str]:
        """Region, business unit and desk of a book; Unassigned where nobody knows it."""
        return self.hierarchy.get(book, _NOWHERE)

    def currency(self, ticker: str) -> str:
        return self.currencies.get(ticker, DEFAULT_CURRENCY)

    def issuer(self, ticker: str) -> tuple[str, str]:
        """Sector and region of who issued an underlying; empty where nobody has described it."""
        return self.issuers.get(ticker, ("", ""))


def read_hierarchy(connection: Connection) -> BookHierarchy:
    """The hierarchy as the transaction of this connection sees the static data."""
    books, instruments = read_records(connection, "books"), read_records(connection, "instruments")
    levels = zip(books["region"], books["business_unit"], books["desk"], strict=True)
    return BookHierarchy(
        dict(zip(books["book"], levels, strict=True)),
        dict(zip(instruments["ticker"], instruments["currency"], strict=True)),
        read_unpriced(connection),
        dict(zip(instruments["ticker"], zip(instruments["sector"], instruments["region"], strict=True), strict=True)),
    )


def contracts_in_words(
    tickers: Sequence[str], maturities: Sequence[Any], strikes: Sequence[float], option_types: Sequence[str | None]
) -> list[str]:
    """Contracts as traders write them. A maturity that is missing (None or NaT) makes it stock."""
    return [
        f"{ticker} stock"
        if maturity is None or maturity != maturity
        else f"{ticker} {_expiry(maturity)} {_strike(strike)} {kind}"
        for ticker, maturity, strike, kind in zip(tickers, maturities, strikes, option_types, strict=True)
    ]


@lru_cache(maxsize=4096)
def _strike(strike: float) -> str:
    """All of its digits, however large or small it is, without a power of ten."""
    return format(Decimal(f"{strike:.15g}"), "f")


@lru_cache(maxsize=4096)
def _expiry(maturity: date) -> str:
    """The month alone where the option ends on its third Friday, as listed ones do."""
    third_friday = maturity.weekday() == 4 and 15 <= maturity.day <= 21
    return f"{maturity:%b %y}" if third_friday else f"{maturity:%d %b %y}"
