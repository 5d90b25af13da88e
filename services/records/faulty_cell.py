"""A cell of a workbook that holds a fault and no value."""

from dataclasses import dataclass

from services.records.faults import Fault


@dataclass(frozen=True, slots=True)
class FaultyCell:
    """What stands in the cell, and why it cannot be read. No column takes it, whatever its type."""

    text: str
    fault: Fault

    def __str__(self) -> str:
        return self.text
