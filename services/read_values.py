"""Read one value: the text of a file's cell, or a value that has a type already (JSON, Parquet, Python).

Every function here takes a value that is not missing and raises BadValue with the reason and the way to fix it.
"""

import math
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from numbers import Integral, Real
from typing import Any

from services.faults import BadValue, Fault
from services.faulty_cell import FaultyCell

LONGEST_TEXT = 200
_YEARS = range(1901, 2200)
"""The years that the trading calendar knows."""
_NOT_A_DATE = Fault("not a date of the years 1901 to 2199", "write it as YYYY-MM-DD")
_NOT_A_MOMENT = Fault("not a date or time of the years 1901 to 2199", "write it as YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ")
_LONGEST_MOMENT = len("2020-03-09T13:30:00.123456789+00:00") + 10


def text(value: Any) -> str:
    """A text. A whole number is one too: an identifier often is."""
    if value.__class__ is not str:
        value = _as_text(value)
    if len(value) > LONGEST_TEXT:
        raise BadValue(f"longer than {LONGEST_TEXT} characters", "shorten it")
    if not value.isprintable():
        raise BadValue("has characters that cannot be printed", "remove them")
    return value  # type: ignore[no-any-return]


def number(value: Any) -> float:
    """A finite number; true and false are none."""
    kind = value.__class__
    if kind is float:
        read: float = value
    elif kind is str:
        try:
            read = float("" if "_" in value else value)
        except ValueError:
            raise BadValue("not a number", "write it like 1234.5, without thousands separators") from None
    elif kind is not bool and isinstance(value, (Real, Decimal)):
        read = _as_float(value)
    else:
        raise BadValue(f"not a number but {_word(value)}", "write it like 1234.5")
    if not math.isfinite(read):
        raise BadValue("not a finite number", "write a number or leave the row out")
    return read


def positive(value: Any) -> float:
    """A number above 0."""
    read = number(value)
    if read <= 0:
        raise BadValue("must be above 0")
    return read


def day(value: Any) -> date:
    """A date; a time only where it is midnight."""
    if value.__class__ is str:
        return _day_of_text(value)
    known = _instant_or_day(value, _NOT_A_DATE)
    if isinstance(known, datetime):
        if known.time() != time.min:
            raise BadValue("has a time of day", "write the date alone, as YYYY-MM-DD")
        return known.date()
    return known


def moment(value: Any) -> date | datetime:
    """A date, or an instant; an instant without a zone is UTC, and midnight without a zone is the date itself."""
    if value.__class__ is str:
        return _moment_of_text(value)
    return _instant_or_day(value, _NOT_A_MOMENT)


class OneOf:
    """Reads one of some words, in any letter case."""

    def __init__(self, choices: type[StrEnum]) -> None:
        self.words = tuple(choice.value for choice in choices)
        self._by_lower_case = {word.lower(): word for word in self.words}

    def __call__(self, value: Any) -> str:
        found = self._by_lower_case.get(value.lower()) if isinstance(value, str) else None
        if found is None:
            raise BadValue(f"must be {' or '.join(self.words)}, in any letter case")
        return found


def shown(value: Any, longest: int = 60) -> str:
    """A value as a message may show it, cut to a length."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value[:longest].encode(errors="backslashreplace").decode()  # half a surrogate pair cannot be sent
    if isinstance(value, FaultyCell):
        return value.text[:longest]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Integral):
        return "a whole number of many digits" if abs(int(value)) > 10**longest else str(value)
    if isinstance(value, (Real, Decimal, date)):
        return str(value)[:longest]
    return _word(value)


def _as_text(value: Any) -> str:
    if isinstance(value, str):
        read = str.__str__(value).strip()
    elif isinstance(value, Integral) and not isinstance(value, bool):
        read = shown(value)
    else:
        raise BadValue(f"must be a text, not {_word(value)}", "write it in quotes")
    if not read:
        raise BadValue("must not be empty", "fill it in")
    return read


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except (OverflowError, ValueError):
        return math.inf


def _word(value: Any) -> str:
    """What kind of value it is, in words."""
    words: tuple[tuple[Any, str], ...] = (
        (type(None), "nothing"),
        (bool, "true or false"),
        ((Real, Decimal), "a number"),
        (str, "a text"),
        (date, "a date"),
        (dict, "an object"),
        ((list, tuple), "a list"),
    )
    return next((word for kind, word in words if isinstance(value, kind)), f"a {type(value).__name__}")


@lru_cache(maxsize=4096)
def _day_of_text(value: str) -> date:
    try:
        return _in_range(date.fromisoformat(value))
    except ValueError:
        raise BadValue(*_NOT_A_DATE) from None


@lru_cache(maxsize=4096)
def _moment_of_text(value: str) -> date | datetime:
    if len(value) <= len("2020-03-09"):
        return _day_of_text(value)
    try:
        return _in_utc(datetime.fromisoformat(value[:_LONGEST_MOMENT]))
    except (ValueError, OverflowError):
        raise BadValue(*_NOT_A_MOMENT) from None


def _instant_or_day(value: Any, fault: Fault) -> date | datetime:
    known = _typed_instant_or_day(value) if isinstance(value, date) else None
    if known is None:
        raise BadValue(*fault)
    return known


@lru_cache(maxsize=4096)
def _typed_instant_or_day(value: date) -> date | datetime | None:
    """None when out of range. Midnight without a zone is how tables of times write a date."""
    try:
        if isinstance(value, datetime):
            utc = _in_utc(value)
            return utc.date() if value.tzinfo is None and utc.time() == time.min else utc
        return _in_range(value)
    except (ValueError, OverflowError, TypeError):
        return None


def _in_utc(instant: datetime) -> datetime:
    utc = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
    if utc.__class__ is not datetime:  # of a table's library: a plain one for the store
        utc = datetime.combine(utc.date(), utc.time(), UTC)
    _in_range((utc - timedelta(days=10)).date())  # the calendar may have to look for the trading day before it
    _in_range(utc.date())
    return utc


def _in_range(day: date) -> date:
    if day.year not in _YEARS:
        raise ValueError
    return day
