"""How one trade went over a date: repriced at each quote of it from the terms and parameters that were known then."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd
from sqlalchemy import Connection

from engine.measures import MEASURE_NAMES
from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, Parameters
from engine.snapshot.trade_arrays import TradeArrays
from engine.valuation.underlying_pricer import UnderlyingPricer, prepare_trades
from storage.book.records_at import RecordVersion
from storage.book.trade_statuses import read_unpriced
from storage.market.quote_history import received_after, received_observations
from storage.read_models.one_trade import (
    parameter_versions,
    trade_versions,
)

_BUCKET = "1min"


@dataclass(frozen=True, slots=True)
class TradeDay:
    """frame: observed_at (UTC), quote and the measures of ``MEASURE_NAMES``, a row for each minute with a quote, NaN
    where the trade had no value. why_not: why there is no line, or "".
    """

    frame: pd.DataFrame
    why_not: str


def trade_day(
    connection: Connection, trade_id: str, ticker: str, as_of: date, fallback: Parameters = ARTICLE_DEFAULTS
) -> TradeDay:
    """The day of a trade on a ticker. fallback: its parameters where it has none.

    A point stands for the time until the next one: it is priced from what was known when the next quote came, the last
    one from what is known now, or was when the date closed. What came later changes nothing of it.
    """
    observed = received_observations(connection, ticker, as_of)
    names = ["observed_at", "quote", *MEASURE_NAMES]
    if not observed:
        return TradeDay(pd.DataFrame(columns=names), f"There is no quote of {ticker} on {as_of} yet.")
    points = _sampled(observed)
    closed_at = received_after(connection, ticker, as_of)
    known_until = [received for _, _, received in points[1:]] + [closed_at]
    versions = trade_versions(connection, trade_id), parameter_versions(connection, ticker)
    known = _Known(*versions, read_unpriced(connection), as_of, fallback)
    rows = []
    is_slow = False
    for (observed_at, quote, _), until in zip(points, known_until, strict=True):
        prepared = known.prepared(until)
        live = prepared.live_groups if prepared is not None and prepared.ticker == ticker else ()
        is_slow = is_slow or (prepared is not None and bool(prepared.slow_groups))
        valued = prepared.value(quote, live) if prepared is not None and live else None
        has_value = valued is not None and len(valued.rows) > 0
        values = [valued.measures[name][0] if valued and has_value else np.nan for name in MEASURE_NAMES]
        rows.append((observed_at, quote, *values))
    frame = pd.DataFrame(rows, columns=names)
    frame["observed_at"] = pd.to_datetime(frame["observed_at"], utc=True)
    if frame["market_value"].notna().any():
        return TradeDay(frame, "")
    slow = "Its engine is too slow for a line." if is_slow else "It had no value on this date."
    return TradeDay(frame, slow)


class _Known:
    """What was known of a trade and its underlying at an instant, ready to price; each state is made ready once."""

    def __init__(
        self,
        versions: Sequence[RecordVersion],
        parameters: Sequence[RecordVersion],
        unpriced: frozenset[str],
        as_of: date,
        fallback: Parameters,
    ) -> None:
        self._versions, self._unpriced, self._as_of, self._fallback = versions, unpriced, as_of, fallback
        self._times = [version.recorded_at for version in versions]
        self._parameters = [version for version in parameters if version.record["as_of_date"] <= as_of.isoformat()]
        self._parameter_times = [version.recorded_at for version in self._parameters]
        self._ready: dict[tuple[int, int], UnderlyingPricer | None] = {}

    def prepared(self, until: datetime | None) -> UnderlyingPricer | None:
        """As it was known until an instant (None: now). None where the trade was not there or not priced."""
        state = tuple(
            len(times) if until is None else bisect_right(times, until)
            for times in (self._times, self._parameter_times)
        )
        key = (state[0], state[1])
        if key not in self._ready:
            self._ready[key] = self._prepare(*key)
        return self._ready[key]

    def _prepare(self, versions: int, parameters: int) -> UnderlyingPricer | None:
        if not versions or self._versions[versions - 1].removed:
            return None
        record = self._versions[versions - 1].record
        if record["trade_status"] in self._unpriced:
            return None
        known = ParameterHistory((), self._fallback)
        for version in self._parameters[:parameters]:
            day = date.fromisoformat(version.record["as_of_date"])
            if version.removed:
                known = known.without(record["ticker"], day)
            else:
                known = known.with_records([{**version.record, "as_of_date": day}])
        values = known.on(self._as_of, record["ticker"])
        return prepare_trades(record["ticker"], TradeArrays.of([dict(record)]), values, self._as_of)


def _sampled(
    observed: Sequence[tuple[datetime, float, datetime]],
) -> list[tuple[datetime, float, datetime]]:
    """The last observation of each minute."""
    minutes = pd.DatetimeIndex([moment for moment, _, _ in observed]).floor(_BUCKET)
    last = {minute: place for place, minute in enumerate(minutes)}
    return [observed[place] for place in last.values()]
