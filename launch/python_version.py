"""Is this Python new enough, and whole? An older Python must be able to read this file: keep its syntax to 3.6."""

import importlib.util
import sys

MINIMUM = (3, 11)


def too_old(version: "tuple[int, ...]") -> "str | None":
    """What to tell who runs a Python of this version, or None if it is new enough."""
    if version >= MINIMUM:
        return None
    return "Deltaboard needs Python {} or later; this is {}. Start it with a newer one: python3.11 run".format(
        ".".join(map(str, MINIMUM)), ".".join(map(str, version[:3]))
    )


def missing_parts(parts: "tuple[str, ...]" = ("venv", "ensurepip")) -> "str | None":
    """What to tell who runs a Python that cannot make an environment, or None if it can."""
    missing = [part for part in parts if importlib.util.find_spec(part) is None]
    if not missing:
        return None
    return "This Python cannot make an environment: it has no {}. On Debian or Ubuntu: apt install python3-venv".format(
        " and no ".join(missing)
    )


def require_python() -> None:
    """Leave with one line and exit code 1 where this Python does not do."""
    problem = too_old(tuple(sys.version_info[:3])) or missing_parts()
    if problem:
        sys.stderr.write(problem + "\n")
        sys.exit(1)
