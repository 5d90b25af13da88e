"""Sums of measures over the nodes of a hierarchy, and which of them may not be made.

The sums of one call are of one set of values: whoever passes the values of one revision gets totals of that revision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import Additive
from engine.rollup.hierarchy import Hierarchy

_IN_CACHE = 4_000
"""So many values are summed at a time: ten times as many take thirty times as long."""


@dataclass(frozen=True, slots=True)
class Leaves:
    """Where each leaf hangs (a node of the lowest level), and its currency and underlying as codes from 0.

    Several leaves may hang on one node.
    """

    nodes: IntArray
    currencies: IntArray
    underlyings: IntArray


@dataclass(frozen=True, slots=True)
class Sums:
    """Sums of measures: a row each, a column for what they are sums over.

    values: NaN where nothing is known. unknown: how many values each sum lacks.
    """

    values: FloatArray
    unknown: FloatArray

    @classmethod
    def of(cls, values: FloatArray) -> "Sums":
        """Single values as sums: one that is not known is lacking once."""
        return cls(values, np.isnan(values).astype(np.float64))


@dataclass(frozen=True, slots=True)
class RolledUp:
    """A roll-up, a column a node. values: NaN where nothing is known, and where a sum may not be made.

    unknown: how many values each sum lacks. leaves: how many counted leaves are below each node. currencies: a row a
    code, which of them are below each node: where there are several, nothing in currency has a sum.
    """

    values: FloatArray
    unknown: FloatArray
    leaves: IntArray
    currencies: BoolArray


def add_up(sums: Sums, into: IntArray, count: int) -> Sums:
    """Sum up, column by column, what is known. A sum with nothing known in it is NaN, never 0.

    Parameters
    ----------
    sums : Sums
        What is summed, a row a measure.
    into : IntArray
        Of each column the place that it is summed into, from 0.
    count : int
        How many places there are.

    Returns
    -------
    Sums
        A row a measure, a column a place. What is added to a place is added in the order of the columns.
    """
    rows = len(sums.values)
    added, lacking = np.full((rows, count), np.nan), np.zeros((rows, count))
    is_place_of_any = np.bincount(into, minlength=count) > 0
    step = max(1, _IN_CACHE // max(1, count, len(into)))
    for first in range(0, rows, step):
        piece = slice(first, first + step)
        values, unknown = sums.values[piece], sums.unknown[piece]
        size = len(values) * count
        places = into if len(values) == 1 else (into + count * np.arange(len(values))[:, None]).ravel()
        known = ~np.isnan(values)
        if known.all():
            is_known = np.tile(is_place_of_any, len(values))
        else:
            is_known = np.bincount(places, known.ravel(), size) > 0
            values = np.where(known, values, 0.0)
        added[piece] = np.where(is_known, np.bincount(places, values.ravel(), size), np.nan).reshape(len(values), count)
        if unknown.any():
            lacking[piece] = np.bincount(places, unknown.ravel(), size).reshape(len(values), count)
    return Sums(added, lacking)


def roll_up(
    hierarchy: Hierarchy, leaves: Leaves, sums: Sums, additive: Sequence[Additive], counted: BoolArray
) -> RolledUp:
    """Sum measures over every node of a hierarchy, as far as they may be summed.

    A node over several currencies has no sum of money, one over several underlyings none of what may be summed within
    one underlying only, and a measure that may never be summed has none anywhere.

    Parameters
    ----------
    hierarchy : Hierarchy
        The nodes.
    leaves : Leaves
        Where each leaf hangs, and what decides whether it may be summed with others.
    sums : Sums
        The values of the leaves, which may be sums themselves: a row a measure, a column a leaf.
    additive : Sequence[Additive]
        Over what each measure may be summed.
    counted : BoolArray
        Which leaves count. The others are as if they were not there.

    Returns
    -------
    RolledUp
        A row a measure, a column a node. A sum that may not be made is NaN; how many values it lacks is said all the
        same.

    Raises
    ------
    ValueError
        Where the numbers of measures or leaves do not agree.
    """
    if sums.values.shape != (len(additive), len(leaves.nodes)) or len(counted) != len(leaves.nodes):
        raise ValueError(
            f"{len(additive)} rules, {len(leaves.nodes)} leaves and {len(counted)} of them counted or not"
            f" do not fit values of the shape {sums.values.shape}"
        )
    own = np.flatnonzero(counted)
    nodes, count = leaves.nodes[own], len(hierarchy)
    values, unknown = np.full((len(additive), count), np.nan), np.zeros((len(additive), count))
    below, into = Sums(sums.values[:, own], sums.unknown[:, own]), nodes
    for level in reversed(hierarchy.by_depth):
        place = np.empty(count, np.int64)
        place[level] = np.arange(len(level))
        below = add_up(below, place[into], len(level))
        values[:, level], unknown[:, level] = below.values, below.unknown
        into = hierarchy.parents[level]
    numbers = _climb(hierarchy, np.add, np.bincount(nodes, minlength=count))
    currencies = _currencies(hierarchy, nodes, leaves.currencies[own], int(leaves.currencies.max(initial=-1)) + 1)
    is_mixed = currencies.sum(axis=0) > 1
    for rule, row in zip(additive, values, strict=True):
        if rule is Additive.NEVER:
            row[:] = np.nan
        elif rule is not Additive.ANYWHERE:
            row[is_mixed] = np.nan
    if Additive.WITHIN_UNDERLYING in additive:
        within = np.array([rule is Additive.WITHIN_UNDERLYING for rule in additive])
        values[within[:, None] & _several(hierarchy, nodes, leaves.underlyings[own])] = np.nan
    return RolledUp(values, unknown, numbers, currencies)


def highest(hierarchy: Hierarchy, nodes: IntArray, values: IntArray) -> IntArray:
    """The highest value below each node, of leaves that hang on ``nodes``: 0 where there is none; none is below 0."""
    found = np.zeros(len(hierarchy), np.int64)
    np.maximum.at(found, nodes, values)
    return _climb(hierarchy, np.maximum, found)


def _climb(hierarchy: Hierarchy, operation: np.ufunc, found: IntArray) -> IntArray:
    """Take what each node has into those above it."""
    for level in reversed(hierarchy.by_depth[1:]):
        operation.at(found, hierarchy.parents[level], found[level])
    return found


def _currencies(hierarchy: Hierarchy, nodes: IntArray, codes: IntArray, count: int) -> BoolArray:
    """Which currencies are below each node: a row a code, a column a node."""
    found: BoolArray = np.zeros((count, len(hierarchy)), np.bool_)
    found[codes, nodes] = True
    for row in found:
        for level in reversed(hierarchy.by_depth[1:]):
            row[hierarchy.parents[level[row[level]]]] = True
    return found


def _several(hierarchy: Hierarchy, nodes: IntArray, codes: IntArray) -> BoolArray:
    """Which nodes have leaves of more than one code below them."""
    beyond = int(codes.max(initial=0)) + 1
    low, high = np.full(len(hierarchy), beyond), np.zeros(len(hierarchy), np.int64)
    np.minimum.at(low, nodes, codes)
    np.maximum.at(high, nodes, codes)
    several: BoolArray = _climb(hierarchy, np.minimum, low) < _climb(hierarchy, np.maximum, high)
    return several
