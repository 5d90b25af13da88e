"""A bound on what Arrow may take while it unpacks: a file that lies about its size ends its job, not the machine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa


def be_bound() -> None:
    """Have Arrow ask the system for each large piece of memory: its own pool reserves a gigabyte that no bound sees."""
    pa.set_memory_pool(pa.system_memory_pool())


@contextmanager
def bounded_memory(most_bytes: int | None) -> Iterator[None]:
    """Let this process take so much more than it has, and no more: larger allocations raise MemoryError.

    It holds for the whole process, so it is for one that does a job at a time, and for large allocations: Python itself
    may loop for ever where it has no memory for its own small objects. Without effect when None, or not on Linux.
    """
    if most_bytes is None or sys.platform != "linux":
        yield
        return
    import resource

    before = soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    bound = _data_bytes() + most_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (bound if soft == resource.RLIM_INFINITY else min(bound, soft), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _data_bytes() -> int:
    """What the bound is compared with: the memory of its own that the process has, touched or not."""
    lines = Path("/proc/self/status").read_text(encoding="ascii", errors="replace").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:"))
