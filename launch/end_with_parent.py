"""A process that must not outlive the one that wanted it: a guard between the two. Standard library only.

``python end_with_parent.py COMMAND...`` runs the command and leaves with its exit code. It listens to its standard
input: ``t`` asks the command to end, ``k`` kills it, and so does the end of the input, which comes when the parent is
gone, however it went.
"""

import os
import signal
import subprocess
import sys
import threading
from types import FrameType

ASK_TO_END, KILL = b"t", b"k"


def main(command: list[str]) -> int:
    """Run a command until it ends, or until nobody wants it any more."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def pass_on(_number: int, _frame: FrameType | None) -> None:
        process.terminate()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, pass_on)
    threading.Thread(target=_listen, args=(process,), daemon=True).start()
    return process.wait()


def _listen(process: subprocess.Popen[bytes]) -> None:
    while os.read(0, 1) == ASK_TO_END:
        process.terminate()
    process.kill()


if __name__ == "__main__":
    code = main(sys.argv[1:])
    os._exit(code if code >= 0 else 128 - code)  # the thread still reads: an ordinary end would wait for it
