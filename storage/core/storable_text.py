"""Text that came from anywhere: what of it can every database keep?"""

import re

LONGEST_ASKED = 200
"""Characters of a text that somebody asks by: nothing in the store that it could name is longer."""
_UNREADABLE = re.compile("[\x00\ud800-\udfff\ufffd]")
"""NUL, half of a surrogate pair, and what a decoder puts in the place of bytes that are no text."""


def text_fault(text: str, longest: int = LONGEST_ASKED) -> str | None:
    """What is wrong with a text of a request, or None: no database can search for some signs, or for any length."""
    if _UNREADABLE.search(text):
        return "has a character that no text has"
    if len(text) > longest:
        return f"is longer than {longest} characters"
    return None


def storable(text: str) -> str:
    """The text as PostgreSQL takes it: a NUL is written out, and half of a surrogate pair too."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
