"""Put rows back as they were before an upload, inside a transaction, and say what must be priced."""

from collections.abc import Mapping, Sequence
from datetime import date

import pyarrow as pa
from sqlalchemy import Table, delete

from engine.model import Source
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope
from services.writes.upsert_records import upsert_changed_records
from storage.book.records import RECORD_TABLES, key_of, write_versions
from storage.core.change_log import NO_DATE, Change
from storage.core.database import WriteUnit
from storage.core.schema import pricing_failures, quote_history, quotes, sensitivities
from storage.market.quotes import newest_as_of, quoted_dates
from storage.market.sensitivities import forget_failures, forget_values, written_dates
from storage.people.uploads import Key, Row, UploadedRow, remove_rows, restore_rows


def take_back_records(
    unit: WriteUnit,
    state: PricingState,
    change: Change,
    kind: str,
    rows: Sequence[UploadedRow],
    stored: Mapping[Key, Row],
    source: str,
    moved: RepricingScope,
) -> None:
    """Former values of records that were changed; records that were new go, trades with their values of ours.

    stored: the records as they are, all of one revision, which is the upload's.
    """
    table = RECORD_TABLES[kind]
    restored = [row.previous for row in rows if row.previous is not None]
    added = [stored[row.key] for row in rows if row.previous is None]
    if added:
        _remove_records(unit, state, change, kind, added, source, moved)
    if restored:
        plain = [{name: value for name, value in row.items() if name not in ("source", "revision")} for row in restored]
        upsert_changed_records(unit, state, change, kind, plain, source, moved)
        restore_rows(unit, table, restored)
    change.static = True


def take_back_quotes(
    unit: WriteUnit,
    state: PricingState,
    change: Change,
    rows: Sequence[UploadedRow],
    moved: RepricingScope,
) -> None:
    """The former quotes are the newest again, and the history is without those that came.

    A date that only the upload quoted is no as-of date any more: our values of it go too.
    """
    former = {row.key[:2]: (row.previous or {}).get("newest") for row in rows}
    observed = {row.key[1:]: (row.previous or {}).get("observation") for row in rows}
    _put_back(unit, quotes, former)
    _put_back(unit, quote_history, observed)
    change.quotes = True
    before = state.newest
    state.note_newest(newest_as_of(unit.connection))
    state.drop_quotes()
    if before is not None and (state.newest is None or before > state.newest):
        _forget_dates_after(unit, state, state.newest)
    still_quoted = set(quoted_dates(unit.connection))
    for as_of in {day for day, _ in former} & state.priced - still_quoted:
        _forget_date(unit, state, as_of)
    for as_of in {*state.priced, *([state.newest] if state.newest else [])}:
        tickers = {instrument for day, instrument in former if day <= as_of}
        if tickers:
            moved.tickers.setdefault(as_of, set()).update(tickers)


def take_back_sensitivities(
    unit: WriteUnit, state: PricingState, change: Change, rows: Sequence[UploadedRow], moved: RepricingScope
) -> None:
    """The former rows, or none. At the newest date ours are found again; those of earlier dates are the closes."""
    _put_back(unit, sensitivities, {row.key: (row.previous or {}).get("row") for row in rows})
    failures = [row.previous["failure"] for row in rows if row.previous is not None and row.previous["failure"]]
    restore_rows(unit, pricing_failures, failures)
    change.reported = True
    state.forget_reported()
    if state.newest is not None:
        tickers = {row.key[1] for row in rows if row.key[0] == state.newest and _is_ours(row)}
        moved.tickers.setdefault(state.newest, set()).update(tickers)


def _is_ours(row: UploadedRow) -> bool:
    """Whether nobody else had reported the value before."""
    former = (row.previous or {}).get("row")
    return former is None or former["source"] == Source.ENGINE


def _remove_records(
    unit: WriteUnit,
    state: PricingState,
    change: Change,
    kind: str,
    records: Sequence[Row],
    source: str,
    moved: RepricingScope,
) -> None:
    write_versions(unit, kind, records, source, removed=True)
    remove_rows(unit, RECORD_TABLES[kind], [key_of(kind, record) for record in records])
    if kind == "trades":
        change.log("removed", NO_DATE, pa.table({"trade_id": [record["trade_id"] for record in records]}))
        _forget_trades(unit, state, records)
    elif kind == "parameters":
        tickers = {str(record["ticker"]) for record in records}
        change.log("parameters", NO_DATE, pa.table({"ticker": sorted(tickers)}))
        state.load_parameters(unit.connection)
        if state.newest is not None:
            moved.tickers.setdefault(state.newest, set()).update(tickers)


def _forget_trades(unit: WriteUnit, state: PricingState, records: Sequence[Row]) -> None:
    """Take our values of trades, and the reasons why there are none, off all dates; what others reported stays."""
    trade_ids = [str(record["trade_id"]) for record in records]
    tickers = [str(record["ticker"]) for record in records]
    # Nothing of theirs is older than they are, so most dates need not be searched for each of them.
    for as_of in written_dates(unit.connection, state.priced, records[0]["revision"]):
        forget_failures(unit, as_of, trade_ids)
        forget_values(unit, as_of, tickers, trade_ids)
    state.drop_trades(trade_ids)


def _forget_dates_after(unit: WriteUnit, state: PricingState, newest: date | None) -> None:
    """Take our values off the dates that have no quote any more."""
    last = newest or date.min
    ours = (sensitivities.c.as_of_date > last) & (sensitivities.c.source == Source.ENGINE)
    unit.connection.execute(delete(sensitivities).where(ours))
    unit.connection.execute(delete(pricing_failures).where(pricing_failures.c.as_of_date > last))
    later = [as_of for as_of in state.priced if as_of > last]
    if later:
        state.forget_from(min(later))


def _forget_date(unit: WriteUnit, state: PricingState, as_of: date) -> None:
    """Take our values off a date that has no quote any more; what others reported stays."""
    ours = (sensitivities.c.as_of_date == as_of) & (sensitivities.c.source == Source.ENGINE)
    unit.connection.execute(delete(sensitivities).where(ours))
    unit.connection.execute(delete(pricing_failures).where(pricing_failures.c.as_of_date == as_of))
    state.forget_date(as_of)


def _put_back(unit: WriteUnit, table: Table, former: dict[Key, Row | None]) -> None:
    """Restore the rows that were there, remove the others."""
    restore_rows(unit, table, [row for row in former.values() if row is not None])
    remove_rows(unit, table, [key for key, row in former.items() if row is None])
