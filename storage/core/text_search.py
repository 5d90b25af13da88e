"""The one rule of every search: each word stands somewhere in the row, in any order and letter case.

``live/assets/dom/words.js`` is the same rule for the tables that the browser searches itself.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sqlalchemy import ColumnElement, String, and_, func, or_, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class digits_of(FunctionElement[str]):  # noqa: N801
    """A number as people write it: 70, not 70.0."""

    type = String()
    inherit_cache = True


def words_of(text: str) -> list[str]:
    """The words of a search, in lower case, each once."""
    return list(dict.fromkeys(text.lower().split()))


def has_every_word(text: str, texts: Iterable[str]) -> bool:
    """Whether each word of a search stands in one of a row's texts."""
    row = "\n".join(texts).lower()
    return all(word in row for word in words_of(text))


def every_word(text: str, somewhere: Callable[[str], ColumnElement[bool]]) -> ColumnElement[bool]:
    """The condition that each word of a search stands somewhere. somewhere: the condition for one word."""
    return and_(true(), *(somewhere(word) for word in words_of(text)))


def in_any(word: str, columns: Iterable[ColumnElement[str]]) -> ColumnElement[bool]:
    """The condition that a word stands in one of these columns."""
    return or_(*(_lower(column, word).contains(word, autoescape=True) for column in columns))


def _lower(column: ColumnElement[str], word: str) -> ColumnElement[str]:
    """A column in lower case: a database is sure to lower the letters of ASCII, so those of a word are replaced."""
    lowered = func.lower(column)
    for letter in sorted({letter for letter in word if not letter.isascii() and len(letter.upper()) == 1}):
        lowered = func.replace(lowered, letter.upper(), letter)
    return lowered


@compiles(digits_of, "sqlite")
def _of_sqlite(element: digits_of, compiler: SQLCompiler, **given: Any) -> str:
    return f"printf('%.15g', {compiler.process(element.clauses, **given)})"


@compiles(digits_of)
def _of_others(element: digits_of, compiler: SQLCompiler, **given: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **given)} AS TEXT)"
