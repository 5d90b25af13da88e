"""The roll-up against the plainest way to say the same, and against pandas; and what it refuses to sum."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.measures import Additive
from engine.rollup.hierarchy import TOTAL, Hierarchy
from engine.rollup.roll_up import Leaves, RolledUp, Sums, add_up, highest, roll_up

LEVELS = ("region", "desk", "underlying")
RULES = (Additive.ALWAYS, Additive.WITHIN_UNDERLYING, Additive.NEVER, Additive.ANYWHERE)
CURRENCIES = {"AAPL": "USD", "MSFT": "USD", "SAP": "EUR"}
CODES = ["USD", "EUR"]
TICKERS = list(CURRENCIES)


class Leaf(NamedTuple):
    labels: tuple[str, str, str]
    value: float
    lacking: int
    counted: bool = True

    @property
    def currency(self) -> str:
        return CURRENCIES[self.labels[-1]]


def hierarchy_of(leaves: Sequence[Leaf]) -> tuple[Hierarchy, Leaves]:
    hierarchy = Hierarchy(LEVELS)
    nodes = [hierarchy.place(leaf.labels) for leaf in leaves]
    currencies = [CODES.index(leaf.currency) for leaf in leaves]
    underlyings = [TICKERS.index(leaf.labels[-1]) for leaf in leaves]
    return hierarchy, Leaves(*(np.array(codes, np.int64) for codes in (nodes, currencies, underlyings)))


def rolled_up(leaves: Sequence[Leaf]) -> tuple[Hierarchy, RolledUp]:
    """Every leaf has one value for all of ``RULES``."""
    hierarchy, placed = hierarchy_of(leaves)
    values = np.tile(np.array([leaf.value for leaf in leaves], np.float64), (len(RULES), 1))
    unknown = np.tile(np.array([leaf.lacking for leaf in leaves], np.float64), (len(RULES), 1))
    counted = np.array([leaf.counted for leaf in leaves], np.bool_)
    return hierarchy, roll_up(hierarchy, placed, Sums(values, unknown), RULES, counted)


def naive(leaves: Sequence[Leaf], path: tuple[str, ...], rule: Additive) -> float:
    """The sum of a node, leaf by leaf."""
    below = [leaf for leaf in leaves if leaf.counted and leaf.labels[: len(path)] == path]
    known = [leaf.value for leaf in below if not np.isnan(leaf.value)]
    refused = {
        Additive.ALWAYS: len({leaf.currency for leaf in below}) > 1,
        Additive.WITHIN_UNDERLYING: len({leaf.labels[-1] for leaf in below}) > 1,
        Additive.NEVER: True,
        Additive.ANYWHERE: False,
    }[rule]
    return np.nan if refused or not known else float(sum(known))


def labels() -> st.SearchStrategy[tuple[str, str, str]]:
    return st.tuples(st.sampled_from("NS"), st.sampled_from("ab"), st.sampled_from(TICKERS))


def leaf() -> st.SearchStrategy[Leaf]:
    value = st.one_of(st.integers(-1000, 1000).map(float), st.just(np.nan))
    return st.builds(Leaf, labels(), value, st.integers(0, 3), st.booleans())


@given(st.lists(leaf(), max_size=25))
def test_every_node_has_what_the_plainest_way_gives(leaves: list[Leaf]) -> None:
    hierarchy, rolled = rolled_up(leaves)
    for node, path in enumerate(hierarchy.paths):
        below = [each for each in leaves if each.counted and each.labels[: len(path)] == path]
        for row, rule in enumerate(RULES):
            np.testing.assert_equal(rolled.values[row, node], naive(leaves, path, rule), f"{path}, {rule}")
        assert rolled.unknown[:, node].tolist() == [sum(each.lacking for each in below)] * len(RULES)
        assert rolled.leaves[node] == len(below)
        found = [code for code, is_below in zip(CODES, rolled.currencies[:, node].tolist(), strict=False) if is_below]
        assert set(found) == {each.currency for each in below}


@given(st.lists(leaf(), min_size=1, max_size=25))
def test_it_agrees_with_pandas(leaves: list[Leaf]) -> None:
    hierarchy, rolled = rolled_up(leaves)
    frame = pd.DataFrame([each.labels for each in leaves], columns=list(LEVELS)).assign(
        value=[each.value for each in leaves], counted=[each.counted for each in leaves]
    )
    for depth in range(1, len(LEVELS) + 1):
        by_path = frame[frame["counted"]].groupby(list(LEVELS[:depth]))["value"].sum(min_count=1)
        for node in hierarchy.by_depth[depth].tolist():
            path = hierarchy.paths[node]
            expected = by_path.get(path if depth > 1 else path[0], np.nan)
            np.testing.assert_equal(rolled.values[RULES.index(Additive.ANYWHERE), node], expected)


@given(st.lists(leaf(), max_size=25), st.lists(leaf(), max_size=5))
def test_leaves_that_do_not_count_change_nothing(leaves: list[Leaf], others: list[Leaf]) -> None:
    _, alone = rolled_up(leaves)
    _, beside = rolled_up([*leaves, *(other._replace(counted=False) for other in others)])
    nodes = alone.values.shape[1]
    np.testing.assert_array_equal(alone.values, beside.values[:, :nodes])
    np.testing.assert_array_equal(alone.unknown, beside.unknown[:, :nodes])
    assert np.isnan(beside.values[:, nodes:]).all()


@given(st.lists(labels(), max_size=20), st.lists(labels(), max_size=20))
def test_a_node_keeps_its_id_and_stands_after_its_parent(first: list[Any], more: list[Any]) -> None:
    hierarchy = Hierarchy(LEVELS)
    before = {path: hierarchy.place(path) for path in first}
    paths = list(hierarchy.paths)
    for path in more:
        hierarchy.place(path)
    assert hierarchy.paths[: len(paths)] == paths
    assert {path: hierarchy.place(path) for path in first} == before
    assert len(set(hierarchy.paths)) == len(hierarchy)
    for node, path in enumerate(hierarchy.paths[1:], start=1):
        assert hierarchy.paths[hierarchy.parents[node]] == path[:-1]
        assert hierarchy.parents[node] < node
        assert node in hierarchy.by_depth[len(path)]


def test_a_sum_of_several_currencies_is_refused_and_says_which() -> None:
    hierarchy, rolled = rolled_up([Leaf(("N", "a", "AAPL"), 2.0, 0), Leaf(("N", "b", "SAP"), 3.0, 1)])
    always, anywhere = RULES.index(Additive.ALWAYS), RULES.index(Additive.ANYWHERE)
    assert np.isnan(rolled.values[always, TOTAL])
    assert (rolled.values[anywhere, TOTAL], rolled.unknown[always, TOTAL]) == (5.0, 1.0)
    assert rolled.currencies[:, TOTAL].tolist() == [True, True]
    assert rolled.values[always, hierarchy.place(("N", "b", "SAP"))] == 3.0


def test_shares_of_several_underlyings_are_not_summed() -> None:
    hierarchy, rolled = rolled_up(
        [Leaf(("N", "a", "AAPL"), 2.0, 0), Leaf(("N", "a", "AAPL"), 1.0, 0), Leaf(("N", "b", "MSFT"), 3.0, 0)]
    )
    shares = rolled.values[RULES.index(Additive.WITHIN_UNDERLYING)]
    by_path = dict(zip(hierarchy.paths, shares.tolist(), strict=True))
    assert np.isnan([by_path[()], by_path["N",]]).all()
    assert (by_path["N", "a"], by_path["N", "b"]) == (3.0, 3.0)


def test_nothing_known_is_not_zero_and_a_part_is_said_to_lack_the_rest() -> None:
    added = add_up(Sums.of(np.array([[1.0, np.nan, np.nan, 2.0]])), np.array([0, 0, 1, 0]), 3)
    np.testing.assert_array_equal(added.values, [[3.0, np.nan, np.nan]])
    np.testing.assert_array_equal(added.unknown, [[1.0, 1.0, 0.0]])


def test_no_leaf_is_no_sum() -> None:
    _, rolled = rolled_up([])
    assert np.isnan(rolled.values[:, TOTAL]).all()
    assert rolled.leaves.tolist() == [0]


def test_the_highest_of_the_leaves_reaches_the_total() -> None:
    hierarchy, leaves = hierarchy_of([Leaf(("N", "a", "AAPL"), 0.0, 0), Leaf(("S", "b", "SAP"), 0.0, 0)])
    found = highest(hierarchy, leaves.nodes, np.array([7, 4], np.int64))
    assert dict(zip(hierarchy.paths, found.tolist(), strict=True)) == {
        **{("N", "a", "AAPL")[:depth]: 7 for depth in range(4)},
        **{("S", "b", "SAP")[:depth]: 4 for depth in range(1, 4)},
    }


def test_what_does_not_fit_is_refused() -> None:
    hierarchy, leaves = hierarchy_of([Leaf(("N", "a", "AAPL"), 0.0, 0)])
    with pytest.raises(ValueError, match=r"2 rules, 1 leaves .* shape \(1, 1\)"):
        roll_up(hierarchy, leaves, Sums.of(np.zeros((1, 1))), RULES[:2], np.ones(1, np.bool_))
    with pytest.raises(ValueError, match="2 labels for the levels region, desk, underlying"):
        hierarchy.place(("N", "a"))
