"""What was measured, as a table for people and as JSON for programs."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Result:
    """One way to do one thing. Times are in milliseconds.

    best_ms: the time that other work on the machine disturbed least. ratio: how many times faster than the first way of
    the same case, by the medians; 1 for that one itself, None where the case has nothing to compare. note: what the
    figure is made of, where it needs saying.
    """

    benchmark: str
    case: str
    way: str
    best_ms: float
    p50_ms: float
    p95_ms: float
    rounds: int
    ratio: float | None = None
    note: str = ""


def result_of(benchmark: str, case: str, way: str, times: Sequence[float], note: str = "") -> Result:
    """The result of a number of times in milliseconds."""
    return Result(benchmark, case, way, min(times), median(times), percentile(times, 95), len(times), None, note)


def percentile(times: Sequence[float], percent: float) -> float:
    """The smallest time that at least this share of the times do not exceed."""
    ordered = sorted(times)
    return ordered[max(0, -int(-len(ordered) * percent // 100) - 1)]


def table_of(results: Sequence[Result]) -> str:
    """The results as lines of text, grouped by benchmark and case."""
    lines: list[str] = []
    case = None
    width = max((len(result.way) for result in results), default=0)
    for result in results:
        if (result.benchmark, result.case) != case:
            case = (result.benchmark, result.case)
            ratio = "ratio" if result.ratio is not None else ""
            lines += ["", f"{result.benchmark}: {result.case}"]
            lines.append(f"  {'':{width}} {'best ms':>12} {'p50 ms':>12} {'p95 ms':>12} {'rounds':>7} {ratio:>8}")
        times = " ".join(f"{_figures(ms):>12}" for ms in (result.best_ms, result.p50_ms, result.p95_ms))
        ratio = "" if result.ratio is None else f"{result.ratio:,.{0 if result.ratio >= 10 else 1}f}"
        lines.append(f"  {result.way:{width}} {times} {result.rounds:>7} {ratio:>8}  {result.note}".rstrip())
    return "\n".join(lines)


def write_json(path: Path, machine: dict[str, Any], results: Sequence[Result]) -> None:
    """The machine and the results, one object each."""
    document = {"machine": machine, "results": [asdict(result) for result in results]}
    path.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _figures(milliseconds: float) -> str:
    """Three significant figures, thousands separated."""
    decimals = 3 if milliseconds < 1 else 2 if milliseconds < 10 else 1 if milliseconds < 100 else 0
    return f"{milliseconds:,.{decimals}f}"
