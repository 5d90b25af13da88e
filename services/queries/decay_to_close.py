"""What a trade loses by waiting until the next close: theta is a rate of this moment, this is the step.

Computed where somebody asks for a trade, not on every tick: it takes a second valuation of the book, which doubles what
the engines do in a tick.
"""

from collections.abc import Mapping
from datetime import date, datetime
from math import isclose
from typing import Any

from engine.model import Source
from engine.snapshot.parameters import Parameters
from engine.snapshot.trade_arrays import TradeArrays
from engine.trading_calendar import next_trading_day
from engine.valuation.underlying_pricer import prepare_trades
from storage.read_models.one_trade import TradeValues

_SAME = 1e-9


def decay_to_close(
    trade: Mapping[str, Any], own: TradeValues | None, parameters: Mapping[str, float], as_of: date | None
) -> float | None:
    """The market value at the close of the next trading day less the present one; what matures before is its payoff.

    Parameters
    ----------
    trade
        Its terms, fields of ``engine.model.TRADE_COLUMNS``.
    own
        Its present values; None where it has none.
    parameters
        What they were computed with; the next close is priced with the same, at the same spot.
    as_of
        Their date.

    Returns
    -------
    Currency. None where there is no value of ours, where these terms do not give it (it is of an earlier version of the
    trade), and where no engine prices the next close.
    """
    if own is None or own.source != Source.ENGINE or own.spot is None or as_of is None:
        return None
    maturity = trade["maturity"]
    following = next_trading_day(as_of)
    if maturity is not None:
        last = maturity.date() if isinstance(maturity, datetime) else maturity
        following = max(as_of, min(following, last))
    now, then = (_market_value(trade, own.spot, parameters, day) for day in (as_of, following))
    known = own.measures["market_value"]
    if now is None or then is None or known is None or not isclose(now, known, rel_tol=_SAME, abs_tol=_SAME):
        return None
    return then - now


def _market_value(trade: Mapping[str, Any], spot: float, parameters: Mapping[str, float], day: date) -> float | None:
    held = Parameters(**parameters, source=day.isoformat())
    valued = prepare_trades(str(trade["ticker"]), TradeArrays.of([dict(trade)]), held, day).value(spot)
    return float(valued.measures["market_value"][0]) if valued.trade_ids else None
