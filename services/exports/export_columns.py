"""What the columns of a frame hold, as an export writes them: a name that is there once, and plain values."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum, auto
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd


class Content(StrEnum):
    """What all values of a column are. An instant knows its time zone, a moment does not."""

    TEXT = auto()
    NUMBER = auto()
    FLAG = auto()
    DATE = auto()
    INSTANT = auto()
    MOMENT = auto()
    MIXED = auto()


@dataclass(frozen=True, slots=True)
class ExportColumn:
    """A column. values: str, int, float, bool, date, datetime (an instant is of UTC), or None: not known."""

    name: str
    content: Content
    values: list[Any]


def export_columns(frame: pd.DataFrame) -> list[ExportColumn]:
    """The columns of a frame; before them the levels of its index, where that has names."""
    named = any(name is not None for name in frame.index.names)
    table = frame.reset_index() if named else frame
    taken: dict[str, int] = {}
    found = []
    for place in range(table.shape[1]):
        label = table.columns[place]
        name = " / ".join(str(part) for part in label if part != "") if isinstance(label, tuple) else str(label)
        taken[name] = count = taken.get(name, 0) + 1
        values, content = _values(table.iloc[:, place])
        unique = name if count == 1 else f"{name} ({count})"
        found.append(ExportColumn(unique, content, values))
    return found


def _values(column: pd.Series) -> tuple[list[Any], Content]:
    """The values as Python has them, and what they are."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype(column.cat.categories.dtype)
    kind = column.dtype.kind
    if kind in "OU" or not isinstance(column.dtype, (np.dtype, pd.DatetimeTZDtype)):
        return _of_objects([_known(value) for value in column.tolist()])
    missing = column.isna().to_numpy()
    if kind == "M":
        instants = isinstance(column.dtype, pd.DatetimeTZDtype)
        moments = (column.dt.tz_convert("UTC") if instants else column).dt.as_unit("us")
        values = [None if gone else each.to_pydatetime() for each, gone in zip(moments, missing, strict=True)]
        return (values, Content.INSTANT) if instants else _of_objects(values)
    if kind == "m":
        return [None if gone else str(each) for each, gone in zip(column, missing, strict=True)], Content.TEXT
    plain = column.tolist()
    known = [None if gone else value for value, gone in zip(plain, missing, strict=True)] if missing.any() else plain
    return known, Content.FLAG if kind == "b" else Content.NUMBER


def _of_objects(values: list[Any]) -> tuple[list[Any], Content]:
    """Values that may be anything: each as what it is, and all as one kind where they are."""
    classes = {value.__class__ for value in values} - {type(None)}
    if classes <= {str}:
        return values, Content.TEXT
    if all(issubclass(each, datetime) for each in classes):
        aware = {value.tzinfo is not None for value in values if value is not None}
        if aware == {True}:
            return [None if value is None else value.astimezone(UTC) for value in values], Content.INSTANT
        days = [value for value in values if value is not None]
        if aware == {False} and all(not (day.hour or day.minute or day.second or day.microsecond) for day in days):
            return [None if value is None else value.date() for value in values], Content.DATE
        return (values, Content.MOMENT) if aware == {False} else ([_text(value) for value in values], Content.TEXT)
    if classes <= {bool}:
        return values, Content.FLAG
    if all(issubclass(each, date) and not issubclass(each, datetime) for each in classes):
        return values, Content.DATE
    if all(issubclass(each, (int, float)) and each is not bool for each in classes):
        return values, Content.NUMBER
    return [value if isinstance(value, (str, bool, int, float)) else _text(value) for value in values], Content.MIXED


def _known(value: Any) -> Any:
    """A value as Python has it, None where it says that nothing is known."""
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if value != value else value
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime(warn=False)
    if isinstance(value, Number) and not isinstance(value, (int, complex)):
        return float(value)  # type: ignore[arg-type]  # a Decimal or a Fraction
    return value


def _text(value: Any) -> str | None:
    """Anything else in words: lists and the like as JSON, dates as ISO has them."""
    if value is None:
        return None
    if isinstance(value, (date, datetime)):
        return iso(value)
    if isinstance(value, (Mapping, Sequence)) and not isinstance(value, (bytes, bytearray)):
        return json.dumps(value, default=str, ensure_ascii=False)
    return str(value)


def iso(value: date | datetime) -> str:
    """A date as YYYY-MM-DD, an instant of UTC with a Z, a moment without a zone without one."""
    if not isinstance(value, datetime):
        return value.isoformat()
    text = value.isoformat(timespec="microseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")
