"""Read one value: the text of a file's cell, or a value that has a type already (JSON, Parquet, Python).

Every function here takes a value that is not missing and raises BadValue with the reason and the way to fix it.
"""

import math
from datetime import date
from decimal import Decimal
from enum import StrEnum
from numbers import Integral, Real
from typing import Any

from services.records.faults import BadValue
from services.records.faulty_cell import FaultyCell

LONGEST_TEXT = 200
_LONGEST_NUMBER = 30
_SPREADSHEET_ERRORS = frozenset(
    (
        "#N/A",
        "#NA",
        "#REF",
        "#VALUE",
        "#DIV/0",
        "#NAME",
        "#NUM",
        "#NULL",
        "#SPILL",
        "#CALC",
        "#FIELD",
        "#BLOCKED",
        "#CONNECT",
        "#BUSY",
        "#GETTING_DATA",
        "#UNKNOWN",
        "#ERROR",
    )
)
"""What spreadsheets show for a formula without a value; some end with ! or ?."""
_MISSING = frozenset(
    (
        "nan",
        "NaN",
        "NAN",
        "-nan",
        "-NaN",
        "NaT",
        "null",
        "Null",
        "NULL",
        "<null>",
        "(null)",
        "[NULL]",
        "none",
        "None",
        "NONE",
        "nil",
        "N/A",
        "n/a",
        "<NA>",
        "undefined",
        "-",
        "--",
        "?",
    )
)
"""What programs and people write where there is no value. NA is not among them: books and shares are called so."""
_CURRENCIES = {
    "GBX": "write GBP, and divide quotes and strikes by 100",
    "ZAC": "write ZAR, and divide quotes and strikes by 100",
    "ILA": "write ILS, and divide quotes and strikes by 100",
}
HIGHEST_VOLATILITY, HIGHEST_RATE = 5.0, 1.0
"""A volatility or rate from here on, or a rate below minus that, is refused: 500 % and 100 % a year."""


def text(value: Any) -> str:
    """A text. A whole number is one too: an identifier often is."""
    if value.__class__ is not str:
        value = _as_text(value)
    if len(value) > LONGEST_TEXT:
        raise BadValue(f"longer than {LONGEST_TEXT} characters", "shorten it")
    if not value.isprintable():
        raise BadValue("has characters that cannot be printed", "remove them")
    if value[0] == "#" and value.rstrip("!?").upper() in _SPREADSHEET_ERRORS:
        raise BadValue("an error of a spreadsheet, not a text", "correct the formula of the cell, or write the value")
    return value  # type: ignore[no-any-return]


def name(value: Any) -> str:
    """A text that names something: a book, a trade. The words that programs write for a missing value name nothing."""
    read = text(value)
    if read in _MISSING:
        raise BadValue("the word for a missing value names nothing", "fill it in")
    return read


def ticker(value: Any) -> str:
    """A name of an instrument: NA and NAN are listed shares."""
    return text(value) if value in ("NA", "NAN") else name(value)


def number(value: Any) -> float:
    """A finite number; true and false are none."""
    kind = value.__class__
    if kind is float:
        read: float = value
    elif kind is str:
        try:
            read = float("" if "_" in value else value)
        except ValueError:
            raise BadValue("not a number", _as_number(value)) from None
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


def volatility(value: Any) -> float:
    """A volatility as a decimal a year."""
    read = positive(value)
    if read >= HIGHEST_VOLATILITY:
        raise _percentage(read, "volatility")
    return read


def rate(value: Any) -> float:
    """A rate or yield as a decimal a year."""
    read = number(value)
    if abs(read) >= HIGHEST_RATE:
        raise _percentage(read, "rate")
    return read


def currency(value: Any) -> str:
    """A currency as its code of three capitals; in small letters it is the same one, and a part of one is refused."""
    read = text(value)
    if not (len(read) == 3 and read.isascii() and read.isalpha()):
        raise BadValue("not a currency code", "write the three letters of its ISO code, like USD")
    code = read.upper()
    if code in _CURRENCIES:
        raise BadValue(f"{read} is the hundredth part of a currency", _CURRENCIES[code])
    if read[:2].isupper() and read[2].islower():
        part = f"write {'GBP' if code == 'GBP' else 'the code in capitals'}, and divide quotes and strikes by 100"
        raise BadValue(f"{read} is the hundredth part of a currency", part)
    return code


class Side(StrEnum):
    """Which way a quantity goes."""

    LONG = "long"
    SHORT = "short"


_SIDES = {
    **dict.fromkeys(
        ("b", "buy", "bought", "bot", "purchase", "l", "long", "bto", "btc", "buytoopen", "buytoclose"), Side.LONG
    ),
    **dict.fromkeys(
        ("s", "sell", "sold", "sld", "sale", "short", "ss", "sellshort", "sto", "stc", "selltoopen", "selltoclose"),
        Side.SHORT,
    ),
}


def side(value: Any) -> Side:
    """Buy or sell, long or short, as brokers write it."""
    found = _SIDES.get("".join(filter(str.isalpha, text(value).lower())))
    if found is None:
        raise BadValue("not a side", "write Buy or Sell, or leave it empty where the quantity has its sign")
    return found


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


def _as_number(written: str) -> str:
    """How to write what was meant as a number, where that can be known."""
    bare = written.strip("$€£¥ ").replace(" ", "")
    if (percent := bare.removesuffix("%")) != bare and (read := _decimal(percent)) is not None:
        return f"write {read / 100:f}, which is {percent} %"
    if bare[:1] == "(" and bare[-1:] == ")" and (read := _decimal(bare[1:-1].strip("$€£¥"))) is not None:
        return f"write -{read:f}, without parentheses"
    if bare != written and (read := _decimal(bare)) is not None:
        return f"write {read:f}, without the currency or spaces"
    if written in _MISSING or written.startswith("#"):
        return "write the number, or leave it empty where there is none"
    return "write it like 1234.5, without thousands separators"


def _decimal(text: str) -> Decimal | None:
    """A number without an exponent, of few digits; None for anything else."""
    if len(text) > _LONGEST_NUMBER or "_" in text or not set(text) <= set("+-.0123456789"):
        return None
    try:
        return Decimal(text)
    except ArithmeticError:
        return None


def _percentage(read: float, what: str) -> BadValue:
    return BadValue(
        f"a {what} of {read * 100:,.10g} % a year".replace(",", ""), f"write {read / 100:.10g} for {read:.10g} %"
    )


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
