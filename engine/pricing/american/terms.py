"""What a tick needs of each contract besides its boundary, worked out once: a row a quantity, a column a contract."""

import numpy as np

from engine.contracts import Contracts, FloatArray
from engine.pricing.american.ranges import scaled_puts

TERM_ROWS = 9
(
    SIGN,
    STRIKE,
    YEARS,
    VOL,
    RATE,
    YIELD,
    RATE_FACTOR,
    YIELD_FACTOR,
    BOUNDARY,
) = range(TERM_ROWS)
"""Sign: 1 for a call and -1 for a put. Vol, rate, yield are those of the scaled put that a contract is or mirrors; the
factors are e^-rate and e^-yield; the boundary is ln B, -infinity where there is none. Few rows: of a loop over too many
the compiler does not make vector instructions."""


def contract_terms(contracts: Contracts, log_boundary: FloatArray) -> FloatArray:
    """The rows above; those of a refused contract may be any number, or none."""
    terms = np.empty((TERM_ROWS, len(contracts)))
    vol, rate, dividend_yield = scaled_puts(contracts).T
    terms[SIGN] = np.where(contracts.is_call, 1.0, -1.0)
    terms[STRIKE], terms[YEARS] = contracts.strike, contracts.years
    terms[VOL], terms[RATE], terms[YIELD] = vol, rate, dividend_yield
    with np.errstate(all="ignore"):
        terms[RATE_FACTOR], terms[YIELD_FACTOR] = np.exp(-rate), np.exp(-dividend_yield)
    terms[BOUNDARY] = log_boundary
    return terms
