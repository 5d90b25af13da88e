"""Facts as a small table of the page itself: read by screen readers, found by the browser's search, never a formula."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st


@dataclass(frozen=True, slots=True)
class Facts:
    """A table of texts. caption: its name. heads: of the columns, none where the rows speak for themselves. rows: the
    first cell of each names it. numbers, faint, sentences: places of columns that are numbers, of less weight, long.
    """

    caption: str
    heads: Sequence[str]
    rows: Sequence[Sequence[str]]
    numbers: Sequence[int] = ()
    faint: Sequence[int] = ()
    sentences: Sequence[int] = ()


def fact_table(facts: Facts) -> None:
    """Draw it. All texts are plain: nothing in them is markup."""
    head = "".join(
        f'<th scope="col" class="{_kind(facts, place)}">{escape(name)}</th>' for place, name in enumerate(facts.heads)
    )
    lines = "".join(f'<tr data-fact="{escape(row[0])}">{_cells(facts, row)}</tr>' for row in facts.rows)
    st.html(
        f'<div class="facts" role="region" aria-label="{escape(facts.caption)}" tabindex="0"><table>'
        f"<caption>{escape(facts.caption)}</caption>{f'<thead><tr>{head}</tr></thead>' if head else ''}"
        f"<tbody>{lines}</tbody></table></div>"
    )


def _cells(facts: Facts, row: Sequence[str]) -> str:
    first = f'<th scope="row">{escape(row[0])}</th>'
    others = "".join(
        f'<td class="{_kind(facts, place)}">{escape(text)}</td>' for place, text in enumerate(row) if place
    )
    return first + others


def _kind(facts: Facts, place: int) -> str:
    kinds = {"number": facts.numbers, "faint": facts.faint, "sentence": facts.sentences}
    return next((kind for kind, places in kinds.items() if place in places), "")
