"""Apply the bodies of appends, one after another, in a thread beside the web server's loop."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from api.bodies import read_body
from api.body_files import BodyReader
from services.pricing.pricing_state import PricingState
from services.records.record_kinds import RecordKind
from services.writes.append import Appended, append_read
from storage.connection.settings import Settings
from storage.core.database import Store


class Appender:
    """One thread, with what it knows of the store kept between requests: no page waits for it."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._state = PricingState.of(settings)
        self._files = BodyReader(settings)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="deltaboard-append")

    async def append(self, kind: RecordKind, body: bytes, content_type: str, *, atomic: bool) -> Appended:
        """Read and apply a body. Raises BadBody, WorkFailed, and what the store raises when it is away."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._append, kind, body, content_type, atomic)

    def close(self) -> None:
        """After the append that runs."""
        self._thread.shutdown(cancel_futures=True)
        self._files.close()

    def _append(self, kind: RecordKind, body: bytes, content_type: str, atomic: bool) -> Appended:
        read = read_body(body, content_type, kind, self._files.read)
        return append_read(
            self._store,
            self._state,
            kind.name,
            read,
            source="HTTP append",
            atomic=atomic,
            future_tolerance_seconds=self._settings.future_tolerance_seconds,
        )
