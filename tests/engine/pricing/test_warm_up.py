"""Kernels are compiled before the first tick, kept on disk, and never used after the code has changed."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

from engine.kernel_cache import KERNELS
from engine.pricing.warm_up import warm_up

ENGINE = Path(__file__).resolve().parents[3] / "engine"
TICK = """
import hashlib, json, sys
from datetime import date
import numpy as np
from numba.core import event
from engine.pricing.warm_up import warm_up
told = []
warm_up(told.append)
from engine.valuation.underlying_pricer import prepare_trades
from engine.snapshot.parameters import ARTICLE_DEFAULTS
from engine.snapshot.trade_arrays import TradeArrays
n = 3000
styles = np.array(["American", "European", "American"] * (n // 3), dtype=object)
products = np.array(["EQ_Option", "EQ_Option", "EQ_Option"] * (n // 3), dtype=object)
products[::50] = "EQ_Stock"
def trades(name):
    return TradeArrays([f"{name}{i}" for i in range(n)], products, np.ones(n), np.linspace(50.0, 150.0, n),
        np.datetime64("2020-03-09") + np.arange(n) % 600, np.array(["call", "put"] * (n // 2), dtype=object),
        styles, np.full(n, 100.0))
with event.install_recorder("numba:compile") as compiled:
    made = [prepare_trades(name, trades(name), ARTICLE_DEFAULTS, date(2020, 3, 9)) for name in "AB"]
    valued = [one.value(100.0, one.live_groups) for one in made]
from engine.pricing.american.engine import solve_problems
bits = [group.prepared.profiles for one in made for group in one.groups if group.engine.name == "Boundary"]
bits += [measure for part in valued for measure in part.measures.values()]
print(json.dumps({
    "told": told,
    "compiled in the tick": len(compiled.buffer),
    "valued": [len(part.rows) for part in valued],
    "from the disk": sum(solve_problems.stats.cache_hits.values()),
    "bits": hashlib.sha256(b"".join(array.tobytes() for array in bits)).hexdigest(),
}))
"""


def ticked(folder: Path) -> dict[str, object]:
    """What a fresh process says of its warm-up and its first tick, with the engine's code in this folder."""
    done = subprocess.run([sys.executable, "-c", TICK], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_tick_never_meets_the_compiler() -> None:
    """Every live engine, boundaries and ticks."""
    warm_up()
    found = ticked(ENGINE.parent)
    assert found["told"] == ["Spot", "Black–Scholes", "Boundary"]
    assert found["compiled in the tick"] == 0
    assert found["valued"] == [3000, 3000]
    assert found["from the disk"] == 1


def test_what_was_just_compiled_and_what_is_kept_give_the_same_bits(tmp_path: Path) -> None:
    """Else a sidecar that is started again would not leave what an undisturbed one leaves."""
    shutil.copytree(ENGINE, tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    compiled, kept = ticked(tmp_path), ticked(tmp_path)
    assert (compiled["from the disk"], kept["from the disk"]) == (0, 1)
    assert compiled["bits"] == kept["bits"]


def test_kernels_are_kept_beside_the_code() -> None:
    warm_up()
    assert KERNELS.parent == ENGINE / "__pycache__"
    assert {path.name.split(".")[0] for path in KERNELS.rglob("*.nbi")} >= {"greeks", "boundary", "position_measures"}


def test_a_change_of_one_file_outdates_all_kernels(tmp_path: Path) -> None:
    """numba alone would go on with the copies of ``normal`` in kernels of other files."""
    shutil.copytree(ENGINE, tmp_path / "engine", ignore=shutil.ignore_patterns("__pycache__"))
    assert place_of_kernels(tmp_path) == KERNELS.name
    normal = tmp_path / "engine" / "pricing" / "normal.py"
    normal.write_text(normal.read_text(encoding="utf-8").replace("4.5", "4.6"), encoding="utf-8")
    assert place_of_kernels(tmp_path) != KERNELS.name


def place_of_kernels(folder: Path) -> str:
    """Where a process with the engine's code in this folder keeps its kernels."""
    code = "import numba, engine.kernel_cache; print(numba.config.CACHE_DIR)"
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    kept = Path(done.stdout.strip())
    assert kept.parent == folder / "engine" / "__pycache__"
    return kept.name
