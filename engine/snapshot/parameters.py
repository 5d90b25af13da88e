"""Pricing parameters by underlying and date: which of them hold as of a date."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
from immutables import Map

from engine.model import FALLBACK_PARAMETERS

DEFAULT_PARAMETERS = "default"
_MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an underlying is priced with; ``source`` is the as-of date they were set for, "default" or "missing"."""

    implied_vol: float
    risk_free_rate: float
    dividend_yield: float
    source: str

    @property
    def fault(self) -> str | None:
        """Why no option can be priced with these, or None."""
        if self.source == _MISSING:
            return "its ticker has none on or before this date, and the defaults are refused"
        if not np.isfinite([self.implied_vol, self.risk_free_rate, self.dividend_yield]).all():
            return "a parameter is not a number"
        if self.implied_vol <= 0:
            return f"implied volatility is {self.implied_vol:g}, it must be above 0"
        return None


ARTICLE_DEFAULTS = Parameters(**FALLBACK_PARAMETERS, source=DEFAULT_PARAMETERS)
NO_PARAMETERS = Parameters(0.0, 0.0, 0.0, source=_MISSING)
"""Stands for the parameters of an underlying that has none, where the defaults are refused."""

_Dated = tuple[tuple[date, Parameters], ...]


class ParameterHistory:
    """Parameters by ticker and date. Immutable: what changes it returns another one."""

    __slots__ = ("_by_ticker", "_fallback")

    def __init__(self, records: Iterable[Mapping[str, Any]] = (), fallback: Parameters = ARTICLE_DEFAULTS) -> None:
        """Build from records.

        Parameters
        ----------
        records
            Fields of ``engine.model.PARAMETER_COLUMNS``; of several of one ticker and date the last counts.
        fallback
            Those of a ticker that has none.
        """
        self._fallback = fallback
        self._by_ticker: Map[str, _Dated] = Map()
        self._by_ticker = self._with(records)

    def on(self, as_of: date, ticker: str) -> Parameters:
        """The newest parameters of a ticker on or before a date; the fallback where there are none."""
        known = self._by_ticker.get(ticker, ())
        place = bisect_right(known, as_of, key=_day)
        return known[place - 1][1] if place else self._fallback

    def with_records(self, records: Iterable[Mapping[str, Any]]) -> "ParameterHistory":
        """These and others, which take the place of those of the same ticker and date."""
        return self._of(self._with(records))

    def without(self, ticker: str, day: date) -> "ParameterHistory":
        """All but those of a ticker and date."""
        kept = tuple(dated for dated in self._by_ticker.get(ticker, ()) if dated[0] != day)
        return self._of(self._by_ticker.set(ticker, kept))

    def _with(self, records: Iterable[Mapping[str, Any]]) -> Map[str, _Dated]:
        changed: dict[str, list[tuple[date, Parameters]]] = {}
        for record in records:
            ticker, day = record["ticker"], record["as_of_date"]
            if ticker not in changed:
                changed[ticker] = list(self._by_ticker.get(ticker, ()))
            dated = changed[ticker]
            place = bisect_left(dated, day, key=_day)
            end = place + (place < len(dated) and dated[place][0] == day)
            dated[place:end] = [(day, parameters_of(record))]
        return self._by_ticker.update({ticker: tuple(dated) for ticker, dated in changed.items()})

    def _of(self, by_ticker: Map[str, _Dated]) -> "ParameterHistory":
        other = ParameterHistory((), self._fallback)
        other._by_ticker = by_ticker
        return other


def parameters_of(record: Mapping[str, Any]) -> Parameters:
    """The parameters of a record; its as-of date is their source."""
    vol, rate, dividend = (float(record[name]) for name in ("implied_vol", "risk_free_rate", "dividend_yield"))
    day = record["as_of_date"]
    return Parameters(vol, rate, dividend, day if isinstance(day, str) else day.isoformat())


def _day(dated: tuple[date, Parameters]) -> date:
    return dated[0]
