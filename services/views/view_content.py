"""What a saved view says: the pivot's own configuration, and which trades count. Anything else is refused in words."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from storage.core.storable_text import storable

LARGEST_PIVOT = 64 * 1024
"""Bytes of the pivot's configuration as JSON."""
_DEEPEST = 24
_LARGEST_NUMBER = 2**53
"""Beyond it a browser cannot tell two whole numbers apart."""
_MOST_NAMES, _LONGEST_NAME = 500, 200


@dataclass(frozen=True, slots=True)
class ViewContent:
    """What a view shows.

    pivot: the pivot's own configuration, which nobody else reads; empty: the pivot as it is at first. statuses, books:
    the trades that count; none chosen: the default, and all. as_of: a business date as YYYY-MM-DD; None: the newest.
    """

    pivot: dict[str, Any] = field(default_factory=dict)
    statuses: list[str] = field(default_factory=list)
    books: list[str] = field(default_factory=list)
    as_of: str | None = None

    def document(self) -> dict[str, Any]:
        """As it is stored, and as JSON tells it."""
        return asdict(self)


_PARTS = tuple(ViewContent.__dataclass_fields__)


def view_content(document: object) -> ViewContent:
    """The content that a document tells, as it can be stored; its texts are copied.

    Raises ValueError, with a sentence for people, for whatever is not exactly that.
    """
    if not isinstance(document, Mapping):
        raise ValueError("A view is an object of pivot, statuses, books and as_of.")
    unknown = [str(name)[:40] for name in document if name not in _PARTS]
    if unknown:
        raise ValueError(f"A view has no part '{storable(unknown[0])}': it has {', '.join(_PARTS)}.")
    if "pivot" not in document:
        raise ValueError("A view needs the configuration of its pivot.")
    return ViewContent(
        _pivot(document["pivot"]),
        _names(document.get("statuses", []), "statuses"),
        _names(document.get("books", []), "books"),
        _day(document.get("as_of")),
    )


def _pivot(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("The configuration of a pivot is an object.")
    plain: dict[str, Any] = _plain(value, 0)
    if len(json.dumps(plain, ensure_ascii=False, separators=(",", ":")).encode()) > LARGEST_PIVOT:
        raise ValueError(
            f"The configuration of this pivot is larger than {LARGEST_PIVOT // 1024} KB: take computed columns or "
            "filters away."
        )
    return plain


def _plain(value: object, depth: int) -> Any:
    """A value as JSON can tell it and both databases can keep it."""
    if depth > _DEEPEST:
        raise ValueError(f"The configuration of this pivot is nested deeper than {_DEEPEST} levels.")
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, int | float):
        if abs(value) > _LARGEST_NUMBER if isinstance(value, int) else not math.isfinite(value):
            raise ValueError("The configuration of this pivot has a number that no browser can tell.")
        return value
    if isinstance(value, list):
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, Mapping) and all(isinstance(name, str) for name in value):
        return {storable(name): _plain(item, depth + 1) for name, item in value.items()}
    raise ValueError("The configuration of this pivot has a value that is no text, number, list or object.")


def _names(value: object, what: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise ValueError(f"The {what} of a view are a list of names.")
    if len(value) > _MOST_NAMES or any(len(name) > _LONGEST_NAME for name in value):
        raise ValueError(f"A view has at most {_MOST_NAMES} {what}, each of at most {_LONGEST_NAME} characters.")
    return list(dict.fromkeys(storable(name) for name in value))


def _day(value: object) -> str | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and date.fromisoformat(value).isoformat() == value:
            return value
    except ValueError:
        pass
    raise ValueError("The as-of date of a view is a day as YYYY-MM-DD, or nothing: then it is the newest.")
