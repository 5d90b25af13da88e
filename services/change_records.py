"""Trades and static data come in: upsert them, and price at once what they change, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from engine.model import TradeStatus
from services.price_book import SlowWork, price_underlyings
from services.pricing_state import PricingState
from services.record_kinds import RECORD_KINDS
from storage.change_log import Change, changing
from storage.database import Store, WriteUnit
from storage.records import Record, Upserted, upsert_records
from storage.sensitivities import forget_failures, forget_values


@dataclass(frozen=True, slots=True)
class ChangedRecords:
    """What a batch of records did."""

    revision: int
    new: int
    changed: int
    unchanged: int
    slow_work: list[SlowWork]


def change_records(
    store: Store,
    state: PricingState,
    kind: str,
    records: Sequence[Record],
    *,
    source: str,
    wait_for_slow: bool = False,
) -> ChangedRecords:
    """Upsert records of a kind (trades, books, instruments, parameters) and price what depends on them.

    Only the newest as-of date is priced anew: earlier ones are closes. A trade that is terminated keeps its last value
    of the day and is priced no more.
    """
    try:
        with changing(store, source) as (unit, change):
            state.refresh(unit)
            outcome = upsert_records(unit, kind, records, RECORD_KINDS[kind].defaults, source)
            work: list[SlowWork] = []
            if outcome.written:
                change.static = change.reload = True
                if kind in ("trades", "parameters"):
                    work = _price(unit, state, change, kind, outcome, wait_for_slow)
        state.wrote(unit, static=change.static, quotes=False)
    except BaseException:
        state.forget()
        raise
    return ChangedRecords(unit.revision, outcome.new, outcome.changed, outcome.unchanged, work)


def _price(
    unit: WriteUnit, state: PricingState, change: Change, kind: str, outcome: Upserted, wait_for_slow: bool
) -> list[SlowWork]:
    state.reload_static(unit.connection)
    if state.newest is None:
        return []
    if kind == "trades":
        _clear(unit, state.newest, outcome.written)
    tickers = {str(record["ticker"]) for record in outcome.written}
    return price_underlyings(unit, state, change, state.newest, sorted(tickers), wait_for_slow=wait_for_slow)


def _clear(unit: WriteUnit, as_of: date, trades: Sequence[Record]) -> None:
    """Take off what these trades had: another ticker's value must not stay, nor a reason that holds no more."""
    forget_failures(unit, as_of, [trade["trade_id"] for trade in trades])
    priced = [trade["trade_id"] for trade in trades if trade["trade_status"] != TradeStatus.TERMINATED]
    forget_values(unit, as_of, priced)
