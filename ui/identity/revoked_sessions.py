"""Which sign-ins have ended because somebody signed out, here or on another web server of the same store?"""

import threading
import time
from datetime import UTC, datetime

import structlog
from sqlalchemy.exc import DBAPIError

from services.access.note_sign_in import note_signed_out
from storage.connection.supervision import Supervised, SupervisedThread, reason_of
from storage.core.database import Store
from storage.people.revoked_sessions import KEPT, read_ended

_LOOK_SECONDS = 2.0

log = structlog.get_logger("web")


class RevokedSessions:
    """What this web server knows of them: everything that ended here, at once, and what the store says, soon after.

    The store is asked for what is new alone. While it is away, what is known stays known.
    """

    def __init__(self) -> None:
        self._ended: dict[str, datetime] = {}
        self._unwritten: dict[str, str] = {}
        self._revision: int | None = None
        self._stale_at = 0.0
        self._reading, self._writing = threading.Lock(), threading.Lock()

    def has(self, store: Store, key: str) -> bool:
        """Whether a sign-in has ended. Raises DBAPIError where the store has not answered since this server began."""
        if key not in self._ended and self.is_stale:
            self._read(store)
        return key in self._ended

    @property
    def is_stale(self) -> bool:
        """Whether the next question goes to the store: nobody has asked for a while, and nobody is asking."""
        return self._revision is None or (time.monotonic() >= self._stale_at and not self._reading.locked())

    def end(self, store: Store, key: str, name: str) -> None:
        """End somebody's sign-in: for this web server at once, for all in a transaction with its entry in the audit.

        While the store is away that is tried again and again, until it is written or this server ends.
        """
        self._ended[key] = datetime.now(UTC)
        with self._writing:
            is_tried_already = bool(self._unwritten)
            self._unwritten[key] = name
        if is_tried_already or self._is_written(store):
            return
        log.warning("sign_out_not_written")
        SupervisedThread("sign-outs", lambda sign_of_life: self._keep_writing(store, sign_of_life)).start()

    def _read(self, store: Store) -> None:
        if not self._reading.acquire(blocking=self._revision is None):
            return  # somebody is asking
        try:
            with store.read() as connection:
                new = read_ended(connection, self._revision or 0)
        except DBAPIError:
            if self._revision is None:
                raise
        else:
            self._revision = new[-1][0] if new else (self._revision or 0)
            self._ended.update((key, ended_at) for _, key, ended_at in new)
            too_old = datetime.now(UTC) - KEPT
            for key in [key for key, ended_at in tuple(self._ended.items()) if ended_at < too_old]:
                del self._ended[key]
        finally:
            self._stale_at = time.monotonic() + _LOOK_SECONDS
            self._reading.release()

    def _write(self, store: Store) -> bool:
        """Write what is not written; False: the store does not answer."""
        with self._writing:
            try:
                for key, name in tuple(self._unwritten.items()):
                    note_signed_out(store, key, name)
                    del self._unwritten[key]
            except DBAPIError:
                return False
            return True

    def _is_written(self, store: Store) -> bool:
        try:
            return self._write(store)
        except Exception as error:  # the thread that tries again says so, too
            log.error("sign_out_not_written", reason=reason_of(error))
            return False

    def _keep_writing(self, store: Store, sign_of_life: Supervised) -> None:
        while not self._write(store):
            sign_of_life.beat()  # the store does not answer: it is said of the store
            time.sleep(_LOOK_SECONDS)
