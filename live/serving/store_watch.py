"""How the store is, as the board and the health answer say it: asked every second, in a thread of its own."""

import threading
from dataclasses import dataclass

import structlog

from storage.connection.faults import REMEDIES, Fault, StoreFault, in_words
from storage.connection.supervision import Supervised, SupervisedThread
from storage.core.database import Store
from storage.core.store_probe import StoreProbe

_LOOK_SECONDS = 1.0
_SILENT_SECONDS = 3.5
OK = "ok"
LIVE = (OK, str(Fault.LONG_WRITE))
"""What the store may be said to be while the board counts as live."""

log = structlog.get_logger("live")


@dataclass(frozen=True, slots=True)
class StoreCondition:
    """In one word, and what it means and how to fix it; nothing where all is well."""

    word: str = OK
    detail: str = ""

    @classmethod
    def of(cls, fault: Fault | None) -> "StoreCondition":
        return cls() if fault is None else cls(str(fault), " ".join(REMEDIES[fault]))


class StoreWatch:
    """Tries to write, and tells the stores of this process when there is no use in waiting for an answer."""

    def __init__(self, store: Store, stop: threading.Event) -> None:
        self._store = store
        self._stop = stop
        self._fault: Fault | None = None
        self._probe: StoreProbe | None = None
        self._thread = SupervisedThread("store probe", self._run, stop)

    def start(self) -> None:
        self._thread.start()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)
        self._store.note_fault(None)

    @property
    def fault(self) -> Fault | None:
        """What keeps the store from being written; None: nothing that is known."""
        probe = self._probe
        is_silent = probe is not None and probe.silent_seconds > _SILENT_SECONDS
        return self._fault or (Fault.HUNG if is_silent else None)

    def _run(self, sign_of_life: Supervised) -> None:
        probe = self._probe = StoreProbe(self._store.url.render_as_string(hide_password=False))
        try:
            while not self._stop.is_set():
                self._look(probe)
                sign_of_life.beat()
                self._stop.wait(_LOOK_SECONDS)
        finally:
            self._note(None)
            self._probe = None
            probe.close()

    def _look(self, probe: StoreProbe) -> None:
        try:
            probe.look()
        except StoreFault as error:
            if error.fault != self._fault:
                log.warning("store_fault", fault=str(error.fault), error=in_words(error))
            self._note(error.fault)
        else:
            if self._fault is not None:
                log.info("store_recovered")
            self._note(None)

    def _note(self, fault: Fault | None) -> None:
        self._fault = fault
        self._store.note_fault(fault)
