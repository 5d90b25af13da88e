"""What setting the status of trades does to the totals of the board, before it is done."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from services.tagging.trade_selection import Selection
from storage.book.hierarchy import read_hierarchy
from storage.book.trade_statuses import read_statuses
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import sums_by_ticker

EFFECT_MEASURES = ("market_value", "cash_delta", "vega_1pt")


@dataclass(frozen=True, slots=True)
class TagEffect:
    """changing: trades that get another status. unchanged: those that have it already. leaving, entering: how many
    leave the totals of the board, or come back. sums: currency -> the ``EFFECT_MEASURES`` of those that leave."""

    changing: int
    unchanged: int
    leaving: int
    entering: int
    sums: Mapping[str, tuple[float, ...]]


def tag_effect(connection: Connection, selection: Selection, status: str) -> TagEffect:
    """The effect of giving a selection a status, at the newest values.

    The totals are those that the board shows by default: of statuses that are priced and shown.
    """
    counted = {each.status for each in read_statuses(connection) if each.is_priced and each.is_shown}
    seen = selection.seen(connection)
    changing = [trade_id for trade_id, now in seen.items() if now != status]
    stays = status in counted
    leaving = [] if stays else [trade_id for trade_id in changing if seen[trade_id] in counted]
    entering = sum(seen[trade_id] not in counted for trade_id in changing) if stays else 0
    sums: dict[str, tuple[float, ...]] = {}
    as_of = newest_as_of(connection)
    if leaving and as_of is not None:
        hierarchy = read_hierarchy(connection)
        for ticker, values in sums_by_ticker(connection, as_of, leaving, EFFECT_MEASURES).items():
            currency = hierarchy.currency(ticker)
            so_far = sums.get(currency, (0.0,) * len(EFFECT_MEASURES))
            sums[currency] = tuple(a + b for a, b in zip(so_far, values, strict=True))
    return TagEffect(len(changing), len(seen) - len(changing), len(leaving), entering, sums)
