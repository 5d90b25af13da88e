"""Read JSON that somebody sent, and say in words why it is none."""

import json
from typing import Any

from services.how_many import grouped
from services.known_formats import packed_format


def read_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8. Raises ValueError with the place and the reason."""
    try:
        return json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        if (packed := packed_format(text)) is not None:
            raise ValueError(f"{packed}: send the text itself") from None
        raise ValueError(f"not UTF-8 text at byte {grouped(error.start)}") from None
    except json.JSONDecodeError as error:
        place = f"line {grouped(error.lineno)}, character {grouped(error.colno)}"
        raise ValueError(f"not JSON at {place}: {error.msg}") from None
    except RecursionError:
        raise ValueError("nested too deeply to be read") from None
    except ValueError:
        raise ValueError("has a number with too many digits") from None
