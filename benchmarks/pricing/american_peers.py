"""American options by a package that pip installs beside QuantLib: derivatives-pricing, its tree and its grid."""

from collections.abc import Callable
from datetime import datetime, timedelta

import derivatives_pricing as dp

from engine.contracts import Contracts, FloatArray

TREE_STEPS = 500
"""The package's own default."""
_START = datetime(2190, 1, 1)  # noqa: DTZ001  the package wants no zone
_MARKET = "USD"


def tree_prices(contracts: Contracts, spots: FloatArray, count: int) -> Callable[[], list[float]]:
    """The prices of the first contracts by its Cox-Ross-Rubinstein tree, its objects built at every tick: they hold the
    spot and do not change."""
    return _prices(contracts, spots, count, dp.PricingMethod.BINOMIAL, dp.BinomialParams(num_steps=TREE_STEPS))


def grid_prices(contracts: Contracts, spots: FloatArray, count: int) -> Callable[[], list[float]]:
    """The same by its finite differences, as they are when nothing is said."""
    return _prices(contracts, spots, count, dp.PricingMethod.PDE_FD, None)


def _prices(
    contracts: Contracts,
    spots: FloatArray,
    count: int,
    method: dp.PricingMethod,
    parameters: dp.BinomialParams | None,
) -> Callable[[], list[float]]:
    def prices() -> list[float]:
        return [
            dp.OptionValuation(
                _underlying(contracts, spots, row), _terms(contracts, row), method, parameters
            ).present_value()
            for row in range(count)
        ]

    return prices


def _underlying(contracts: Contracts, spots: FloatArray, row: int) -> dp.UnderlyingData:
    rate, dividend_yield = float(contracts.risk_free_rate[row]), float(contracts.dividend_yield[row])
    return dp.UnderlyingData(
        initial_value=float(spots[row]),
        volatility=float(contracts.implied_vol[row]),
        market_data=dp.MarketData(_START, dp.DiscountCurve.flat(rate=rate), _MARKET),
        dividend_curve=dp.DiscountCurve.flat(rate=dividend_yield) if dividend_yield else None,
    )


def _terms(contracts: Contracts, row: int) -> dp.VanillaSpec:
    return dp.VanillaSpec(
        option_type=dp.OptionType.CALL if contracts.is_call[row] else dp.OptionType.PUT,
        exercise_type=dp.ExerciseType.AMERICAN,
        strike=float(contracts.strike[row]),
        maturity=_START + timedelta(days=float(contracts.years[row]) * 365.0),
    )
