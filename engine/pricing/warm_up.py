"""Compile the kernels before the first tick needs them; what was compiled before comes from the disk."""

from collections.abc import Callable

import numpy as np

from engine.contracts import UNIT_ROWS, Contracts
from engine.model import ExerciseStyle, Product
from engine.position_measures import position_measures
from engine.pricing.engines import engines_for


def warm_up(tell: Callable[[str], None] = lambda _: None) -> None:
    """Value one contract with every engine that ticks; ``tell`` is given each engine's name when it is ready."""
    one = np.ones(1)
    contracts = Contracts(one * 100.0, one, one * 0.3, one * 0.01, one * 0.02, np.zeros(1, np.bool_))
    kinds = ((Product.STOCK, ""), (Product.OPTION, ExerciseStyle.EUROPEAN), (Product.OPTION, ExerciseStyle.AMERICAN))
    for product, style in kinds:
        engine = engines_for(product, style)[0]
        unit = np.empty((1, UNIT_ROWS, 1))
        engine.prepare(contracts).fill(one[None, :] * 100.0, unit, 0)
        position_measures(unit, 100.0 * one, one, one)
        tell(engine.name)
