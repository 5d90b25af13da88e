"""The live engine of American options: boundaries are prepared, ticks only evaluate them."""

from dataclasses import dataclass

import numpy as np
from numba import njit

from engine.american.boundary import PARAMETERS, SAMPLE_ROWS, solve_boundary
from engine.american.greeks import TERM_ROWS, value_rows
from engine.american.near_boundary import ZONE_SIZE, fit_zone
from engine.american.nodes import (
    BOUNDARY_NODES,
    FINE_POINTS,
    TICK_POINTS,
    Samples,
    node_roots,
    premium_samples,
    solver_samples,
)
from engine.american.premium import CURVE_ROWS, NORMAL_ROWS, fill_curve
from engine.american.ranges import AMERICAN, REFUSED, classify, scaled_puts, unsound
from engine.contracts import Contracts, FloatArray, IntArray, UnitValues


@njit(nogil=True, cache=True, error_model="numpy")
def solve_problems(
    scaled: FloatArray,
    node_root: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    tick_root: FloatArray,
    tick_weight: FloatArray,
    tick_interpolation: FloatArray,
    fine_root: FloatArray,
    fine_weight: FloatArray,
    fine_interpolation: FloatArray,
    last_change: FloatArray,
    zones: FloatArray,
    curves: FloatArray,
) -> None:
    """Fill for each scaled put its iteration's last change, the zone beside its boundary, and its curve for ticks."""
    samples = np.empty((SAMPLE_ROWS, interpolation.shape[1]))
    system = np.empty((BOUNDARY_NODES, BOUNDARY_NODES + 1 + PARAMETERS))
    h = np.empty(BOUNDARY_NODES + 1)
    h_slopes = np.empty((PARAMETERS, BOUNDARY_NODES + 1))
    fine_curve = np.empty((CURVE_ROWS, len(fine_root)))
    normals = np.empty((NORMAL_ROWS, len(fine_root)))
    fine_inverse_root = 1.0 / fine_root
    for p in range(len(scaled)):
        vol, rate, dividend_yield = scaled[p, 0], scaled[p, 1], scaled[p, 2]
        last_change[p] = solve_boundary(
            vol, rate, dividend_yield, node_root, root, weight, interpolation, samples, system, h, h_slopes
        )
        fill_curve(vol, rate, dividend_yield, h, h_slopes, tick_root, tick_weight, tick_interpolation, curves[p])
        fill_curve(vol, rate, dividend_yield, h, h_slopes, fine_root, fine_weight, fine_interpolation, fine_curve)
        fit_zone(
            vol,
            rate,
            dividend_yield,
            h[-1],
            h_slopes[:, -1],
            fine_root,
            fine_inverse_root,
            fine_curve,
            normals,
            zones[p],
        )


@dataclass(frozen=True, slots=True)
class PreparedAmericans:
    """Contracts with their exercise boundaries; see ``engine.contracts.PreparedContracts``.

    Contracts of equal volatility, life, rates and type share one boundary, which is proportional to the strike:
    ``problem`` says which. ``scaled`` holds vol, rate, yield and the two discount factors of each problem's scaled put.
    """

    refused: dict[int, str]
    kind: IntArray
    problem: IntArray
    terms: FloatArray
    scaled: FloatArray
    zones: FloatArray
    curves: FloatArray

    def value(self, spot: FloatArray) -> UnitValues:
        """Values at these spots, one a contract; NaN where refused, or where a spot is no price (``ranges``)."""
        spots = np.ascontiguousarray(spot, dtype=np.float64)
        if spots.shape != self.kind.shape:
            raise ValueError(f"one spot a contract is needed: {len(self.kind)}, not {spots.shape}")
        out = np.empty((7, len(spots)))
        root, inverse_root = _TICK.root, _INVERSE_TICK_ROOT
        value_rows(
            spots, self.kind, self.problem, self.terms, self.scaled, self.zones, root, inverse_root, self.curves, out
        )
        return UnitValues(*out)


_TICK: Samples = premium_samples(TICK_POINTS)
_INVERSE_TICK_ROOT: FloatArray = 1.0 / _TICK.root


class BoundaryEngine:
    """American options on a share with a continuous dividend yield, by their exercise boundary; one thread, no GIL.

    A pure function of the contracts. One thread on purpose: numba's default threading layer must not be entered from
    several threads at once, and callers are many; they may run several calls side by side.
    """

    name = "Boundary"
    live = True
    microseconds = 0.35

    def prepare(self, contracts: Contracts) -> PreparedAmericans:
        """Find the boundaries: about 20 microseconds for each different volatility, life, rate, yield and type."""
        scaled = scaled_puts(contracts)
        kind, refused = classify(contracts, scaled)
        american = np.flatnonzero(kind == AMERICAN)
        puts, of_row = distinct_rows(scaled[american])
        last_change, zones, curves = solve(puts)
        faults = unsound(last_change, zones)
        for i in np.flatnonzero(np.isin(of_row, list(faults))) if faults else ():
            kind[american[i]] = REFUSED
            refused[int(american[i])] = faults[int(of_row[i])]
        problem = np.zeros(len(contracts), dtype=np.int64)
        problem[american] = of_row
        factors = np.exp(-puts[:, 1:])
        return PreparedAmericans(
            refused, kind, problem, contract_terms(contracts), np.hstack([puts, factors]), zones, curves
        )

    def join(
        self, kept: PreparedAmericans, rows: IntArray, fresh: PreparedAmericans, contracts: Contracts
    ) -> PreparedAmericans:
        """Boundaries are taken over as they are, those that no row needs any more are dropped."""
        used, problem = np.unique(kept.problem[rows], return_inverse=True)
        return PreparedAmericans(
            {},
            np.concatenate([kept.kind[rows], fresh.kind]),
            np.concatenate([problem.astype(np.int64), fresh.problem + len(used)]),
            contract_terms(contracts),
            *(
                np.concatenate([getattr(kept, name)[used], getattr(fresh, name)])
                for name in ("scaled", "zones", "curves")
            ),
        )


def solve(puts: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Last changes, zones and curves of these scaled puts (rows of vol, rate, yield)."""
    last_change = np.empty(len(puts))
    zones = np.empty((len(puts), ZONE_SIZE))
    curves = np.empty((len(puts), CURVE_ROWS, TICK_POINTS))
    solver, fine = solver_samples(), premium_samples(FINE_POINTS)
    solve_problems(
        puts,
        node_roots(),
        solver.root,
        solver.weight,
        solver.interpolation,
        _TICK.root,
        _TICK.weight,
        _TICK.interpolation,
        fine.root,
        fine.weight,
        fine.interpolation,
        last_change,
        zones,
        curves,
    )
    return last_change, zones, curves


def distinct_rows(rows: FloatArray) -> tuple[FloatArray, IntArray]:
    """The different ones among these rows, and for each row its index among them.

    They keep the order in which they appear, so that a tick walks through memory in one direction.
    """
    order = np.lexsort(rows.T)
    ordered = rows[order]
    first = np.ones(len(rows), dtype=np.bool_)
    first[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    first_row = order[first]  # lexsort is stable: the earliest of its equals
    appearance = np.argsort(first_row)
    place = np.empty_like(appearance)
    place[appearance] = np.arange(len(appearance))
    index = np.empty(len(rows), dtype=np.int64)
    index[order] = place[np.cumsum(first) - 1]
    return np.ascontiguousarray(rows[first_row[appearance]]), index


def contract_terms(contracts: Contracts) -> FloatArray:
    """The contracts' own terms in the order that ``greeks`` names."""
    terms = np.empty((TERM_ROWS, len(contracts)))
    terms[0] = np.where(contracts.is_call, 1.0, -1.0)
    terms[1] = contracts.strike
    terms[2] = contracts.years
    terms[3] = contracts.implied_vol
    terms[4] = contracts.risk_free_rate
    terms[5] = contracts.dividend_yield
    return terms


def warm_up() -> None:
    """Compile every kernel, or load it from the disk, so that no tick meets the compiler."""
    one = np.ones(1)
    contracts = Contracts(100.0 * one, one, 0.3 * one, 0.03 * one, 0.01 * one, np.zeros(1, dtype=np.bool_))
    BoundaryEngine().prepare(contracts).value(100.0 * one)
