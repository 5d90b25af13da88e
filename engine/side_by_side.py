"""Several underlyings valued at once: who waits for whom?

The kernels let go of Python's lock, so two threads value two parts of a book in nearly half the time. A tick of one
underlying stays in its own thread: to hand it over costs more than it.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from engine.preparation import Group, PreparedUnderlying, Valued

Asked = tuple[PreparedUnderlying, float, tuple[Group, ...]]
"""An underlying, its spot, and the groups of its trades that are to be valued."""

_WORTH_SHARING = 2000
"""Trades. Below this many a second thread gains nothing."""


def value_side_by_side(asked: Sequence[Asked]) -> list[Valued]:
    """The values of each, in the order of asking; the same numbers as one after the other."""
    sizes = [sum(len(group.rows) for group in groups) for _, _, groups in asked]
    if len(asked) < 2 or sum(sizes) < _WORTH_SHARING:
        return [_value(one) for one in asked]
    here, there = _halves(sizes)
    other = _helper().submit(lambda: [_value(asked[i]) for i in there])
    values = {i: _value(asked[i]) for i in here}
    values.update(zip(there, other.result(), strict=True))
    return [values[i] for i in range(len(asked))]


def _value(asked: Asked) -> Valued:
    prepared, spot, groups = asked
    return prepared.value(spot, groups)


def _halves(sizes: Sequence[int]) -> tuple[list[int], list[int]]:
    """Two parts of about the same size, the largest given out first."""
    parts: tuple[list[int], list[int]] = ([], [])
    weights = [0, 0]
    for i in sorted(range(len(sizes)), key=lambda i: -sizes[i]):
        lighter = int(weights[1] < weights[0])
        parts[lighter].append(i)
        weights[lighter] += sizes[i]
    return parts


@lru_cache(maxsize=1)
def _helper() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, thread_name_prefix="deltaboard-values")
