"""Everything about one trade as a table that can be exported: a row a fact."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from engine.measures import DAY_PNL, DECAY_TO_CLOSE, MEASURES
from services.exports.audit_texts import in_words
from services.queries.trade_detail import PRICE_UNIT, TradeDetail, is_reported, placed, read_trade_detail

COLUMNS = ("Section", "What", "Value", "Unit", "PreviousClose", "From", "When")

_Row = tuple[Any, ...]


def detail_frame(detail: TradeDetail) -> pd.DataFrame:
    """The facts of a detail with ``COLUMNS``. Numbers are numbers, whatever the others are."""
    rows = [*_terms(detail), *_values(detail), *_pricing(detail), *_history(detail)]
    frame = pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)
    return frame.assign(When=pd.to_datetime(frame["When"], utc=True))


def story_table(connection: Connection, trade_id: str, as_of: date | None) -> pd.DataFrame:
    """The same of a trade of the store, as of a date or the newest; no rows where there is no such trade.

    Its ``attrs`` say the date: which one is the newest is known here alone.
    """
    detail = read_trade_detail(connection, trade_id, as_of)
    frame = pd.DataFrame(columns=list(COLUMNS)) if detail is None else detail_frame(detail)
    frame.attrs["As of"] = str(detail.as_of if detail and detail.as_of else "no date")
    return frame


def _terms(detail: TradeDetail) -> Iterator[_Row]:
    for name, value in detail.trade.items():
        if name not in ("source", "revision"):
            yield ("Trade", name, value, detail.term_unit(name) or None, None, None, None)
    for name, value in {**(detail.book or {}), **(detail.instrument or {})}.items():
        if name in ("desk", "business_unit", "name", "sector", "currency"):
            yield ("Trade", name, value, None, None, None, None)


def _values(detail: TradeDetail) -> Iterator[_Row]:
    if detail.no_value is not None:
        said = f"{detail.no_value.reason}: {detail.no_value.detail}"
        yield ("Measures", "No value", said, None, None, None, None)
    for values in [*([] if detail.own is None else [detail.own]), *detail.others]:
        is_own = values is detail.own
        by = values.source if is_reported(values) else values.priced_by
        for measure in MEASURES:
            close = detail.close.measures[measure.name] if is_own and detail.close is not None else None
            section = "Measures" if is_own else f"Measures to {values.risk_factor}"
            value = values.measures[measure.name]
            yield (section, measure.csv_name, value, detail.in_currency(measure.unit), close, by, values.observed_at)
    for measure, value in ((DAY_PNL, detail.day_pnl), (DECAY_TO_CLOSE, detail.decay_to_close)):
        yield ("Measures", measure.csv_name, value, detail.in_currency(measure.unit), None, None, None)


def _pricing(detail: TradeDetail) -> Iterator[_Row]:
    quote = detail.quote
    if quote is not None:
        unit = detail.in_currency(PRICE_UNIT)
        yield ("Pricing", "Quote", quote["quote"], unit, None, quote["source"], quote["observed_at"])
    for name, value in detail.parameter_values.items():
        yield ("Pricing", name, value, "decimal a year", None, detail.parameters_from, None)


def _history(detail: TradeDetail) -> Iterator[_Row]:
    for each in detail.versions:
        version = each.version
        said = "removed" if version.removed else "new" if each.is_new else "changed"
        changes = "; ".join(f"{name}: {old} -> {new}" for name, old, new in each.changes)
        yield ("Versions", said, changes, None, None, placed(version.source, version.place), version.recorded_at)
    for stored in detail.tags:
        entry = stored.entry
        told = f"{in_words(entry.before)} -> {in_words(entry.after)}. {entry.reason}. {entry.note}"
        yield ("Tags", entry.action, told, None, None, entry.user_name, stored.recorded_at)
