"""What do the launchers tell, and how do they leave?"""

import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path

INTERRUPTED = 130


class Refusal(Exception):
    """The launcher cannot go on: one clear line, lines that show why, and the code to leave with."""

    def __init__(self, line: str, *, why: list[str] | None = None, code: int = 1) -> None:
        super().__init__(line)
        self.why = why or []
        self.code = code


def say(line: str) -> None:
    """One line for the person at the terminal, at once."""
    print(line, flush=True)


def last_lines(path: Path, count: int = 12) -> list[str]:
    """The last lines of a log that have something in them."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return list(deque((line.rstrip() for line in file if line.strip()), maxlen=count))
    except OSError:
        return []


def leave(main: Callable[[], int]) -> int:
    """Run the launcher's work and turn what stops it into lines and an exit code, never a stack trace."""
    try:
        return main()
    except Refusal as refusal:
        for line in refusal.why:
            print(f"  {line}", file=sys.stderr)
        print(refusal, file=sys.stderr, flush=True)
        return refusal.code
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr, flush=True)
        return INTERRUPTED
