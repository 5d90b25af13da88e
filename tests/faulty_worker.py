"""A worker process whose jobs go wrong in each way."""

import os
import time
from typing import Any

from services.process_beside import serve


class Foreign(Exception):
    """An exception that can be packed and not unpacked."""

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(f"{place}: {reason}")


class Unpackable:
    def __reduce__(self) -> Any:
        return _refuse, ()


def _refuse() -> None:
    raise KeyError("not here")


class Desk:
    """Jobs that go wrong in each way."""

    def works(self, _say: Any) -> str:
        return "done"

    def raises(self, _say: Any) -> None:
        raise Foreign(1, "no")

    def raises_local(self, _say: Any) -> None:
        class Local(ValueError):
            """Cannot be packed: nobody else knows it."""

        raise Local("no")

    def answers_what_cannot_be_unpacked(self, _say: Any) -> Any:
        return Unpackable()

    def answers_what_cannot_be_packed(self, _say: Any) -> Any:
        return lambda: None

    def says_nonsense(self, say: Any) -> str:
        say(Unpackable(), "so far")
        return "done"

    def dies(self, _say: Any) -> None:
        os._exit(3)

    def babbles(self, _say: Any) -> None:
        os.write(1, b"a line that a library writes to standard output\n" * 100)
        time.sleep(300)


if __name__ == "__main__":
    import tests.faulty_worker as known_by_name

    serve(lambda _settings: known_by_name.Desk(), (known_by_name.Foreign, ValueError))
