"""Text that came from anywhere: what of it can every database keep?"""


def storable(text: str) -> str:
    """The text as PostgreSQL takes it: a NUL is written out, and half of a surrogate pair too."""
    return text.replace("\x00", "\\x00").encode("utf-8", "backslashreplace").decode()
