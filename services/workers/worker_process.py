"""A process beside this one that does one job after the other: what it does holds nobody's interpreter lock here."""

import gc
import pickle
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog

from storage.connection.faults import StoreUnavailable, in_words
from storage.connection.plain_log import log_plainly
from storage.connection.settings import ROOT, Settings
from storage.connection.supervision import SupervisedThread, reason_of, supervised

_ATTEMPTS = 2
_AWAY = "The store does not answer. Try again in a moment."

log = structlog.get_logger("beside")


class WorkFailed(Exception):
    """It did not work, and not because of what was asked; the message is for people."""


@dataclass(slots=True)
class Job:
    """Work that goes on in the process: how far it is, and in the end its result."""

    done: float = 0.0
    what: str = "waiting"
    outcome: Any = None
    error: Exception | None = None
    finished: threading.Event = field(default_factory=threading.Event)

    def result(self) -> Any:
        """Wait for the end; raises what went wrong."""
        self.finished.wait()
        if self.error is not None:
            raise self.error
        return self.outcome


class WorkerProcess:
    """The process, started when it is first needed and again when it has died.

    module: what it runs, which calls ``serve``. failed, died: what is said when a job fails for no reason of its own,
    and when the process ends before a job is done.
    """

    def __init__(self, module: str, settings: Settings, *, failed: str, died: str) -> None:
        self._module, self._settings = module, settings
        self._failed, self._died = failed, died
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: dict[int, tuple[subprocess.Popen[bytes], Job]] = {}
        self._next = 0
        self._lock = threading.Lock()
        self._sign_of_life = supervised("worker process")

    def submit(self, what: str, *arguments: Any) -> Job:
        """Have the process's ``what`` called with these arguments, which can be pickled, as its result must be."""
        job = Job()
        with self._lock:
            self._next += 1
            request = pickle.dumps((self._next, what, pickle.dumps(arguments)))
            for _ in range(_ATTEMPTS):
                try:
                    process = self._running()
                    self._jobs[self._next] = (process, job)
                    assert process.stdin is not None
                    process.stdin.write(request)
                    process.stdin.flush()
                    return job
                except (OSError, RuntimeError) as error:  # it cannot be started, or has died before it read all of this
                    log.warning("worker_process_unreachable", module=self._module, reason=reason_of(error))
                    self._give_up()
            self._jobs.pop(self._next, None)
            _end(job, WorkFailed(self._failed))
        return job

    def start(self) -> None:
        """Start the process already: it takes a moment."""
        with self._lock:
            self._running()

    def close(self) -> None:
        """End the process, after the job that runs."""
        with self._lock:
            process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()
            process.wait()
        self._sign_of_life.leave()

    @property
    def process_id(self) -> int | None:
        return None if self._process is None else self._process.pid

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        command = [sys.executable, "-m", self._module]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdin is not None
        self._process = process
        pickle.dump((self._settings, self._failed), process.stdin)
        process.stdin.flush()
        entry = self._sign_of_life
        SupervisedThread("worker process", lambda _: self._listen(process), entry=entry, once=True).start()
        return process

    def _give_up(self) -> None:
        """End a process that cannot be spoken to; who listens to it settles its jobs."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def _listen(self, process: subprocess.Popen[bytes]) -> None:
        """Take what the process says until it ends; jobs that it leaves behind have failed, whatever went wrong."""
        assert process.stdout is not None
        try:
            with process.stdout, suppress(EOFError, OSError):
                while True:
                    self._take(*pickle.load(process.stdout))
                    self._sign_of_life.beat()
        except Exception:
            process.kill()  # it says what nobody understands
            raise
        finally:
            self._settle(process)

    def _take(self, number: int, word: str, packed: bytes) -> None:
        """What the process says of a job; what cannot be unpacked is a failure of that job alone."""
        _, job = self._jobs.get(number, (None, None))
        if job is None:
            return
        try:
            content = pickle.loads(packed)
            if word == "progress":
                job.done, job.what = content
                return
        except Exception as error:
            self._sign_of_life.failed(error, module=self._module)
            word, content = "failed", WorkFailed(self._failed)
        self._jobs.pop(number, None)
        if word != "failed":
            job.outcome = content
        _end(job, content if word == "failed" else None)

    def _settle(self, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        assert process.stdin is not None
        with self._lock:
            with suppress(OSError):  # what it had not read yet
                process.stdin.close()
            if self._process is process:
                self._process = None
            for number, (of, job) in list(self._jobs.items()):
                if of is process:  # another may run by now, with jobs of its own
                    del self._jobs[number]
                    _end(job, WorkFailed(self._died))


def _end(job: Job, error: Any) -> None:
    job.error = error if error is None or isinstance(error, Exception) else WorkFailed(str(error))
    job.finished.set()


Progress = Callable[[float, str], None]


def serve(
    make_desk: Callable[[Settings], Any],
    for_people: tuple[type[Exception], ...],
    afterwards: Callable[[Any], None] = lambda _desk: None,
) -> None:
    """The process's side: do jobs from standard input until it ends.

    make_desk: makes what has a method for each kind of job, which takes a ``Progress`` and the arguments. for_people:
    what a job may raise that is handed back as it is. afterwards: called after each job, when its result is known.
    """
    log_plainly()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the web server, which then closes the pipe
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    settings, failed = pickle.load(requests)
    desk = make_desk(settings)
    gc.disable()  # a job makes objects by the million and hardly a cycle; to look for some meanwhile is dear

    def say(number: int, word: str, content: Any) -> None:
        packed = pickle.dumps(content)
        if word == "failed":
            pickle.loads(packed)  # many an exception can be packed and not unpacked
        pickle.dump((number, word, packed), replies)
        replies.flush()

    def fail(number: int, what: str, error: Exception) -> None:
        """Hand a failure back as it is, or in words where it cannot travel."""
        try:
            say(number, "failed", error)
        except BrokenPipeError:
            raise
        except Exception as fault:
            log.error("failure_cannot_be_handed_back", job=what, reason=reason_of(error), fault=reason_of(fault))
            say(number, "failed", WorkFailed(failed))

    while True:
        try:
            number, what, packed = pickle.load(requests)
        except EOFError:
            return
        try:
            call: Callable[..., Any] = getattr(desk, what)
            arguments = pickle.loads(packed)
            say(number, "done", call(lambda done, words, n=number: say(n, "progress", (done, words)), *arguments))
            afterwards(desk)
        except for_people as error:
            fail(number, what, error)
        except StoreUnavailable as error:
            log.warning("database_unavailable", job=what, error=in_words(error))
            say(number, "failed", WorkFailed(_AWAY))
        except BrokenPipeError:
            return
        except Exception:
            log.exception("job_failed", job=what)
            say(number, "failed", WorkFailed(failed))
        packed = arguments = None  # what it was given need not wait for the next
        gc.collect()
