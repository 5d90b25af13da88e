"""Text that goes to a spreadsheet and comes back: what of it would be run as a formula, or made a number?"""

import re

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n]")
"""The wide forms of the signs are formulas too where a spreadsheet is set to Japanese or Chinese."""
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_VALUE = re.compile(r"[\s+\-.,/:%eE\d]*\d[\s+\-.,/:%eE\d]*")
"""What a spreadsheet takes for a number, a date or a time."""
_APOSTROPHES = re.compile(r"'+")


def harmless(text: str) -> str:
    """A text that no spreadsheet takes for a formula: an apostrophe stands before one; a number stays a number.

    ``unprotected`` gives the text back, so one that begins as if it were protected gets an apostrophe too.
    """
    if text[:1] == "'":
        return f"'{text}" if _is_protected(text) else text
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unprotected(text: str) -> str:
    """A text without the apostrophe that kept a spreadsheet from running it, or from making a number or date of it."""
    return text[1:] if _is_protected(text) else text


def _is_protected(text: str) -> bool:
    marks = _APOSTROPHES.match(text)
    return marks is not None and bool(_FORMULA.match(text, marks.end()) or _VALUE.fullmatch(text, marks.end()))
