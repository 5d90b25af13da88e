"""Price underlyings of one as-of date inside a write transaction, and note what changed."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import select

from engine.model import NotPriced
from engine.preparation import Failure, PreparedUnderlying, Valued
from engine.repricing import value_at_quote
from engine.side_by_side import Asked, value_side_by_side
from services.pricing_state import FreshTrades, PricingState
from storage.change_log import Change
from storage.database import WriteUnit
from storage.quotes import Quote
from storage.schema import sensitivities
from storage.sensitivities import FailedTrade, ValuationRows, ValuedTrades, forget_values, write_valuations


@dataclass(frozen=True, slots=True)
class SlowWork:
    """Trades of an underlying whose engines are too slow for a tick: to be priced beside it at this quote."""

    prepared: PreparedUnderlying
    quote: Quote


def price_underlyings(
    unit: WriteUnit,
    state: PricingState,
    change: Change,
    as_of: date,
    tickers: Iterable[str],
    *,
    wait_for_slow: bool,
) -> list[SlowWork]:
    """Price the trades on these underlyings at their newest quotes of a date, and store values and failures.

    wait_for_slow: price with the slow engines here and now; otherwise their work is returned, and a trade that never
    had a value at this date is stored as waiting.
    """
    rows = ValuationRows()
    work: list[SlowWork] = []
    asked: list[tuple[Asked, Quote]] = []
    quotes = state.quotes(unit.connection, as_of)
    for ticker in tickers:
        first = not state.is_prepared(as_of, ticker)
        prepared = state.prepared(as_of, ticker)
        if prepared is None:
            continue
        quote = quotes.get(ticker)
        if quote is None:
            rows.failures += _without_quote(prepared)
            continue
        asked.append(((prepared, quote.quote, prepared.groups if wait_for_slow else prepared.live_groups), quote))
        if first:
            rows.failures += _told(prepared, prepared.failures)
        if prepared.slow_groups and not wait_for_slow:
            work.append(SlowWork(prepared, quote))
            if first:
                rows.failures += _waiting(unit, as_of, prepared)
    for valued, ((prepared, _, _), quote) in zip(value_side_by_side([a for a, _ in asked]), asked, strict=True):
        add_values(rows, prepared, valued, quote)
    note_changes(unit, state, change, as_of, rows)
    state.priced.add(as_of)
    return work


def price_fresh(
    unit: WriteUnit,
    state: PricingState,
    change: Change,
    fresh: FreshTrades,
    whole: Mapping[date, Collection[str]],
    *,
    wait_for_slow: bool,
) -> list[SlowWork]:
    """Price trades that came or changed, and no others. whole: tickers that are about to be priced whole, by date.

    Nothing happens in a store without quotes. What a trade was worth before its change does not stay.
    """
    if fresh.as_of is None:
        return []
    rows = ValuationRows()
    work: list[SlowWork] = []
    quotes = state.quotes(unit.connection, fresh.as_of)
    changed = set(fresh.changed)
    leave = whole.get(fresh.as_of, ())
    for ticker, prepared in fresh.prepared.items():
        slow = [prepared.trade_ids[row] for group in prepared.slow_groups for row in group.rows]
        forget_values(unit, fresh.as_of, ticker, [trade_id for trade_id in slow if trade_id in changed])
        quote = quotes.get(ticker)
        if quote is None:
            rows.failures += _without_quote(prepared)
            continue
        rows.failures += _told(prepared, prepared.failures)
        if ticker not in leave:
            groups = prepared.groups if wait_for_slow else prepared.live_groups
            add_values(rows, prepared, prepared.value(quote.quote, groups), quote)
        if prepared.slow_groups and not wait_for_slow:
            all_of_them = state.prepared(fresh.as_of, ticker)
            work += [SlowWork(all_of_them, quote)] if all_of_them is not None else []
            rows.failures += _waiting(unit, fresh.as_of, prepared)
    note_changes(unit, state, change, fresh.as_of, rows)
    return work


def add_values(rows: ValuationRows, prepared: PreparedUnderlying, valued: Valued, quote: Quote) -> None:
    """Append the values of an underlying's trades, and of those that got none the reason."""
    if len(valued.rows):
        rows.valued.append(
            ValuedTrades(
                risk_factor=prepared.ticker,
                spot=quote.quote,
                observed_at=quote.observed_at,
                parameters_source=prepared.parameters.source,
                trade_id=valued.trade_ids,
                priced_by=valued.priced_by,
                measures=valued.measures,
            )
        )
    rows.failures += _told(prepared, valued.failures)


def note_changes(unit: WriteUnit, state: PricingState, change: Change, as_of: date, rows: ValuationRows) -> None:
    """Write the rows and put them into the change log's entry; what somebody else reported is left alone."""
    rows = rows.without(state.reported(unit.connection, as_of))
    for name, table in write_valuations(unit, as_of, rows).items():
        if table.num_rows:
            change.log(name, as_of, table)
    newest = max((part.observed_at for part in rows.valued), default=None)
    if newest is not None and (change.observed_at is None or newest > change.observed_at):
        change.as_of_date, change.observed_at = as_of, newest


def _told(prepared: PreparedUnderlying, failures: Iterable[Failure]) -> list[FailedTrade]:
    return [(f.trade_id, prepared.ticker, f.reason, f.detail) for f in failures]


def _without_quote(prepared: PreparedUnderlying) -> list[FailedTrade]:
    _, failures = value_at_quote(prepared, None)
    return _told(prepared, failures)


def _waiting(unit: WriteUnit, as_of: date, prepared: PreparedUnderlying) -> list[FailedTrade]:
    """Failures for the slow trades that have no value at this date yet."""
    slow = {prepared.trade_ids[row]: group.engine.name for group in prepared.slow_groups for row in group.rows}
    valued = set(
        unit.connection.execute(
            select(sensitivities.c.trade_id).where(
                sensitivities.c.as_of_date == as_of, sensitivities.c.risk_factor == prepared.ticker
            )
        ).scalars()
    )
    return [
        (trade_id, prepared.ticker, NotPriced.WAITING, f"{engine} is pricing it")
        for trade_id, engine in slow.items()
        if trade_id not in valued
    ]
