"""The benchmarks run, and say what they found in a shape that programs can read. Their times are nobody's test."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.results import percentile

ROOT = Path(__file__).resolve().parent.parent.parent


def test_a_quick_run_writes_its_results(tmp_path: Path) -> None:
    path = tmp_path / "bench.json"
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "repricing", "--json", str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(path.read_text(encoding="utf-8"))
    assert document["machine"]["cores"] >= 1
    assert {"processor", "python", "packages", "load_before"} <= set(document["machine"])
    results = document["results"]
    cases: dict[str, list[dict[str, object]]] = {}
    for result in results:
        assert result["benchmark"] == "repricing"
        assert 0 < result["best_ms"] <= result["p50_ms"] <= result["p95_ms"]
        cases.setdefault(result["case"], []).append(result)
    assert len(cases) == 6, "three books, each whole and on one underlying"
    for case, ways in cases.items():
        assert "as in the article" in str(ways[0]["way"])
        assert ways[0]["ratio"] == 1
        assert len(ways) == 4
        assert case in done.stdout


def test_the_percentile_is_one_of_the_values() -> None:
    assert percentile([3.0, 1.0, 2.0], 50) == 2.0
    assert percentile([float(n) for n in range(1, 101)], 95) == 95.0
    assert percentile([7.0], 95) == 7.0
