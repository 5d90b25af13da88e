"""Numbers in words of a page, as whoever reads it writes them: with the signs of the language of their browser.

So do the live panels, the tables of Streamlit and the pivot, which ask the browser itself. Files have no language.
"""

import re
from decimal import ROUND_HALF_UP, Context, Decimal
from functools import cache
from math import isfinite
from typing import Any

import streamlit as st
from babel import Locale, UnknownLocaleError
from babel.numbers import NumberPattern, get_decimal_symbol, get_group_symbol

_MINUS = "\N{MINUS SIGN}"
_SMALL = 100
_LEAST_DECIMALS = 2
_SPACED = re.compile(r"\b\d{1,3}(?:[ \u00a0\u202f]\d{3})+\b")
_HALF_UP = Context(prec=400, rounding=ROUND_HALF_UP)
_ENGLISH = "en-US"


def number_text(value: float | None, decimals: int = 0, *, signed: bool = False) -> str:
    """A number as people read it, a small one with two decimals at least; "not known" for None."""
    if value is None or not isfinite(value):
        return "not known"
    return fixed_text(value, max(decimals, 2) if 0 < abs(value) < _SMALL else decimals, signed=signed)


def fixed_text(value: float, decimals: int, *, signed: bool = False) -> str:
    """A known number with so many decimals."""
    return _written(_rounded(value, decimals), signed=signed)


def count_text(count: int) -> str:
    """How many, or which entry of a numbered list."""
    return _written(str(count))


def how_many_text(count: int, one: str, many: str = "") -> str:
    """A number of things: 1 row, 2 rows. many: where it is more than an s that one lacks."""
    return f"{count_text(count)} {one if count == 1 else many or f'{one}s'}"


def size_text(value: float) -> str:
    """A number of contracts, shares or currency as it was given: all of its digits."""
    return _written(f"{Decimal(f'{value:.15g}'):f}")


def percent_text(value: float, decimals: int) -> str:
    """A share of one, in per cent: at most so many decimals, and no zeros behind the second."""
    pattern: NumberPattern = _language().percent_formats[None]
    whole, _, behind = _rounded(value * 100, decimals).partition(".")
    behind = behind.rstrip("0").ljust(min(decimals, _LEAST_DECIMALS), "0")
    return pattern.prefix[0] + _written(f"{whole}.{behind}" if behind else whole) + pattern.suffix[0]


def regrouped_text(text: str) -> str:
    """Words of the store, whose numbers have spaces between their thousands, with numbers as the reader writes them."""
    return _SPACED.sub(lambda found: _written(re.sub(r"\s", "", found[0])), text)


def chart_language() -> dict[str, Any]:
    """What Vega's config calls locale: how the axes and the words at the pointer write numbers."""
    language = _language()
    first, others = _pattern(language).grouping
    return {
        "number": {
            "decimal": get_decimal_symbol(language),
            "thousands": get_group_symbol(language),
            "grouping": [first, *[others] * 5],
            "currency": ["", ""],
            "minus": _MINUS,
        }
    }


def _rounded(value: float, decimals: int) -> str:
    """A half goes away from zero, as in the browser; Python alone would go to the even neighbour."""
    return f"{Decimal(value).quantize(Decimal(1).scaleb(-decimals), context=_HALF_UP):f}"


def _written(digits: str, *, signed: bool = False) -> str:
    """A number of digits, a point and perhaps a minus, in the reader's form. What is rounded to nothing has no sign."""
    whole, _, decimals = digits.lstrip("-").partition(".")
    language = _language()
    text = get_group_symbol(language).join(_groups(whole, *_pattern(language).grouping))
    if decimals:
        text += get_decimal_symbol(language) + decimals
    if not any(sign in digits for sign in "123456789"):
        return text
    if digits.startswith("-"):
        return _MINUS + text
    return f"+{text}" if signed else text


def _groups(whole: str, first: int, others: int) -> list[str]:
    """The digits before the point in groups: 12|34|567 in India."""
    groups, rest = [whole[-first:]], whole[:-first]
    while rest:
        groups.insert(0, rest[-others:])
        rest = rest[:-others]
    return groups


def _language() -> Locale:
    """That of the reader's browser; English where there is none, or one that nobody knows."""
    return _known(st.context.locale or _ENGLISH)


@cache
def _known(name: str) -> Locale:
    try:
        return Locale.parse(name, sep="-")
    except (ValueError, UnknownLocaleError):
        return Locale.parse(_ENGLISH, sep="-")


def _pattern(language: Locale) -> NumberPattern:
    pattern: NumberPattern = language.decimal_formats[None]
    return pattern
