"""Make the newest rows what holds after an upload was withdrawn, inside a transaction, and say what must be priced."""

from collections.abc import Collection, Mapping, Sequence
from datetime import date

import pyarrow as pa
from sqlalchemy import Table, delete

from engine.model import Source
from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import RepricingScope
from services.pricing.unit_of_work import UnitOfWork
from services.writes.upsert_records import known_trades, note_changed_records
from storage.book.records import RECORD_TABLES, key_of
from storage.book.records_at import newest_versions, plain_record, record_key
from storage.core.change_log import NO_DATE
from storage.core.database import WriteUnit
from storage.core.schema import pricing_failures, sensitivities
from storage.market.quote_history import hold_instead
from storage.market.quotes import newest_as_of, quoted_dates
from storage.market.sensitivities import forget_failures, forget_values, written_dates
from storage.people.uploads import Key, Row, UploadedRow, remove_rows, restore_rows


def take_back_records(
    work: UnitOfWork,
    kind: str,
    stored: Mapping[Key, Row],
    moved: RepricingScope,
) -> None:
    """Make records what holds of them now that their versions were withdrawn: others do, or none any more.

    stored: the withdrawn records as they are, all of one revision. Of those that are gone our values go, too.
    """
    table = RECORD_TABLES[kind]
    by_key = {record_key(kind, record): record for record in stored.values()}
    held = newest_versions(work.unit.connection, kind, by_key)
    gone = [record for key, record in by_key.items() if key not in held]
    restored = {key: plain_record(kind, version.record) for key, version in held.items()}
    if gone:
        _remove_records(work, kind, gone, moved)
    if restored:
        known = known_trades(work.state, restored.values()) if kind == "trades" else {}
        said = ({"source": held[key].source, "revision": held[key].revision} for key in restored)
        restore_rows(
            work.unit, table, [{**record, **more} for record, more in zip(restored.values(), said, strict=True)]
        )
        note_changed_records(work, kind, list(restored.values()), known, moved)
    work.change.static = True


def take_back_quotes(
    work: UnitOfWork,
    keys: Collection[tuple[date, str]],
    moved: RepricingScope,
) -> set[tuple[date, str]]:
    """Make the newest quotes what holds now that versions of these dates and instruments were withdrawn.

    A date that nothing else quoted is no as-of date any more: our values of it go too. Returns the keys that still have
    a quote.
    """
    held = hold_instead(work.unit, keys)
    work.change.outdate("dates")
    before = work.state.newest
    work.state.note_newest(newest_as_of(work.unit.connection))
    work.state.drop_quotes()
    if before is not None and (work.state.newest is None or before > work.state.newest):
        _forget_dates_after(work.unit, work.state, work.state.newest)
    still_quoted = set(quoted_dates(work.unit.connection))
    for as_of in {day for day, _ in keys} & work.state.priced - still_quoted:
        _forget_date(work.unit, work.state, as_of)
    for as_of in {*work.state.priced, *([work.state.newest] if work.state.newest else [])}:
        tickers = {instrument for day, instrument in keys if day <= as_of}
        if tickers:
            moved.tickers.setdefault(as_of, set()).update(tickers)
    return held


def take_back_sensitivities(work: UnitOfWork, rows: Sequence[UploadedRow], moved: RepricingScope) -> None:
    """The former rows, or none. At the newest date ours are found again; those of earlier dates are the closes."""
    _put_back(work.unit, sensitivities, {row.key: (row.previous or {}).get("row") for row in rows})
    failures = [row.previous["failure"] for row in rows if row.previous is not None and row.previous["failure"]]
    restore_rows(work.unit, pricing_failures, failures)
    work.change.reported = True
    work.state.forget_reported()
    if work.state.newest is not None:
        tickers = {row.key[1] for row in rows if row.key[0] == work.state.newest and _is_ours(row)}
        moved.tickers.setdefault(work.state.newest, set()).update(tickers)


def _is_ours(row: UploadedRow) -> bool:
    """Whether nobody else had reported the value before."""
    former = (row.previous or {}).get("row")
    return former is None or former["source"] == Source.ENGINE


def _remove_records(
    work: UnitOfWork,
    kind: str,
    records: Sequence[Row],
    moved: RepricingScope,
) -> None:
    remove_rows(work.unit, RECORD_TABLES[kind], [key_of(kind, record) for record in records])
    if kind == "trades":
        work.change.log("removed", NO_DATE, pa.table({"trade_id": [record["trade_id"] for record in records]}))
        _forget_trades(work.unit, work.state, records)
    elif kind == "parameters":
        work.change.outdate("static")
        parameters = work.state.parameters
        for record in records:
            parameters = parameters.without(record["ticker"], record["as_of_date"])
        work.state.note_parameters(parameters)
        if work.state.newest is not None:
            tickers = {str(record["ticker"]) for record in records}
            moved.tickers.setdefault(work.state.newest, set()).update(tickers)


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
