"""Read JSON that somebody sent, and say in words why it is none, or cannot be meant."""

import json
from typing import Any

from services.records.faults import BadValue
from services.records.how_many import grouped
from services.records.known_formats import packed_format
from services.records.read_values import shown


def once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these names and values, for a decoder. Raises BadValue where a name stands twice."""
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise BadValue(f"{shown(twice)} stands twice in one object", "keep one of them")
    return found


def read_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ValueError with the place and the reason."""
    try:
        return json.loads(text.decode("utf-8-sig"), object_pairs_hook=once_each)
    except UnicodeDecodeError as error:
        if (packed := packed_format(text)) is not None:
            raise ValueError(f"{packed}: send the text itself") from None
        raise ValueError(f"not UTF-8 text at byte {grouped(error.start)}") from None
    except json.JSONDecodeError as error:
        place = f"line {grouped(error.lineno)}, character {grouped(error.colno)}"
        raise ValueError(f"not JSON at {place}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply to be read") from None
    except BadValue:
        raise
    except ValueError:
        raise ValueError("has a number with too many digits") from None
