"""How the day of some trades went: computed from the quotes of the day and what was known then, never stored."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from threading import Lock

import numpy as np
import pandas as pd

from engine.contracts import BoolArray, FloatArray
from engine.measures import DAY_PNL, Additive
from engine.rollup.hierarchy import TOTAL, Hierarchy
from engine.rollup.roll_up import Leaves, Sums, roll_up
from engine.selection import HIERARCHY, TradeSelection
from engine.snapshot.parameters import ARTICLE_DEFAULTS, Parameters
from engine.snapshot.trade_arrays import ObjectArray
from services.queries.day_book import SUMS, GroupKey
from services.queries.day_points import DayPoint
from services.queries.follow_day import FollowedDay
from storage.book.hierarchy import BookHierarchy
from storage.core.database import Store

HISTORY_MEASURES: tuple[str, ...] = ("quote", DAY_PNL.name, "cash_delta", "vega_1pt")
_TOTAL_ALONE = Hierarchy(())
_RULES = tuple(Additive.ANYWHERE if name in ("with_close", "left_out") else Additive.ALWAYS for name in SUMS)
_DATES_KEPT = 3
_LINES_KEPT = 64


@dataclass(frozen=True, slots=True)
class DayHistory:
    """A day's lines. frame: observed_at (UTC) and ``HISTORY_MEASURES``; the quote is NaN unless all trades are on one
    underlying. left_out: trades that an engine too slow for this prices. currencies: those of the trades; where there
    are several, no point over them has a sum.
    """

    frame: pd.DataFrame
    left_out: int
    currencies: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Day:
    """The points of a date at a revision; it is not changed once it was made. keys: the groups in their order."""

    revision: int
    points: Mapping[pd.Timestamp, DayPoint]
    keys: tuple[GroupKey, ...]
    hierarchy: BookHierarchy


_Line = tuple[DayPoint, pd.Timestamp, FloatArray]
"""A point of a selection: what it was made of, when it was, its ``HISTORY_MEASURES`` and how many are left out."""


@dataclass(slots=True)
class _Followed:
    """A date that somebody looks at. lock: held by who brings it up to date; day: as it was brought last."""

    store_side: FollowedDay
    lock: Lock = field(default_factory=Lock)
    day: _Day | None = None
    lines: OrderedDict[TradeSelection, Mapping[pd.Timestamp, _Line]] = field(default_factory=OrderedDict)


class DayHistories:
    """Day lines of one store, the same for all who ask: each point is of the trades that were known then.

    A date is brought up to date by one thread, at the cost of what has changed since. Who asks meanwhile gets it as it
    was a moment ago, and waits only for a date that nobody has asked for yet.
    """

    def __init__(self, store: Store, fallback: Parameters = ARTICLE_DEFAULTS) -> None:
        """fallback: parameters of an underlying that has none."""
        self._store, self._fallback = store, fallback
        self._followed: OrderedDict[date, _Followed] = OrderedDict()
        self._lock = Lock()

    def of(self, as_of: date, selection: TradeSelection) -> DayHistory:
        """The lines of the selected trades over a date: a point for the last observation of each five minutes."""
        with self._lock:
            followed = self._followed.setdefault(as_of, _Followed(FollowedDay(as_of, self._fallback)))
            self._followed.move_to_end(as_of)
            while len(self._followed) > _DATES_KEPT:
                self._followed.popitem(last=False)
        day = self._up_to_date(followed)
        lines, currencies = _lines(day, selection, followed.lines.get(selection, {}))
        with self._lock:
            followed.lines[selection] = lines
            followed.lines.move_to_end(selection)
            while len(followed.lines) > _LINES_KEPT:
                followed.lines.popitem(last=False)
        rows = [values for _, _, values in lines.values()]
        table = np.array(rows).reshape(len(lines), len(HISTORY_MEASURES) + 1)
        frame = pd.DataFrame(table[:, :-1], columns=list(HISTORY_MEASURES))
        frame.insert(0, "observed_at", pd.to_datetime([observed_at for _, observed_at, _ in lines.values()], utc=True))
        return DayHistory(frame, int(table[-1, -1]) if len(table) else 0, currencies)

    def _up_to_date(self, followed: _Followed) -> _Day:
        with self._store.read() as connection:
            revision = self._store.revisions(connection).revision
            if followed.day is not None and followed.day.revision >= revision:
                return followed.day
            known = followed.day
            if not followed.lock.acquire(blocking=known is None) and known is not None:
                return known
            try:
                if followed.day is None or followed.day.revision < revision:
                    points, hierarchy = followed.store_side.bring_to(connection, revision)
                    followed.day = _Day(revision, dict(points.points), tuple(points.book.groups.numbers), hierarchy)
                return followed.day
            finally:
                followed.lock.release()


def _lines(
    day: _Day, selection: TradeSelection, before: Mapping[pd.Timestamp, _Line]
) -> tuple[dict[pd.Timestamp, _Line], tuple[str, ...]]:
    """The points of the selected groups, and their currencies.

    before: points of an earlier look, kept where nothing has changed them.
    """
    chosen = selection.mask(_columns(day))
    tickers = {ticker for (ticker, _, _), is_chosen in zip(day.keys, chosen, strict=True) if is_chosen}
    leaves = _leaves(day)
    lines: dict[pd.Timestamp, _Line] = {}
    for bucket, point in day.points.items():
        known = before.get(bucket)
        if known is not None and known[0] is point:
            lines[bucket] = known
        elif times := [point.observed[ticker] for ticker in tickers if ticker in point.observed]:
            spot = point.spots.get(next(iter(tickers)), np.nan) if len(tickers) == 1 else np.nan
            lines[bucket] = (point, pd.Timestamp(max(times)), _values(point, leaves, chosen, spot))
    return lines, tuple(sorted({day.hierarchy.currency(ticker) for ticker in tickers}))


def _values(point: DayPoint, leaves: Leaves, chosen: BoolArray, spot: float) -> FloatArray:
    """``HISTORY_MEASURES`` of the chosen groups, and how many trades are left out; 0 where there was no trade yet."""
    own = Leaves(*(codes[point.groups] for codes in (leaves.nodes, leaves.currencies, leaves.underlyings)))
    rolled = roll_up(_TOTAL_ALONE, own, Sums.of(point.figures), _RULES, chosen[point.groups])
    totals = rolled.values[:, TOTAL] if rolled.leaves[TOTAL] else np.zeros(len(SUMS))
    sums = dict(zip(SUMS, totals.tolist(), strict=True))
    # without any previous close the day's P&L is not known, and not 0
    pnl = sums["market_value"] - sums["close"] if sums["with_close"] else np.nan
    return np.array([spot, pnl, sums["cash_delta"], sums["vega_1pt"], sums["left_out"]])


def _leaves(day: _Day) -> Leaves:
    """The groups as leaves of the total."""
    names = [(day.hierarchy.currency(ticker), ticker) for ticker, _, _ in day.keys]
    codes = [np.unique([name[place] for name in names], return_inverse=True)[1] for place in range(2)]
    return Leaves(np.full(len(names), TOTAL), *codes)


def _columns(day: _Day) -> dict[str, ObjectArray]:
    """The groups as a selection looks at them."""
    rows = [(*day.hierarchy.levels(book), book, ticker, status) for ticker, book, status in day.keys]
    table = np.array(rows, dtype=object).reshape(len(rows), len(HIERARCHY) + 1)
    return {name: table[:, place] for place, name in enumerate((*HIERARCHY, "trade_status"))}
