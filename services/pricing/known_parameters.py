"""What is each underlying priced with at a date? The parameters of all dates in memory, the newest on or before it."""

from bisect import bisect_right
from collections.abc import Iterable
from datetime import date

from engine.valuation.underlying_pricer import ARTICLE_DEFAULTS, NO_PARAMETERS, Parameters
from storage.book.records import Record
from storage.connection.settings import Settings


class KnownParameters:
    """Parameters by ticker and date; it is not changed once it was made."""

    def __init__(self, records: Iterable[Record] = (), fallback: Parameters = ARTICLE_DEFAULTS) -> None:
        """records: fields of ``engine.model.PARAMETER_COLUMNS``; of several of one ticker and date the last counts.

        fallback: those of a ticker that has none.
        """
        self._fallback = fallback
        by_ticker: dict[str, dict[date, Parameters]] = {}
        for record in records:
            day = record["as_of_date"]
            vol, rate, dividend = record["implied_vol"], record["risk_free_rate"], record["dividend_yield"]
            by_ticker.setdefault(record["ticker"], {})[day] = Parameters(vol, rate, dividend, day.isoformat())
        self._by_ticker = {ticker: sorted(days.items(), key=_day) for ticker, days in by_ticker.items()}

    def on(self, as_of: date, ticker: str) -> Parameters:
        """The newest parameters of a ticker on or before a date; the fallback where there are none."""
        known = self._by_ticker.get(ticker, [])
        place = bisect_right(known, as_of, key=_day)
        return known[place - 1][1] if place else self._fallback

    def with_others(self, records: Iterable[Record]) -> "KnownParameters":
        """These and others, which take the place of those of the same ticker and date."""
        both = KnownParameters(records, self._fallback)
        both._by_ticker = {
            **self._by_ticker,
            **{
                ticker: sorted({**dict(self._by_ticker.get(ticker, [])), **dict(days)}.items(), key=_day)
                for ticker, days in both._by_ticker.items()
            },
        }
        return both


def fallback_of(settings: Settings) -> Parameters:
    """What a ticker without parameters is priced with, as the settings want it."""
    return NO_PARAMETERS if settings.default_parameters == "refuse" else ARTICLE_DEFAULTS


def _day(dated: tuple[date, Parameters]) -> date:
    return dated[0]
