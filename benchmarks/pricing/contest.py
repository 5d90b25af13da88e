"""Several ways to do the same thing, timed in turns, so that all of them meet the same machine."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from benchmarks.results import Result, result_of

_LEAST_SECONDS = 0.004
"""What is quicker than this is done several times between two looks at the clock."""


@dataclass(frozen=True, slots=True)
class Way:
    """A contestant. share: the part of the whole work that ``run`` does; its times are scaled up to the whole."""

    name: str
    run: Callable[[], object]
    share: float = 1.0
    note: str = ""


def contest(benchmark: str, case: str, ways: Sequence[Way], *, rounds: int, compared: bool = True) -> list[Result]:
    """Time each way once a round; the first way is the one that the others are compared with."""
    repeats = [_repeats(way) for way in ways]
    times: list[list[float]] = [[] for _ in ways]
    for _ in range(rounds):
        for place, way in enumerate(ways):
            started = time.perf_counter()
            for _ in range(repeats[place]):
                way.run()
            seconds = (time.perf_counter() - started) / repeats[place]
            times[place].append(seconds / way.share * 1000.0)
    results = [
        result_of(benchmark, case, way.name, measured, _note(way)) for way, measured in zip(ways, times, strict=True)
    ]
    if not compared:
        return results
    return [replace(result, ratio=results[0].p50_ms / result.p50_ms) for result in results]


def _repeats(way: Way) -> int:
    """How often to run between two looks at the clock; the run that finds out also warms up."""
    way.run()
    started = time.perf_counter()
    way.run()
    return max(1, int(_LEAST_SECONDS / max(time.perf_counter() - started, 1e-7)))


def _note(way: Way) -> str:
    sampled = "" if way.share == 1.0 else f"a sample of {way.share:.2%} of the trades, scaled up"
    return "; ".join(part for part in (way.note, sampled) if part)
