"""The live engine of American options: boundaries are prepared, ticks only evaluate them."""

import numpy as np
from numba import njit

from engine.contracts import Contracts, FloatArray, IntArray, PreparedContracts
from engine.pricing.american.boundary import PARAMETERS, SAMPLE_ROWS, solve_boundary
from engine.pricing.american.greeks import NOT_EXERCISED, value_rows
from engine.pricing.american.nodes import BOUNDARY_NODES, PREMIUM_POINTS, node_roots, premium_samples, solver_samples
from engine.pricing.american.over_spot import LOG_BOUNDARY, PROFILE_SIZE, fit_profile
from engine.pricing.american.premium import CURVE_ROWS, NORMAL_ROWS, fill_curve
from engine.pricing.american.ranges import (
    AMERICAN,
    EUROPEAN,
    LARGEST_PRICE,
    LARGEST_VOL,
    REFUSED,
    SMALLEST_PRICE,
    SMALLEST_VOL,
    classify,
    scaled_puts,
    unsound,
)
from engine.pricing.american.terms import VOL, contract_terms
from engine.pricing.black_scholes import LimitRows, blank_without_price


@njit(nogil=True, cache=True, error_model="numpy")
def solve_problems(
    scaled: FloatArray,
    node_root: FloatArray,
    root: FloatArray,
    weight: FloatArray,
    interpolation: FloatArray,
    premium_root: FloatArray,
    premium_weight: FloatArray,
    premium_interpolation: FloatArray,
    last_change: FloatArray,
    profiles: FloatArray,
) -> None:
    """Fill for each scaled put its iteration's last change, and the profile of its premium for ticks."""
    samples = np.empty((SAMPLE_ROWS, interpolation.shape[1]))
    system = np.empty((BOUNDARY_NODES, BOUNDARY_NODES + 1 + PARAMETERS))
    h = np.empty(BOUNDARY_NODES + 1)
    h_slopes = np.empty((PARAMETERS, BOUNDARY_NODES + 1))
    curve = np.empty((CURVE_ROWS, len(premium_root)))
    normals = np.empty((NORMAL_ROWS, len(premium_root)))
    inverse_root = 1.0 / premium_root
    for p in range(len(scaled)):
        vol, rate, dividend_yield = scaled[p, 0], scaled[p, 1], scaled[p, 2]
        last_change[p] = solve_boundary(
            vol, rate, dividend_yield, node_root, root, weight, interpolation, samples, system, h, h_slopes
        )
        fill_curve(vol, rate, dividend_yield, h, h_slopes, premium_root, premium_weight, premium_interpolation, curve)
        fit_profile(
            vol,
            rate,
            dividend_yield,
            h[-1],
            h_slopes[:, -1],
            premium_root,
            inverse_root,
            curve,
            normals,
            profiles[p],
        )


class PreparedAmericans(PreparedContracts):
    """Contracts with their exercise boundaries.

    kind: see ``ranges``. Contracts of equal volatility, life, rates and type share one boundary, which is proportional
    to the strike: ``problem`` says which of the ``profiles`` (see ``over_spot``) is theirs.
    """

    def __init__(
        self, contracts: Contracts, refused: dict[int, str], kind: IntArray, problem: IntArray, profiles: FloatArray
    ) -> None:
        super().__init__(refused, len(contracts))
        self.kind, self.profiles = kind, profiles
        american = kind == AMERICAN
        self.problem: IntArray = np.where(american, problem, NOT_EXERCISED)
        log_boundary = np.full(len(contracts), -np.inf)
        log_boundary[american] = profiles[problem[american], LOG_BOUNDARY]
        self._terms = contract_terms(contracts, log_boundary)
        with np.errstate(invalid="ignore"):
            usual = (self._terms[VOL] >= SMALLEST_VOL) & (self._terms[VOL] <= LARGEST_VOL)
        self._limits = LimitRows(contracts, np.flatnonzero((kind == EUROPEAN) & ~usual))

    def fill(self, spots: FloatArray, out: FloatArray, start: int) -> None:
        """NaN where a contract is refused, or where a spot is no price (``ranges``)."""
        value_rows(spots, self.problem, self._terms, self.profiles, out, start)
        self._limits.fill(spots, out, start)
        blank_without_price(spots, SMALLEST_PRICE, LARGEST_PRICE, out, start)
        for row in self.refused:
            out[:, :, start + row] = np.nan


class BoundaryEngine:
    """American options on a share with a continuous dividend yield, by their exercise boundary; one thread, no GIL.

    A pure function of the contracts. One thread on purpose: numba's default threading layer must not be entered from
    several threads at once, and callers are many; they may run several calls side by side.
    """

    name = "Boundary"
    live = True

    def prepare(self, contracts: Contracts) -> PreparedAmericans:
        """Find the boundaries: about 13 microseconds for each different volatility, life, rate, yield and type."""
        scaled = scaled_puts(contracts)
        kind, refused = classify(contracts, scaled)
        american = np.flatnonzero(kind == AMERICAN)
        puts, of_row = distinct_rows(scaled[american])
        last_change, profiles = solve(puts)
        faults = unsound(last_change, profiles)
        for i in np.flatnonzero(np.isin(of_row, list(faults))) if faults else ():
            kind[american[i]] = REFUSED
            refused[int(american[i])] = faults[int(of_row[i])]
        problem = np.full(len(contracts), NOT_EXERCISED, dtype=np.int64)
        problem[american] = of_row
        return PreparedAmericans(contracts, refused, kind, problem, profiles)

    def join(
        self, kept: PreparedAmericans, rows: IntArray, fresh: PreparedAmericans, contracts: Contracts
    ) -> PreparedAmericans:
        """Boundaries are taken over as they are, those that no row needs any more are dropped."""
        problem, added = kept.problem[rows], fresh.problem
        exercised = problem != NOT_EXERCISED
        used, problem[exercised] = np.unique(problem[exercised], return_inverse=True)
        return PreparedAmericans(
            contracts,
            {},
            np.concatenate([kept.kind[rows], fresh.kind]),
            np.concatenate([problem, np.where(added == NOT_EXERCISED, NOT_EXERCISED, added + len(used))]),
            np.concatenate([kept.profiles[used], fresh.profiles]),
        )


def solve(puts: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Last changes and profiles of these scaled puts (rows of vol, rate, yield)."""
    last_change = np.empty(len(puts))
    profiles = np.empty((len(puts), PROFILE_SIZE))
    solver, premium = solver_samples(), premium_samples(PREMIUM_POINTS)
    solve_problems(
        puts,
        node_roots(),
        solver.root,
        solver.weight,
        solver.interpolation,
        premium.root,
        premium.weight,
        premium.interpolation,
        last_change,
        profiles,
    )
    return last_change, profiles


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


def warm_up() -> None:
    """Compile every kernel, or load it from the disk, so that no tick meets the compiler."""
    one = np.ones(1)
    contracts = Contracts(100.0 * one, one, 0.3 * one, 0.03 * one, 0.01 * one, np.zeros(1, dtype=np.bool_))
    BoundaryEngine().prepare(contracts).value(100.0 * one)
