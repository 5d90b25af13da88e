"""Whatever is loaded, corrected, taken back and started again: what was known then can be read ever after."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from services.pricing.pricing_state import PricingState
from services.pricing.read_snapshot import read_snapshot
from services.uploads.apply_upload import apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import UndoRefused, undo_upload
from services.writes.rebuild_projection import check_projection
from services.writes.restart_replay import restart_replay
from storage.book.records import RECORD_TABLES
from storage.book.records_at import records_known
from storage.core.database import Store
from storage.core.known_at import KnownAt
from storage.core.schema import changes
from storage.feeds.feeds import REPLAY, claim_feed
from storage.market.quote_history import received_quotes
from storage.market.quotes import quotes_as_known
from storage.people.uploads import read_batches
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import MONDAY, PARAMETERS, TUESDAY, quote, stock
from tests.services.uploads.test_preview_upload import ANN, csv_of

DAYS = (MONDAY - timedelta(days=1), MONDAY, TUESDAY)
Step = Callable[[Store, PricingState], None]


def know(store: Store, known_at: KnownAt) -> dict[str, Any]:
    """All that is known of the small world below."""
    with store.read() as connection:
        found: dict[str, Any] = {
            kind: sorted(map(repr, records_known(connection, kind, known_at))) for kind in RECORD_TABLES
        }
        for day in DAYS:
            found[f"quotes {day}"] = sorted(map(repr, quotes_as_known(connection, day, known_at).values()))
            found[f"observations {day}"] = received_quotes(connection, day, known_at=known_at)
            market = read_snapshot(store, connection, day, known_at=known_at).market
            found[f"market {day}"] = dict(market.spots), market.parameters_of("AAPL")
        return found


def tick(source: str, ticker: str, price: float, minute: int, day: Any, closed: bool) -> Step:
    def step(store: Store, state: PricingState) -> None:
        batch = [quote(ticker, price, minute * 60, day), quote(ticker, price + 1, minute * 60, day)]
        apply_quotes(store, state, batch, source=source, not_before=TUESDAY if closed else None)

    return step


def load(kind: str, number: int, value: float) -> Step:
    records: dict[str, dict[str, Any]] = {
        "trades": stock(f"S{number}", quantity=value),
        "books": {"book": f"B{number}", "desk": f"D{value}", "business_unit": "U", "region": "R"},
        "parameters": {**PARAMETERS[0], "as_of_date": DAYS[number], "implied_vol": value},
    }

    def step(store: Store, state: PricingState) -> None:
        change_records(store, state, kind, [records[kind]], source="load")

    return step


def upload(header: str, line: str) -> Step:
    def step(store: Store, state: PricingState) -> None:
        apply_upload(store, state, ANN, preview_upload(store, ANN, None, "file.csv", csv_of(line, header=header)))

    return step


def undo(which: int) -> Step:
    """Take back the last upload, or one before it: that may be refused."""

    def step(store: Store, state: PricingState) -> None:
        with store.read() as connection:
            batches = [batch for batch in read_batches(connection) if batch.undone_at is None]
        if len(batches) > which:
            with suppress(UndoRefused):
                undo_upload(store, state, ANN, batches[which].batch_id)

    return step


def restart(store: Store, state: PricingState) -> None:
    with store.bookkeeping() as connection:
        claim_feed(connection, REPLAY, "me", 1, datetime.now(UTC), 10.0, None)
    restart_replay(store, state, feed=REPLAY, owner="me", first_date=MONDAY, cursor={"row": 0})


PRICES = st.sampled_from([60.0, 61.0, 70.0])
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(
        tick,
        st.sampled_from([REPLAY, "desk"]),
        st.sampled_from(["AAPL", "MSFT"]),
        PRICES,
        st.integers(0, 2),
        st.sampled_from(DAYS),
        st.booleans(),
    ),
    st.builds(load, st.sampled_from(["trades", "books", "parameters"]), st.integers(0, 2), st.sampled_from([0.2, 0.5])),
    st.builds(
        upload,
        st.just("AsOfDate,Instrument,Quote"),
        st.builds("{},{},{}".format, st.sampled_from([DAYS[1], DAYS[2]]), st.sampled_from(["AAPL", "OXY"]), PRICES),
    ),
    st.builds(
        upload,
        st.just("AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield"),
        st.builds("{},AAPL,{},0,0".format, st.sampled_from(DAYS), st.sampled_from([0.2, 0.7])),
    ),
    st.builds(upload, st.just("Book,Desk,BusinessUnit,Region"), st.builds("B{},D9,U,R".format, st.integers(0, 3))),
    st.builds(undo, st.integers(0, 1)),
    st.just(restart),
)


def check(store: Store, steps: list[Step]) -> None:
    state = PricingState()
    known: dict[int, dict[str, Any]] = {}
    for step in steps:
        step(store, state)
        with store.read() as connection:
            revision = store.revisions(connection).revision
            assert check_projection(connection).differences == []
        known[revision] = know(store, None)
    with store.read() as connection:
        instants = {row.revision: row.committed_at for row in connection.execute(select(changes))}
    for revision, then in known.items():
        assert know(store, revision) == then
        if revision in instants:
            assert know(store, instants[revision]) == then


@given(steps=st.lists(STEPS, min_size=3, max_size=14))
@settings(max_examples=40)
def test_what_was_known_can_be_read_ever_after(templates: Templates, steps: list[Step]) -> None:
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    check(store, steps)
    store.close()


@pytest.mark.parametrize("of_each", [1, 2])
def test_on_both_databases(store: Store, of_each: int) -> None:
    steps: list[Step] = [
        load("trades", 0, 0.2),
        tick("desk", "AAPL", 60.0, 0, MONDAY, False),
        tick(REPLAY, "AAPL", 61.0, 1, MONDAY, False),
        upload("AsOfDate,Instrument,Quote", "2020-03-09,AAPL,70"),
        upload("Book,Desk,BusinessUnit,Region", "B0,D9,U,R"),
        load("parameters", 0, 0.5),
        undo(1),
        undo(0),
        tick("desk", "AAPL", 50.0, 0, DAYS[0], True),
        restart,
        upload("Book,Desk,BusinessUnit,Region", "B0,D9,U,R"),
        upload("AsOfDate,Instrument,Quote", "2020-03-10,OXY,70"),
        tick(REPLAY, "AAPL", 61.0, 1, MONDAY, False),
        undo(0),
    ]
    check(store, [step for step in steps for _ in range(of_each)])
