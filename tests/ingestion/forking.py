"""Starts ``python -m ingestion`` as often as it is told, without the seconds that its imports take each time.

A process of its own, run as a module. For each line of standard input, a JSON list of database URL, crash point (or
null) and arguments, it forks a child that is the command from its first argument on, prints the child's process id,
waits for its end, and prints its exit code, negative when it was killed. Only the imports are shared; what the command
prints is thrown away. A crash point is the list of what ``crash_points.arm`` takes.
"""

import json
import os
import sys
from pathlib import Path

import ingestion.sidecar.runner
from engine.pricing.warm_up import warm_up
from ingestion.command_line import app
from tests.ingestion.crash_points import CrashPoint, arm


def main() -> None:
    assert ingestion.sidecar.runner
    warm_up()
    for line in sys.stdin:
        url, crash, *arguments = json.loads(line)
        child = os.fork()
        if child == 0:
            os.environ["DATABASE_URL"] = url
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code: object = 1
            try:
                if crash is not None:
                    point, passage, last_words = crash
                    arm(CrashPoint(point), passage, Path(last_words))
                app(arguments, prog_name="python -m ingestion")
            except SystemExit as end:
                code = end.code
            finally:
                sys.stderr.flush()
                os._exit(code if isinstance(code, int) else 0 if code is None else 1)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
