"""What setting the status of trades does to the totals of the board, before it is done."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import Connection

from engine.measures import MEASURES
from engine.rollup.hierarchy import Hierarchy
from engine.rollup.roll_up import Leaves, Sums, roll_up
from services.tagging.trade_selection import Selection
from storage.book.hierarchy import BookHierarchy, read_hierarchy
from storage.book.trade_statuses import read_statuses
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import TickerSums, sums_by_ticker

EFFECT_MEASURES = ("market_value", "cash_delta", "vega_1pt")
_RULES = tuple(next(each.additive for each in MEASURES if each.name == name) for name in EFFECT_MEASURES)


@dataclass(frozen=True, slots=True)
class TagEffect:
    """changing: trades that get another status. unchanged: those that have it already. leaving, entering: how many
    leave the totals of the board, or come back. sums: currency -> the ``EFFECT_MEASURES`` of those that leave, NaN
    where nothing is known. without_value: how many of them have none, and are in no sum."""

    changing: int
    unchanged: int
    leaving: int
    entering: int
    sums: Mapping[str, tuple[float, ...]]
    without_value: int


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
    as_of = newest_as_of(connection)
    found = [] if as_of is None else sums_by_ticker(connection, as_of, leaving, EFFECT_MEASURES)
    sums = _by_currency(found, read_hierarchy(connection)) if found else {}
    without_value = len(leaving) - sum(each.trades for each in found)
    return TagEffect(len(changing), len(seen) - len(changing), len(leaving), entering, sums, without_value)


def _by_currency(found: Sequence[TickerSums], books: BookHierarchy) -> dict[str, tuple[float, ...]]:
    """Currency -> the sums of what has a value."""
    by_currency = Hierarchy(("currency",))
    nodes = np.array([by_currency.place((books.currency(each.ticker),)) for each in found], np.int64)
    tickers = {each.ticker: code for code, each in enumerate(found)}
    leaves = Leaves(nodes, nodes, np.array([tickers[each.ticker] for each in found], np.int64))
    values = np.array([each.values for each in found], np.float64).reshape(len(found), len(EFFECT_MEASURES)).T
    rolled = roll_up(by_currency, leaves, Sums.of(values), _RULES, np.ones(len(found), np.bool_))
    return {by_currency.paths[node][0]: tuple(rolled.values[:, node].tolist()) for node in by_currency.by_depth[1]}
