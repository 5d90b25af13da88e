"""Does a process of this machine still run? What a killed one has left behind may be taken over, or taken away."""

import os
import sys
from pathlib import Path

_WINDOWS_ASKS, _WINDOWS_HAS_NONE = 0x1000, 87
"""The right to ask for what anybody may know of a process; the error where there is none of that number."""


def is_running(process_id: int) -> bool:
    """Whether a process runs; one that was killed and only waits for its parent to notice does not.

    True where that cannot be known.
    """
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32", use_last_error=True)
        handle = kernel.OpenProcess(_WINDOWS_ASKS, False, process_id)
        if handle:
            kernel.CloseHandle(handle)
        return bool(handle) or ctypes.get_last_error() != _WINDOWS_HAS_NONE
    try:
        os.kill(process_id, 0)  # sends nothing
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # somebody else's
        return True
    try:
        status = Path(f"/proc/{process_id}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return True  # a system without /proc
    return status.rpartition(")")[2].split()[:1] != ["Z"]
