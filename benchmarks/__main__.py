"""The command line: ``python -m benchmarks``, or ``./bench``."""

import argparse
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.machine import describe_machine
from benchmarks.results import Result, table_of, write_json

BENCHMARKS: dict[str, str] = {
    "repricing": "pricing",
    "american": "pricing",
    "american_board": "boards",
    "boundaries": "pricing",
    "committed": "store",
    "lock": "store",
    "pixels": "boards",
    "cold_board": "boards",
    "pages": "boards",
    "kafka_trades": "store",
    "kafka_pixels": "boards",
    "files": "store",
    "upload": "store",
}
"""Modules and their packages, in the order of their running; each module has ``run(quick)``."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks that were asked for, one after the other, and say what they found."""
    options = _options(arguments)
    machine = describe_machine()
    print(f"{machine['processor']}, {machine['cores']} cores, Python {machine['python']}", flush=True)
    print(f"Load of the machine before: {machine['load_before']}", flush=True)
    results: list[Result] = []
    for name in options.only or BENCHMARKS:
        run: Callable[[bool], list[Result]] = import_module(f"benchmarks.{BENCHMARKS[name]}.{name}").run
        found = run(options.quick)
        print(table_of(found), flush=True)
        results += found
    if options.json is not None:
        write_json(options.json, machine, results)
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measures what the board costs.")
    parser.add_argument("--only", action="append", choices=BENCHMARKS, help="run this one; may be said several times")
    parser.add_argument("--quick", action="store_true", help="few rounds and small samples: to see that it works")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the results to a file too")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
