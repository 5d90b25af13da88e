"""Is the process that owns a feed still there? A restart right after a crash need not wait for its silence."""

import hashlib
import platform
from functools import lru_cache
from pathlib import Path

from services.workers.running_process import is_running
from storage.feeds.feeds import Feed


@lru_cache(maxsize=1)
def this_host() -> str:
    """The host's name, and a mark of the boot and the process namespace: a process id means something only there."""
    return f"{platform.node() or 'unnamed'} {_mark()}"


def is_gone(feed: Feed) -> bool:
    """Whether the process that owned a feed is known to be dead; False where that cannot be known from here."""
    return feed.host == this_host() and feed.process_id is not None and not is_running(feed.process_id)


def _mark() -> str:
    boot, namespace = Path("/proc/sys/kernel/random/boot_id"), Path("/proc/self/ns/pid")
    try:
        known = f"{boot.read_text(encoding='utf-8')}{namespace.readlink()}"
    except OSError:
        known = ""  # a system without /proc has one namespace
    return hashlib.sha256(known.encode()).hexdigest()[:12]
