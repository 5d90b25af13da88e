"""What do generated messages refer to: which underlyings at which price, which books, which moment?"""

import csv
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from engine.trading_calendar import as_of_date, is_trading_day, next_trading_day, session
from storage.book.records import read_plain_records
from storage.core.database import Store
from storage.market.quotes import newest_as_of, quotes_as_known


@dataclass(frozen=True, slots=True)
class Market:
    """The newest quote of each underlying, the books, and where time stands.

    as_of: the newest date with a quote. moment: the first instant (UTC) at which a new quote is newer than all of these
    and belongs to that date, or to the next trading day where that date cannot have one.
    """

    as_of: date
    moment: datetime
    spots: dict[str, float]
    books: tuple[str, ...]


class NoMarket(Exception):
    """Neither the store nor the demo's files say what messages could be about; the message says what is missing."""


def read_market(store: Store, demo: Path) -> Market:
    """What the store knows; its quotes or books from the demo's folder where it has none. Raises NoMarket."""
    with store.read() as connection:
        as_of = newest_as_of(connection)
        known = {} if as_of is None else quotes_as_known(connection, as_of)
        books = tuple(record["book"] for record in read_plain_records(connection, "books"))
    spots = {ticker: quote.quote for ticker, quote in sorted(known.items())}
    observed = [quote.observed_at for quote in known.values() if quote.as_of_date == as_of]
    if as_of is None:
        as_of, spots = _demo_quotes(demo)
    return Market(as_of, _first_moment(as_of, observed), spots, books or _demo_books(demo))


def _first_moment(as_of: date, observed: list[datetime]) -> datetime:
    """The start of the date's session, or a second after the newest of these times where that is later."""
    day = as_of if is_trading_day(as_of) else next_trading_day(as_of)
    opens, _ = session(day)
    after = max((_next_second(instant) for instant in observed), default=opens)
    return max(opens, after) if as_of_date(max(opens, after)) >= as_of else opens


def _next_second(instant: datetime) -> datetime:
    return datetime.fromtimestamp(int(instant.timestamp()) + 1, UTC)


def _demo_quotes(demo: Path) -> tuple[date, dict[str, float]]:
    rows = _rows(demo / "market_data_closes.csv")
    newest = max(row["AsOfDate"] for row in rows)
    return date.fromisoformat(newest), {
        row["Instrument"]: float(row["Quote"]) for row in rows if row["AsOfDate"] == newest
    }


def _demo_books(demo: Path) -> tuple[str, ...]:
    return tuple(row["Book"] for row in _rows(demo / "books.csv"))


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise NoMarket(f"The store has no data, and the demo's {path} cannot be read: {error.strerror}.") from error
    if not rows:
        raise NoMarket(f"The store has no data, and the demo's {path} has no rows.")
    return rows
