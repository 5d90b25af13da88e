"""Everything about one trade as a table that can be exported: a row a fact."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from engine.measures import DAY_PNL, MEASURES
from services.exports.audit_texts import in_words
from services.queries.trade_detail import PRICE_UNIT, TradeStory, is_reported, placed, trade_story

COLUMNS = ("Section", "What", "Value", "Unit", "PreviousClose", "From", "When")

_Row = tuple[Any, ...]


def story_frame(story: TradeStory) -> pd.DataFrame:
    """The facts of a story with ``COLUMNS``. Numbers are numbers, whatever the others are."""
    rows = [*_terms(story), *_values(story), *_pricing(story), *_history(story)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.assign(When=pd.to_datetime(frame["When"], utc=True))


def story_table(connection: Connection, trade_id: str, as_of: date | None) -> pd.DataFrame:
    """The same of a trade of the store, as of a date or the newest; no rows where there is no such trade.

    Its ``attrs`` say the date: which one is the newest is known here alone.
    """
    story = trade_story(connection, trade_id, as_of)
    frame = pd.DataFrame(columns=list(COLUMNS)) if story is None else story_frame(story)
    frame.attrs["As of"] = str(story.as_of if story and story.as_of else "no date")
    return frame


def _terms(story: TradeStory) -> Iterator[_Row]:
    for name, value in story.trade.items():
        if name not in ("source", "revision"):
            yield ("Trade", name, value, story.term_unit(name) or None, None, None, None)
    for name, value in {**(story.book or {}), **(story.instrument or {})}.items():
        if name in ("desk", "business_unit", "name", "sector", "currency"):
            yield ("Trade", name, value, None, None, None, None)


def _values(story: TradeStory) -> Iterator[_Row]:
    if story.no_value is not None:
        said = f"{story.no_value.reason}: {story.no_value.detail}"
        yield ("Measures", "No value", said, None, None, None, None)
    for values in [*([] if story.own is None else [story.own]), *story.others]:
        is_own = values is story.own
        by = values.source if is_reported(values) else values.priced_by
        for measure in MEASURES:
            close = story.close.measures[measure.name] if is_own and story.close is not None else None
            section = "Measures" if is_own else f"Measures to {values.risk_factor}"
            value = values.measures[measure.name]
            yield (section, measure.csv_name, value, story.in_currency(measure.unit), close, by, values.observed_at)
    yield ("Measures", DAY_PNL.csv_name, story.day_pnl, story.in_currency(DAY_PNL.unit), None, None, None)


def _pricing(story: TradeStory) -> Iterator[_Row]:
    quote = story.quote
    if quote is not None:
        unit = story.in_currency(PRICE_UNIT)
        yield ("Pricing", "Quote", quote["quote"], unit, None, quote["source"], quote["observed_at"])
    for name, value in story.parameter_values.items():
        yield ("Pricing", name, value, "decimal a year", None, story.parameters_from, None)


def _history(story: TradeStory) -> Iterator[_Row]:
    for each in story.versions:
        version = each.version
        said = "removed" if version.removed else "new" if each.is_new else "changed"
        changes = "; ".join(f"{name}: {old} -> {new}" for name, old, new in each.changes)
        yield ("Versions", said, changes, None, None, placed(version.source, version.place), version.recorded_at)
    for stored in story.tags:
        entry = stored.entry
        told = f"{in_words(entry.before)} -> {in_words(entry.after)}. {entry.reason}. {entry.note}"
        yield ("Tags", entry.action, told, None, None, entry.user_name, stored.recorded_at)
