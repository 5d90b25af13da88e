"""A sidecar that runs in a thread of the tests."""

import threading
from collections.abc import Callable
from typing import Any, Self

import pytest

from ingestion.sidecar.runner import Sidecar
from tests.fixtures.databases import wait_for


class SidecarThread:
    """Runs from entering to leaving the block; ``fault`` is what ended it before. make: called in the thread."""

    def __init__(self, make: Callable[[], Sidecar]) -> None:
        self._make = make
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.fault: Exception | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        self._stop.set()
        self._thread.join(120)
        assert not self._thread.is_alive()
        if self.fault is not None and error is None:
            raise self.fault

    def wait_for(
        self, condition: Callable[[], object], what: str, seconds: float = 120, *, may_end: bool = False
    ) -> None:
        """Wait until a condition holds; a sidecar that ends before fails, unless it may."""

        def holds() -> object:
            if self.fault is not None and not may_end:
                pytest.fail(f"the sidecar ended: {self.fault!r}")
            return condition()

        wait_for(holds, seconds, what)

    def _run(self) -> None:
        try:
            self._make().run(self._stop)
        except Exception as fault:
            self.fault = fault
