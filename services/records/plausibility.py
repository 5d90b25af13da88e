"""Question values that can be meant and hardly are: percent written as numbers, slips of a digit, jumps.

Nothing is held back for that: the market does jump, and a feed that stops at every doubt prices nothing. The value
counts, and it is listed until somebody has looked.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from engine.snapshot.parameters import DEFAULT_PARAMETERS, NO_PARAMETERS, ParameterHistory, parameters_of
from services.records.how_many import grouped
from storage.book.records import Record
from storage.connection.settings import Settings
from storage.feeds.questioned_values import QuestionedValue
from storage.market.quotes import Quote

_LOOK = "look at it where it comes from; send it again to correct it"


@dataclass(frozen=True, slots=True)
class PlausibleBounds:
    """From where on a value is questioned.

    volatility, rate: decimals a year; a yield is a rate. quote_move, volatility_move: the change against the last one
    on record, as a part of the smaller of the two: 0.5 is half as much again, up or down.
    """

    volatility: float = 2.0
    rate: float = 0.25
    quote_move: float = 0.5
    volatility_move: float = 1.0

    @classmethod
    def of(cls, settings: Settings) -> "PlausibleBounds":
        return cls(
            settings.questioned_volatility,
            settings.questioned_rate,
            settings.questioned_quote_move,
            settings.questioned_volatility_move,
        )


DEFAULT_BOUNDS = PlausibleBounds()


def unusual_parameters(record: Record, bounds: PlausibleBounds, place: str = "") -> list[QuestionedValue]:
    """Questions on parameters by themselves, whatever is on record."""
    ticker, vol = str(record["ticker"]), float(record["implied_vol"])
    found: list[QuestionedValue] = []
    if vol >= bounds.volatility:
        reason = f"a volatility of {_percent(bounds.volatility)} a year or more is unusual: 0.25 is 25 %"
        found.append(QuestionedValue(place, ticker, "ImpliedVol", f"{vol:.10g}", reason))
    for column, name in (("RiskFreeRate", "risk_free_rate"), ("DividendYield", "dividend_yield")):
        if abs(float(record[name])) >= bounds.rate:
            reason = f"a rate of {_percent(bounds.rate)} a year or more, up or down, is unusual: 0.01 is 1 %"
            found.append(QuestionedValue(place, ticker, column, f"{record[name]:.10g}", reason))
    return found


def questions_on_parameters(
    records: Sequence[Record], places: Sequence[str], known: ParameterHistory, bounds: PlausibleBounds
) -> list[QuestionedValue]:
    """Questions on parameters that are not on record as they are; each is compared with the ones before it.

    Parameters
    ----------
    records, places
        Fields of parameters, and where each was in its source.
    known
        What is on record.
    bounds
        From where on a value is questioned.
    """
    found: list[QuestionedValue] = []
    for record, place in zip(records, places, strict=True):
        before, now = known.on(record["as_of_date"], record["ticker"]), parameters_of(record)
        if before == now:
            continue
        found += unusual_parameters(record, bounds, place)
        is_on_record = before.source not in (DEFAULT_PARAMETERS, NO_PARAMETERS.source)
        if is_on_record and _is_far(now.implied_vol, before.implied_vol, bounds.volatility_move):
            last = f"{before.implied_vol:.10g}, the volatility of {before.source}"
            reason = f"moves {_times(now.implied_vol, before.implied_vol)} against {last}: {_LOOK}"
            found.append(QuestionedValue(place, str(record["ticker"]), "ImpliedVol", f"{now.implied_vol:.10g}", reason))
        known = known.with_records([record])
    return found


def question_on_quote(quote: Quote, last: Quote | None, bounds: PlausibleBounds) -> QuestionedValue | None:
    """The question on a quote that is far from the last one of its instrument."""
    if last is None or not _is_far(quote.quote, last.quote, bounds.quote_move):
        return None
    on_record = f"{last.quote:.10g}, the last quote on record ({last.as_of_date})"
    reason = f"moves {_times(quote.quote, last.quote)} against {on_record}: {_LOOK}"
    return QuestionedValue(quote.place, quote.instrument, "Quote", f"{quote.quote:.10g}", reason)


def last_quote(quote: Quote, known: Iterable[Quote | None]) -> Quote | None:
    """The newest of some quotes that is not of a later date than this one."""
    before = [each for each in known if each is not None and each.as_of_date <= quote.as_of_date]
    return max(before, key=lambda each: (each.as_of_date, each.observed_at), default=None)


def _is_far(value: float, last: float, move: float) -> bool:
    return max(value, last) > (1.0 + move) * min(value, last)


def _times(value: float, last: float) -> str:
    """How far a value is from another, for people."""
    change = value / last
    if 0.1 < change < 10.0:
        return f"{'up' if change > 1.0 else 'down'} by {abs(change - 1.0) * 100.0:.0f} %"
    return f"to {grouped(round(change)) if change >= 10.0 else f'{change:.2g}'} times"


def _percent(bound: float) -> str:
    return f"{bound * 100:g} %"
