"""Why something cannot be taken, and how to fix it: two texts from their origin, never one that is split later."""

from typing import Any, NamedTuple


class Fault(NamedTuple):
    """The reason, and what to do about it; as text both, for a log or a line of a terminal."""

    reason: str
    remediation: str = ""

    def __str__(self) -> str:
        return f"{self.reason}: {self.remediation}" if self.remediation else self.reason


class Questioned(NamedTuple):
    """A value that is taken, and a word about it for people."""

    value: Any
    remark: str


class BadValue(ValueError):
    """A value, row or file that cannot be taken."""

    def __init__(self, reason: str, remediation: str = "") -> None:
        self.fault = Fault(reason, remediation)
        super().__init__(str(self.fault))


def fault_of(error: ValueError) -> Fault:
    """The fault of an error; one that does not tell them apart is a reason alone."""
    return error.fault if isinstance(error, BadValue) else Fault(str(error))
