"""Random quotes that go on from the newest ones: a walk for each underlying, each quote later than the last."""

import math
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

from ingestion.generate.market import Market

_STEP = 0.0005
"""Standard deviation of one step, of the logarithm of the quote."""
_SMALLEST_QUOTE = 0.01


def random_quotes(
    market: Market, seed: int | None, apart: timedelta, now: Callable[[], datetime]
) -> Iterator[dict[str, Any]]:
    """Quotes as messages, without end; the same from the same seed and market.

    A message has AsOfDate (an instant), Instrument and Quote. The instants begin where the market stands and are
    ``apart`` from each other. They never pass the clock: a market of today cannot know tomorrow.
    """
    draw = random.Random(seed)
    tickers, walk = sorted(market.spots), dict(market.spots)
    moment = market.moment
    while True:
        ticker = draw.choice(tickers)
        walk[ticker] *= math.exp(draw.gauss(0.0, _STEP))
        yield {
            "AsOfDate": f"{moment:%Y-%m-%dT%H:%M:%S.%fZ}",
            "Instrument": ticker,
            "Quote": max(_SMALLEST_QUOTE, round(walk[ticker], 2)),
        }
        moment = max(moment, min(moment + apart, now()))
