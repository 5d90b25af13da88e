"""Whether the stored values of a date are what a full revaluation gives."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
from sqlalchemy import Connection

from engine.contracts import FloatArray
from engine.measures import MEASURE_NAMES
from engine.model import Source
from engine.snapshot.parameters import Parameters
from engine.valuation.cube import UnderlyingCube, value
from services.pricing.read_snapshot import read_snapshot
from storage.core.database import Store
from storage.market.quotes import newest_as_of
from storage.market.sensitivities import failed_trades
from storage.read_models.read_models import sensitivities_frame

_CLOSE = 1e-9
"""How far a stored value may be from a revaluation, relative to it: more than the rounding of another order."""


@dataclass(frozen=True, slots=True)
class CheckedValues:
    """How many trades a date's revaluation was compared for, and in words which differ. as_of: None without a quote."""

    as_of: date | None
    trades: int = 0
    differences: list[str] = field(default_factory=list)


def check_values(store: Store, connection: Connection, fallback: Parameters) -> CheckedValues:
    """Compare the values of the newest date, as we stored them, with ``value(snapshot)``; reported ones are left out.

    fallback: what an underlying without parameters is priced with.
    """
    as_of = newest_as_of(connection)
    if as_of is None:
        return CheckedValues(None)
    snapshot = read_snapshot(store, connection, as_of, fallback)
    cube = value(snapshot)
    frame = sensitivities_frame(connection, as_of)
    reported = set(frame.loc[frame["source"] != Source.ENGINE, "trade_id"])
    ours = frame[frame["source"] == Source.ENGINE].set_index("trade_id")
    rows = {trade_id: place for place, trade_id in enumerate(ours.index)}
    stored = ours[list(MEASURE_NAMES)].to_numpy(np.float64)
    failed = {failure.trade_id for failure in cube.failures}
    without = failed_trades(connection, as_of).keys()
    differences = [
        text
        for part in cube.underlyings.values()
        for text in _differing(part, rows, stored, reported, without | failed)
    ]
    unnamed = sorted(failed - without - reported)
    differences += [f"trade {trade_id}: it cannot be valued, and the store does not say so" for trade_id in unnamed]
    return CheckedValues(as_of, sum(len(part.trade_ids) for part in cube.underlyings.values()), differences)


def _differing(
    part: UnderlyingCube, rows: dict[str, int], stored: FloatArray, reported: set[str], without: set[str]
) -> Iterator[str]:
    """The trades on an underlying whose stored values are others, in words."""
    found = part.values[:, :, 0]
    known = np.array([rows.get(trade_id, -1) for trade_id in part.trade_ids])
    of_store = np.where((known >= 0)[:, None], stored[known], np.nan)
    differs = ~np.isclose(found, of_store, rtol=_CLOSE, atol=_CLOSE, equal_nan=True)
    for row in np.flatnonzero(differs.any(axis=1)).tolist():
        trade_id = part.trade_ids[row]
        if trade_id in reported:
            continue
        if known[row] < 0:
            if trade_id not in without:
                yield f"trade {trade_id}: it has no value, a revaluation gives {found[row, 1]:.6g} as market value"
            continue
        place = int(np.flatnonzero(differs[row])[0])
        name, have, want = MEASURE_NAMES[place], of_store[row, place], found[row, place] + 0.0  # no minus before a zero
        yield f"trade {trade_id}: {name} is {have:.10g}, a revaluation gives {want:.10g}"
