"""Into which bucket of time to expiry and of moneyness a trade falls: names that sort in their own order."""

import numpy as np
from numpy.typing import NDArray

from engine.contracts import BoolArray, FloatArray

EXPIRY_BUCKETS: tuple[str, ...] = (
    "000–007 d",
    "008–030 d",
    "031–090 d",
    "091–180 d",
    "181–365 d",
    "366–730 d",
    "731 d and more",
    "expired",
    "no expiry",
)
"""By calendar days from the as-of date to the maturity, both ends included."""
_LAST_DAYS = np.array([7.0, 30.0, 90.0, 180.0, 365.0, 730.0])
_EXPIRED, _NO_EXPIRY = len(EXPIRY_BUCKETS) - 2, len(EXPIRY_BUCKETS) - 1

MONEYNESS_BUCKETS: tuple[str, ...] = (
    "1 deep out, below 0.80",
    "2 out, 0.80–0.95",
    "3 at, 0.95–1.05",
    "4 in, 1.05–1.20",
    "5 deep in, 1.20 and more",
    "no strike",
    "no quote",
)
"""By moneyness; a lower bound is included, an upper bound is not."""
_BOUNDS = np.array([0.80, 0.95, 1.05, 1.20])
_NO_STRIKE, _NO_QUOTE = len(MONEYNESS_BUCKETS) - 2, len(MONEYNESS_BUCKETS) - 1

Codes = NDArray[np.int32]


def moneyness(spot: FloatArray, strike: FloatArray, is_put: BoolArray) -> FloatArray:
    """How far in the money an option is: spot over strike for a call, strike over spot for a put; 1 is at the money.

    NaN where there is no strike or no spot.
    """
    ratio: FloatArray = np.where(is_put, strike / spot, spot / strike)
    return ratio


def expiry_codes(days: FloatArray) -> Codes:
    """Places in ``EXPIRY_BUCKETS``. days: calendar days to the maturity, NaN for what does not expire."""
    codes = np.searchsorted(_LAST_DAYS, days, side="left").astype(np.int32)
    codes[days < 0] = _EXPIRED
    codes[np.isnan(days)] = _NO_EXPIRY
    return codes


def moneyness_codes(values: FloatArray, strike: FloatArray) -> Codes:
    """Places in ``MONEYNESS_BUCKETS``. values: as ``moneyness`` says; strike: NaN for what has none."""
    codes = np.searchsorted(_BOUNDS, values, side="right").astype(np.int32)
    codes[np.isnan(values)] = _NO_QUOTE
    codes[np.isnan(strike)] = _NO_STRIKE
    return codes
