"""What happens at ./test: the environment, the components, then style, types and tests of a tier."""

import os
import signal
import subprocess
import time
from pathlib import Path

from launch.components import fetch_missing, install_missing, is_ci, settings_for_tests
from launch.environment import ensure_environment
from launch.messages import Refusal, leave, say
from launch.script_checks import script_steps

ROOT = Path(__file__).resolve().parent.parent
LAUNCHERS = ("run", "test", "bench")
TIERS = ("--fast", "--long")
MOST_WORKERS = 4
"""Each has a database server, a broker and a browser of its own."""


def main(arguments: list[str]) -> int:
    """The whole of ./test: with arguments only pytest, with these.

    --fast first: no servers, no browser, no processes, so nothing is installed for them. --long first: everything,
    other examples and more of them, many kills, and a soak (--soak-minutes).
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return leave(lambda: _check(arguments))


def _check(arguments: list[str]) -> int:
    tier = next((argument for argument in arguments if argument in TIERS), None)
    options = [argument for argument in arguments if argument != tier]
    of_tier = ["--tier", tier.removeprefix("--")] if tier else []
    python = str(ensure_environment(ROOT, "requirements-test.txt"))
    chosen = bool(options) and not _is_for_soak(options)
    if tier != "--fast":
        install_missing()
        fetch_missing()
    scripts, missing = ([], []) if chosen else script_steps()
    variables, lacking = ({}, []) if tier == "--fast" else settings_for_tests()
    missing += lacking
    if missing and is_ci():
        raise Refusal("In CI no component may be missing.", why=missing)
    for line in missing:
        say(f"SKIPPED {line}")
    if chosen:
        steps = [("tests", ["-m", "pytest", *of_tier, *options])]
    else:
        tests = ["-m", "pytest", *of_tier, *_side_by_side(), *options]
        steps = [*_style_steps(), ("types", ["-m", "mypy"]), ("tests", tests)]
    commands = [*scripts, *((name, [python, *step]) for name, step in steps)]
    failed = [name for name, command in commands if _fails(name, command, variables)]
    for line in missing:
        say(f"SKIPPED {line}")
    say(f"Failed: {', '.join(failed)}." if failed else "All is well.")
    return 1 if failed else 0


def _is_for_soak(options: list[str]) -> bool:
    """Whether nothing is chosen but how long the soak lasts."""
    return options[0].startswith("--soak-minutes") and len(options) == 1 + ("=" not in options[0])


def _style_steps() -> list[tuple[str, list[str]]]:
    return [
        ("style", ["-m", "ruff", "check", "--quiet", ".", *LAUNCHERS]),
        ("layout", ["-m", "ruff", "format", "--check", "--quiet", ".", *LAUNCHERS]),
    ]


def _side_by_side() -> list[str]:
    """Several processes, even on few cores: half of the tests wait for a browser, a broker or a process of their own.
    The tests of a file stay together, since they share what the file has started."""
    workers = max(2, min(os.cpu_count() or 1, MOST_WORKERS))
    return ["-n", str(workers), "--dist", "loadfile"]


def _fails(name: str, command: list[str], variables: dict[str, str]) -> bool:
    started = time.monotonic()
    code = subprocess.run(command, cwd=ROOT, env={**os.environ, **variables}, check=False).returncode
    say(f"-- {name}: {'failed' if code else 'good'} ({time.monotonic() - started:.0f} s)")
    return code != 0
