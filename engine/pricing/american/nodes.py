"""At which times is the boundary known, and at which times are integrals sampled.

None of it depends on the contract, because time is counted in units of the contract's own life: 0 is maturity, 1 is
today. Interpolation of the boundary is then one fixed matrix, the same for all contracts.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np

from engine.contracts import FloatArray

BOUNDARY_NODES = 10
"""Chebyshev nodes of the boundary after the one at maturity, where it is known in closed form."""
SOLVER_POINTS = 12
"""Quadrature points of each integral in the boundary's equations."""
PREMIUM_POINTS = 48
"""Samples of the premium's integral; a multiple of the 8 lanes of a vector instruction."""


@dataclass(frozen=True, slots=True)
class Samples:
    """Where an integral over the remaining time t, from now (0) back to one node's maturity (T), is sampled.

    root: s = sqrt(t / T). weight: of each sample, for an integral over s from 0 to 1. interpolation: a row a node and a
    column a sample; the boundary's squared log-distances at the nodes times it are those at the samples.
    """

    root: FloatArray
    weight: FloatArray
    interpolation: FloatArray


def node_roots() -> FloatArray:
    """xi = sqrt(time to maturity) of all nodes: the Chebyshev extrema on [0, 1], maturity first, as in the paper."""
    return np.asarray(0.5 - 0.5 * np.cos(np.pi * np.arange(BOUNDARY_NODES + 1) / BOUNDARY_NODES))


def interpolation_matrix(at: FloatArray) -> FloatArray:
    """Values at xi = ``at`` (columns) from values at the nodes (rows): Chebyshev interpolation, barycentric form."""
    nodes = node_roots()
    signs = np.where(np.arange(len(nodes)) % 2 == 0, 1.0, -1.0)
    signs[[0, -1]] *= 0.5
    distance = at[:, None] - nodes[None, :]
    exact = np.abs(distance) < 1e-15
    terms = signs / np.where(exact, 1.0, distance)
    matrix = terms / terms.sum(axis=1, keepdims=True)
    hit = exact.any(axis=1)
    matrix[hit] = exact[hit]
    return np.ascontiguousarray(matrix.T)


def quarter_circle(points: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Gauss-Legendre in an angle: s = sin(angle), its weight for integrals over s, and sqrt(1 - s^2) = cos(angle).

    The paper's change of variable removes 1 / sqrt(t) where t -> 0, but the boundary is a function of
    sqrt(T - t), which has an infinite slope at the other end. With t = T sin^2 and T - t = T cos^2 both roots are
    smooth: eight points do what forty-eight do without it.
    """
    abscissa, weight = np.polynomial.legendre.leggauss(points)
    angle = 0.25 * np.pi * (abscissa + 1.0)
    return np.sin(angle), 0.25 * np.pi * weight * np.cos(angle), np.cos(angle)


@cache
def premium_samples(points: int) -> Samples:
    """Samples of the premium's integral over the whole life of a contract."""
    root, weight, since_maturity = quarter_circle(points)
    return Samples(root, weight, interpolation_matrix(since_maturity))


@cache
def solver_samples() -> Samples:
    """Samples of the boundary's equations: the same roots for each node, and each its interpolation columns."""
    root, weight, since_maturity = quarter_circle(SOLVER_POINTS)
    return Samples(root, weight, interpolation_matrix(np.outer(node_roots()[1:], since_maturity).ravel()))
