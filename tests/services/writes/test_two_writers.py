"""What a writer has in memory is what the store has, whatever other writers do; and a tick of theirs is followed."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.access.permissions import Role, User
from services.pricing.pricing_state import PricingState
from services.tagging.tag_trades import tag_trades
from services.uploads.apply_upload import UploadMode, apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import undo_upload
from services.writes.restart_replay import restart_replay
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, claim_feed
from storage.people.uploads import read_batches
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import BOOKS, INSTRUMENTS, MONDAY, PARAMETERS, TUESDAY, load_small_book, quote, trade

WEDNESDAY = date(2020, 3, 11)
DAYS = (MONDAY, TUESDAY, WEDNESDAY)
LONG_AGO = date(2020, 2, 3)
"""A date that is no close: what is quoted then is only inherited."""
TICKERS = ("AAPL", "MSFT", "OXY")
ANN = User("ann", frozenset({Role.ANALYST, Role.MANAGER}))
Does = Callable[[Store, PricingState, int], Any]


def ticks(ticker: str, day: date) -> Does:
    def tick(store: Store, state: PricingState, step: int) -> None:
        apply_quotes(store, state, [quote(ticker, 60.0 + step, float(step), day)], source="test")

    return tick


def writes(kind: str, record: dict[str, Any], name: str) -> Does:
    def write(store: Store, state: PricingState, step: int) -> None:
        change_records(store, state, kind, [{**record, name: 1.0 + step}], source="test")

    return write


def tag(store: Store, state: PricingState, step: int) -> None:
    status = "Terminated" if step % 2 else "Live"
    tag_trades(store, state, ANN, {"C1": ""}, status, "test", overwrite=True)


def uploads(header: str, row: str) -> Does:
    def upload(store: Store, state: PricingState, step: int) -> None:
        preview = preview_upload(store, ANN, None, "file.csv", f"{header}\n{row % (80 + step)}\n".encode())
        apply_upload(store, state, ANN, preview, UploadMode.ALL_OR_NOTHING)

    return upload


def undo(store: Store, state: PricingState, _step: int) -> None:
    with store.read() as connection:
        last = next((batch for batch in read_batches(connection) if batch.undone_at is None), None)
    if last is not None:
        undo_upload(store, state, ANN, last.batch_id)


def restart(store: Store, state: PricingState, _step: int) -> None:
    with store.bookkeeping() as connection:
        claim_feed(connection, REPLAY, "me", 1, datetime.now(UTC), 10.0, None)
    restart_replay(store, state, feed=REPLAY, owner="me", first_date=TUESDAY, cursor={"row": 0})


def replayed(store: Store, state: PricingState, step: int) -> None:
    apply_quotes(store, state, [quote("AAPL", 55.0 + step, float(step), WEDNESDAY)], source=REPLAY)


DOES: dict[str, Does] = {
    **{f"tick {ticker} {day}": ticks(ticker, day) for ticker in TICKERS for day in (LONG_AGO, *DAYS)},
    "amend": writes("trades", trade("C1"), "quantity"),
    "move": writes("trades", trade("P1", option_type="put", ticker="OXY"), "quantity"),
    "parameters": writes("parameters", PARAMETERS[0], "implied_vol"),
    "parameters of Tuesday": writes("parameters", {**PARAMETERS[0], "as_of_date": TUESDAY}, "implied_vol"),
    "tag": tag,
    "upload parameters": uploads("AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield", "2020-03-10,OXY,0.%d,0.01,0"),
    "upload trade": uploads("TradeId,Ticker,Book,Product,Quantity", "UPLOADED,AAPL,EQ_VOL_HED,EQ_Stock,%d"),
    "upload quote": uploads("AsOfDate,Instrument,Quote", "2020-03-10,MSFT,%d"),
    "undo": undo,
    "replay": replayed,
    "restart": restart,
}


def in_memory(store: Store, state: PricingState) -> dict[str, Any]:
    """What decides what is priced, after the writer has looked at the store."""
    state.catch_up(store)
    with store.read() as connection:
        quotes = dict(state.quotes(connection, state.newest)) if state.newest is not None else {}
    held = state.snapshot
    return {
        "trades": dict(held.book.trades),
        "priced trades": {ticker: set(state.trades_on(ticker)) for ticker in state.tickers()},
        "parameters": {(day, ticker): held.parameters.on(day, ticker) for day in DAYS for ticker in TICKERS},
        "newest": held.newest,
        "dates": held.priced,
        "quotes": {ticker: (each.as_of_date, each.quote, each.observed_at) for ticker, each in quotes.items()},
    }


@settings(max_examples=60)
@given(
    starts_empty=st.booleans(),
    doings=st.lists(st.tuples(st.integers(0, 1), st.sampled_from(sorted(DOES))), min_size=1, max_size=12),
)
@example(starts_empty=False, doings=[(0, "replay"), (0, "restart")])
@example(starts_empty=True, doings=[(0, f"tick OXY {LONG_AGO}")])
@example(starts_empty=True, doings=[(0, "amend"), (1, f"tick AAPL {WEDNESDAY}")])
@example(starts_empty=False, doings=[(0, "upload parameters"), (1, "undo")])
@example(starts_empty=False, doings=[(0, "upload quote"), (1, "undo")])
@example(starts_empty=False, doings=[(0, "upload trade"), (1, "undo")])
def test_each_of_two_writers_has_in_memory_what_the_store_has(
    templates: Templates, starts_empty: bool, doings: list[tuple[int, str]]
) -> None:
    name, fill = ("two writers and quotes", quotes_alone) if starts_empty else ("two writers and a book", small_book)
    store = Store(templates.copy("sqlite", name, fill, None))
    try:
        writers = PricingState(), PricingState()
        for step, (who, what) in enumerate(doings, start=1):
            DOES[what](store, writers[who], step)
            fresh = in_memory(store, PricingState())
            for writer in writers:
                assert in_memory(store, writer) == fresh
    finally:
        store.close()


def small_book(store: Store) -> None:
    state = PricingState()
    load_small_book(store, state)
    apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test")


def quotes_alone(store: Store) -> None:
    state = PricingState()
    change_records(store, state, "books", BOOKS, source="test")
    change_records(store, state, "instruments", INSTRUMENTS, source="test")
    for day in (LONG_AGO, *(date(2020, 2, day) for day in range(24, 29)), *DAYS):
        apply_quotes(store, state, [quote("AAPL", 68.0, day=day)], source="test")
