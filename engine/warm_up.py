"""Compile the kernels before the first tick needs them; what was compiled before comes from the disk."""

import numpy as np

from engine.contracts import Contracts
from engine.engines import ENGINES_BY_NAME


def warm_up() -> None:
    """Value one contract with every engine that ticks."""
    one = np.ones(1)
    contracts = Contracts(one * 100.0, one, one * 0.3, one * 0.01, one * 0.02, np.zeros(1, np.bool_))
    for engine in ENGINES_BY_NAME.values():
        if engine.live:
            engine.prepare(contracts).value(one * 100.0)
