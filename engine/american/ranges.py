"""Where does the boundary method apply: which contracts are European after all, and which are refused, and why.

Everything is decided on the scaled put (see ``boundary``): vol = sigma sqrt T, rate = r T, yield = q T of the put that a
contract is, or mirrors.
"""

import numpy as np

from engine.american.greeks import AMERICAN, EUROPEAN, REFUSED
from engine.contracts import BoolArray, Contracts, FloatArray, IntArray

WORTHLESS = 1e-12
"""Early exercise worth less than this share of the strike is no early exercise."""


def mirrored(contracts: Contracts) -> FloatArray:
    """The scaled put of each contract, 3 rows: vol, rate, yield; a call swaps rate and yield (``greeks``)."""
    is_call, years = contracts.is_call, contracts.years
    rate, dividend_yield = contracts.risk_free_rate, contracts.dividend_yield
    return np.stack(
        [
            contracts.implied_vol * np.sqrt(years),
            np.where(is_call, dividend_yield, rate) * years,
            np.where(is_call, rate, dividend_yield) * years,
        ]
    )
