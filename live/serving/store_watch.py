"""How the store is, as the board and the health answer say it: asked every second, in a thread of its own."""

import threading
from dataclasses import dataclass
from pathlib import Path

import structlog

from storage.connection.faults import REMEDIES, Fault, StoreFault, in_words
from storage.connection.supervision import Supervised, SupervisedThread
from storage.core.database import Store
from storage.core.integrity_check import damage_in
from storage.core.store_probe import StoreProbe

_LOOK_SECONDS = 1.0
_SILENT_SECONDS = 3.5
_TABLE_SECONDS = 60.0
_AT_ONCE_BYTES = 500_000_000
"""Some two milliseconds of reading a megabyte, in a thread of its own."""
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
        self._damaged: set[str] = set()
        self._threads = [SupervisedThread("store probe", self._run, stop)]
        if store.dialect == "sqlite":  # a server keeps checksums of its own
            self._threads.append(SupervisedThread("store check", self._check, stop))

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def join(self, seconds: float) -> None:
        for thread in self._threads:
            thread.join(seconds)
        self._store.note_fault(None)

    @property
    def fault(self) -> Fault | None:
        """What keeps the store from being written; None: nothing that is known."""
        probe = self._probe
        is_silent = probe is not None and probe.silent_seconds > _SILENT_SECONDS
        return self._fault or (Fault.HUNG if is_silent else Fault.CORRUPT if self._damaged else None)

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

    def _check(self, sign_of_life: Supervised) -> None:
        """Look through the tables of the file, one after the other: a small file at once and then at leisure."""
        path = Path(self._store.url.database or "")
        is_first = True
        while not self._stop.is_set():
            is_at_once = is_first and path.exists() and path.stat().st_size <= _AT_ONCE_BYTES
            for table, damage in damage_in(path):
                self._note_damage(table, damage)
                sign_of_life.beat()
                if self._stop.wait(0.0 if is_at_once else _TABLE_SECONDS):
                    return
            is_first = False
            self._stop.wait(_TABLE_SECONDS)

    def _note_damage(self, table: str, damage: str | None) -> None:
        if damage is None:
            self._damaged.discard(table)
        elif table not in self._damaged:
            log.error("store_damaged", table=table, found=damage)
            self._damaged.add(table)

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
