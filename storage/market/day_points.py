"""The day of an instrument in a few points: of each five minutes the last observation, however they came in."""

from collections.abc import Iterable
from datetime import date, datetime

from storage.market.quotes import Quote

POINT_SECONDS = 300


def point_of(observed_at: datetime) -> int:
    """The five minutes of an observation, counted since 1970."""
    return int(observed_at.timestamp()) // POINT_SECONDS


def last_of_points(quotes: Iterable[Quote]) -> list[Quote]:
    """The last observation of each date, instrument and five minutes; of one instant the one that comes last."""
    last: dict[tuple[date, str, int], Quote] = {}
    for quote in quotes:
        key = quote.as_of_date, quote.instrument, point_of(quote.observed_at)
        if key not in last or last[key].observed_at <= quote.observed_at:
            last[key] = quote
    return list(last.values())
