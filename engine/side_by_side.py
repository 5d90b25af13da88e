"""Several underlyings valued at once: who waits for whom?

The kernels let go of Python's lock, so two threads value two parts of a book in nearly half the time. What that is
worth depends on who prices: a book of Americans is 7 times the work of the same book of Europeans. So work is counted
in microseconds, by what each engine says that a contract costs, and where the hand-over costs more than it brings, all
stays in one thread.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

from engine.preparation import Group, PreparedUnderlying, Valued

Asked = tuple[PreparedUnderlying, float, tuple[Group, ...]]
"""An underlying, its spot, and the groups of its trades that are to be valued."""

WORTH_SHARING = 1000.0
"""Microseconds of kernels in the lighter part: what sharing saves at best. To wake the other thread, and to take turns
with it in Python, costs 100 on a quiet machine and several times that on a busy one: there parts of 600 lost by it."""


def value_side_by_side(asked: Sequence[Asked]) -> list[Valued]:
    """The values of each, in the order of asking; the same numbers as one after the other."""
    costs = [sum(len(group.rows) * group.engine.microseconds for group in groups) for _, _, groups in asked]
    if sum(costs) < 2.0 * WORTH_SHARING:
        return [_value(one) for one in asked]
    here, there = halves(costs)
    if sum(costs[i] for i in there) < WORTH_SHARING:
        return [_value(one) for one in asked]
    other = _helper().submit(lambda: [_value(asked[i]) for i in there])
    values = {i: _value(asked[i]) for i in here}
    values.update(zip(there, other.result(), strict=True))
    return [values[i] for i in range(len(asked))]


def halves(costs: Sequence[float]) -> tuple[list[int], list[int]]:
    """The places of two parts of about the same cost, the heavier part first."""
    parts: tuple[list[int], list[int]] = ([], [])
    weights = [0.0, 0.0]
    for i in sorted(range(len(costs)), key=lambda i: -costs[i]):
        lighter = int(weights[1] < weights[0])
        parts[lighter].append(i)
        weights[lighter] += costs[i]
    return parts if weights[0] >= weights[1] else (parts[1], parts[0])


def _value(asked: Asked) -> Valued:
    prepared, spot, groups = asked
    return prepared.value(spot, groups)


@lru_cache(maxsize=1)
def _helper() -> ThreadPoolExecutor:
    """The one other thread; it stays for the life of the process."""
    return ThreadPoolExecutor(1, thread_name_prefix="deltaboard-values")
