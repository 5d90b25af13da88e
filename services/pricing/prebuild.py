"""What a transaction will need is computed before it takes the store's one write lock: nobody waits for it meanwhile.

It is foresight, no promise: what the transaction finds decides. Where another process has changed trades, parameters or
quotes in between, what was built or valued does not fit and is computed again.
"""

from collections.abc import Iterable
from datetime import date

from engine.valuation.pricer_build import Key, PricerBuild
from services.pricing.pricing_state import PricingState
from services.pricing.valued_rows import value_live
from services.records.incoming import Incoming
from services.records.record_kinds import RECORD_KINDS
from storage.book.records import Record
from storage.core.database import Store
from storage.market.quotes import Quote

_DATES_AHEAD = 2
"""So many of several new dates are prepared before the transaction: more would be in memory at once."""


def prebuild(
    store: Store, state: PricingState, incoming: Incoming, in_time: Iterable[Quote], *, wait_for_slow: bool
) -> None:
    """Prepare the underlyings that this batch will have priced whole, and the trades that it brings.

    Those are the underlyings with new parameters; all of them where a date is new to the store; with
    ``wait_for_slow`` those with a quote, which others leave to be prepared beside the ticks. in_time: the quotes that
    will be taken.
    """
    if wait_for_slow or not state.is_read:
        state.catch_up(store)
    quotes = list(in_time)
    dates = {quote.as_of_date for quote in quotes} | ({state.newest} if state.newest else set())
    if not dates:
        return
    newest = max(dates)
    parameters = incoming.records.get("parameters", [])
    known = state.parameters.with_records(parameters)
    for as_of in sorted(dates)[-_DATES_AHEAD:]:
        begins = as_of not in state.priced and (as_of != newest or newest != state.newest)
        tickers = set(state.tickers() if begins else ())
        if as_of == newest:
            tickers |= {str(record["ticker"]) for record in parameters}
            tickers |= {quote.instrument for quote in quotes if wait_for_slow and quote.as_of_date == newest}
        for ticker in sorted(tickers):
            preparation = state.preparation(as_of, ticker, known.on(as_of, ticker))
            if preparation is not None:
                state.take(preparation.run())
    for ticker, trades in _coming(state, incoming.records.get("trades", [])).items():
        preparation = PricerBuild(ticker, newest, known.on(newest, ticker), trades)
        if preparation.boundaries:
            state.expect(preparation.run())
    _foresee_values(store, state, quotes)


def _foresee_values(store: Store, state: PricingState, quotes: Iterable[Quote]) -> None:
    """Value the underlyings at the quotes that will be the newest of theirs, and make the rows that will be written."""
    newest: dict[Key, Quote] = {}
    for quote in quotes:
        key = (quote.as_of_date, quote.instrument)
        known = newest.get(key) or state.known_quotes(quote.as_of_date).get(quote.instrument)
        if known is None or known.as_of_date < quote.as_of_date or known.observed_at <= quote.observed_at:
            newest[key] = quote
    for (as_of, ticker), quote in newest.items():
        built = state.built(as_of, ticker)
        if built is not None and quote.quote > 0:
            rows = value_live(built.prepared, quote)
            if rows.valued is not None:
                rows.valued.prepare(store.dialect, alone=len(newest) == 1)
            state.foresee(rows)


def prepare_all(state: PricingState, as_of: date, tickers: Iterable[str]) -> None:
    """Make these underlyings ready for a date, as they are in memory now."""
    for ticker in tickers:
        state.ready(as_of, ticker)


def _coming(state: PricingState, records: list[Record]) -> dict[str, dict[str, Record]]:
    """Ticker -> trades that are new or will be changed, as they will be, if they are priced at all."""
    defaults = RECORD_KINDS["trades"].defaults
    whole: dict[str, Record] = {}
    for record in records:
        trade_id = record["trade_id"]
        before = whole.get(trade_id) or state.trade(trade_id) or defaults
        whole[trade_id] = {**before, **record}
    coming: dict[str, dict[str, Record]] = {}
    for trade_id, trade in whole.items():
        if trade != state.trade(trade_id) and state.is_priced(trade):
            coming.setdefault(trade["ticker"], {})[trade_id] = trade
    return coming
