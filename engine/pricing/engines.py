"""Which engine prices which kind of trade: the seam where an engine is added or replaced."""

from engine.contracts import Contracts, FloatArray, PricingEngine, UnitValues
from engine.model import ExerciseStyle, Product
from engine.pricing.american.engine import BoundaryEngine
from engine.pricing.black_scholes import BlackScholesEngine
from engine.pricing.double_boundary.engine import DoubleBoundaryEngine
from engine.pricing.qdfp import QdFpEngine
from engine.pricing.spot_position import SpotEngine

_SPOT: PricingEngine = SpotEngine()
_BLACK_SCHOLES: PricingEngine = BlackScholesEngine()
_BOUNDARY: PricingEngine = BoundaryEngine()
_DOUBLE_BOUNDARY: PricingEngine = DoubleBoundaryEngine()
_QDFP: PricingEngine = QdFpEngine()

ENGINES_BY_NAME: dict[str, PricingEngine] = {
    engine.name: engine for engine in (_SPOT, _BLACK_SCHOLES, _BOUNDARY, _DOUBLE_BOUNDARY, _QDFP)
}


def engines_for(product: str, exercise_style: str) -> tuple[PricingEngine, ...]:
    """The engines for a kind of trade, the preferred first; the next takes what one refuses. None: unknown product."""
    if product == Product.STOCK:
        return (_SPOT,)
    if product == Product.OPTION:
        is_american = exercise_style == ExerciseStyle.AMERICAN
        return (_BOUNDARY, _DOUBLE_BOUNDARY, _QDFP) if is_american else (_BLACK_SCHOLES,)
    return ()


def value_contracts(engine_name: str, contracts: Contracts, spot: FloatArray) -> UnitValues:
    """Prepare and value in one step: what a worker process is given for an engine too slow for a tick.

    Raises KeyError for an engine that does not exist.
    """
    return ENGINES_BY_NAME[engine_name].prepare(contracts).value(spot)
