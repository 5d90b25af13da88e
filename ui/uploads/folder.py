"""Where the files wait that people upload, and who takes them away when a web process could not.

A folder has the number of its process in its name. Who stops a server in order leaves none; one that was killed leaves
people's files, and the next server to start on that machine takes them away.
"""

import os
import shutil
import tempfile
from pathlib import Path

from services.workers.running_process import is_running

_PREFIX = "deltaboard-uploads-"


def own_folder() -> tempfile.TemporaryDirectory[str]:
    """A new one for this process."""
    return tempfile.TemporaryDirectory(prefix=f"{_PREFIX}{os.getpid()}-", ignore_cleanup_errors=True)


def clear_left_behind() -> None:
    """Take away the folders of processes that are gone. To be called before this one has a folder.

    Where a number is that of a new process by now, its old folder stays until that one is gone, too.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if not number.isdecimal():
            continue
        # In a container each server has the number of the last.
        if int(number) == os.getpid() or not is_running(int(number)):
            shutil.rmtree(folder, ignore_errors=True)
