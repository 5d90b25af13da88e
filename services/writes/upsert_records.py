"""Trades and static data inside a transaction: upsert them, and say what must be priced."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import pyarrow as pa

from engine.model import TradeStatus
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import PRICED_CLOSES, RepricingScope
from services.pricing.unit_of_work import UnitOfWork
from services.pricing.zero_terminated import write_zeros
from services.records.record_kinds import RECORD_KINDS
from storage.book.records import Record, Upserted, columns_of, upsert_records
from storage.core.change_log import NO_DATE
from storage.core.database import WriteUnit
from storage.market.quotes import newest_quoted_dates
from storage.market.sensitivities import forget_failures, forget_values

RECORD_ORDER = ("books", "instruments", "parameters", "trades")
"""The kinds in the order in which they are taken: trades at last, which the others describe."""

_ARROW_TYPES = {str: pa.string(), float: pa.float64(), date: pa.date32()}
_TRADE_SCHEMA, _PARAMETERS_SCHEMA = (
    pa.schema([(column.name, _ARROW_TYPES[column.type.python_type]) for column in columns_of(kind)])
    for kind in ("trades", "parameters")
)


def upsert_changed_records(
    work: UnitOfWork,
    kind: str,
    records: Sequence[Record],
    moved: RepricingScope,
    places: Sequence[str] = (),
) -> Upserted:
    """Upsert records of a kind, and add what they move at the newest as-of date; earlier ones are closes.

    places: where in the source each was, or nothing.

    A trade that is terminated is priced no more. It keeps its last value of the day, or is worth nothing from then on
    where the state says so.
    """
    known = known_trades(work.state, records) if kind == "trades" else None
    defaults = RECORD_KINDS[kind].defaults
    outcome = upsert_records(work.unit, kind, records, defaults, work.change.source, known, places)
    if outcome.written:
        note_changed_records(work, kind, outcome.written, known or {}, moved)
    return outcome


def note_changed_records(
    work: UnitOfWork,
    kind: str,
    written: Sequence[Record],
    known: Mapping[tuple[Any, ...], Record],
    moved: RepricingScope,
) -> None:
    """Take records that were written into memory and the change log, and add what they move.

    known: key -> trade as it was before.
    """
    work.change.static = True
    if kind == "trades":
        work.change.log("trades", NO_DATE, logged_trades(written))
        ended = [record for record in written if _ends(record, known.get((record["trade_id"],)))]
        _take_trades(work.unit, work.state, written, moved)
        if work.state.zero_terminated and work.state.newest is not None:
            write_zeros(work, work.state.newest, ended)
    elif kind == "parameters":
        work.change.log("parameters", NO_DATE, _logged(written, _PARAMETERS_SCHEMA))
        work.state.note_parameters(work.state.parameters.with_records(written))
        if work.state.newest is not None:
            tickers = {str(record["ticker"]) for record in written}
            moved.tickers.setdefault(work.state.newest, set()).update(tickers)
    else:
        work.change.reload = True


def known_trades(state: PricingState, records: Iterable[Record]) -> dict[tuple[Any, ...], Record]:
    """Key -> trade as memory has it, for those of these that are there."""
    ids = [record["trade_id"] for record in records]
    return {(trade_id,): stored for trade_id in ids if (stored := state.trade(trade_id)) is not None}


def logged_trades(records: Sequence[Record]) -> pa.Table:
    """Trades as the change log has them: whole records."""
    return _logged(records, _TRADE_SCHEMA)


def _logged(records: Sequence[Record], schema: pa.Schema) -> pa.Table:
    columns = {field.name: pa.array([record[field.name] for record in records], field.type) for field in schema}
    return pa.table(columns, schema)


def _ends(record: Record, before: Record | None) -> bool:
    """Whether a trade that was there is terminated by this."""
    was = None if before is None else before["trade_status"]
    return was is not None and was != TradeStatus.TERMINATED and record["trade_status"] == TradeStatus.TERMINATED


def _take_trades(unit: WriteUnit, state: PricingState, written: Sequence[Record], moved: RepricingScope) -> None:
    fresh = state.take_trades(written)
    if state.newest is None:
        return
    if not state.priced:  # the first trades of a store whose quotes were there before them
        for as_of in newest_quoted_dates(unit.connection, PRICED_CLOSES):
            if as_of < state.newest:
                moved.tickers.setdefault(as_of, set()).update(state.tickers())
    forget_failures(unit, state.newest, fresh.changed)
    for ticker, trade_ids in fresh.outdated.items():
        forget_values(unit, state.newest, ticker, trade_ids)
    moved.fresh = fresh
