"""A share is worth its quote and moves one for one."""

import numpy as np
import pytest

from engine.contracts import Contracts
from engine.pricing.spot_position import SpotEngine

NOTHING = np.full(3, np.nan)
SHARES = Contracts(NOTHING, NOTHING, NOTHING, NOTHING, NOTHING, np.zeros(3, dtype=bool))


def test_price_is_spot_and_delta_one_whatever_else_is_missing() -> None:
    prepared = SpotEngine().prepare(SHARES)
    spot = np.array([1.5, 100.0, 1e6])
    values = prepared.value(spot)
    assert prepared.refused == {}
    np.testing.assert_array_equal(values.price, spot)
    np.testing.assert_array_equal(values.delta, 1.0)
    for name in ("gamma", "vega", "theta", "rho", "dividend_rho"):
        np.testing.assert_array_equal(getattr(values, name), 0.0)
    assert not np.shares_memory(values.price, spot)


def test_no_value_without_a_good_spot() -> None:
    values = SpotEngine().prepare(SHARES).value(np.array([np.nan, 0.0, 5.0]))
    np.testing.assert_array_equal(values.price, [np.nan, np.nan, 5.0])
    np.testing.assert_array_equal(values.vega, [np.nan, np.nan, 0.0])


def test_one_spot_a_contract() -> None:
    with pytest.raises(ValueError, match="3 contracts"):
        SpotEngine().prepare(SHARES).value(np.array([1.0]))


def test_identity() -> None:
    assert (SpotEngine.name, SpotEngine.live) == ("Spot", True)
