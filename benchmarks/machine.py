"""What the figures were measured on."""

import os
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PACKAGES = ("QuantLib", "numpy", "numba", "pyarrow", "SQLAlchemy", "streamlit")


def cores() -> int:
    """How many processors this process may use."""
    usable = getattr(os, "process_cpu_count", os.cpu_count)()
    return usable or 1


def describe_machine() -> dict[str, Any]:
    """Processor, cores, versions, and how busy the machine was with other work when the run began."""
    return {
        "processor": _processor(),
        "cores": cores(),
        "system": platform.system(),
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "load_before": load(),
    }


def load() -> float | None:
    """How many processes ran or waited to run in the last minute, on average; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
