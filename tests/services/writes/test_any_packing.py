"""The same rows give the same store, however they are packed and in whatever order they come.

It holds for trades and static data in any order, and then quotes in any order, for each key came once. It cannot hold
where a row changes what another has said, or comes when a date is over: a date keeps the values of the trades and
parameters that were known while it was the newest.
"""

import random
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Table, select

from services.pricing.pricing_state import PricingState
from services.pricing.repricing_scope import PRICED_CLOSES
from services.records.incoming import Incoming
from services.writes.apply_incoming import apply_incoming
from storage.core.database import Store
from storage.core.schema import (
    books,
    instruments,
    pricing_failures,
    pricing_parameters,
    quote_versions,
    quotes,
    sensitivities,
    trades,
)
from storage.market.quotes import Quote
from storage.market.sensitivities import previous_priced_date
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.databases import Templates
from tests.fixtures.small_book import (
    BOOKS,
    INSTRUMENTS,
    MONDAY,
    PARAMETERS,
    SMALL_BOOK,
    TUESDAY,
    load_small_book,
    quote,
)

WEDNESDAY = date(2020, 3, 11)
_OF_ITS_OWN = ("revision", "source", "received_at")
"""What says when and by whom a row was written."""
STATIC: list[tuple[str, Any]] = [
    *(("books", record) for record in BOOKS),
    *(("instruments", record) for record in INSTRUMENTS),
    *(("parameters", record) for record in PARAMETERS),
    ("parameters", {**PARAMETERS[0], "as_of_date": WEDNESDAY, "implied_vol": 0.6}),
    ("parameters", {**PARAMETERS[0], "ticker": "MSFT", "as_of_date": date(2020, 1, 2)}),
    *(("trades", record) for record in SMALL_BOOK),
]
QUOTES: list[tuple[str, Any]] = [
    ("quotes", quote(ticker, price, seconds, day))
    for ticker, price, seconds, day in (
        ("AAPL", 66.0, 0.0, MONDAY),
        ("AAPL", 67.0, 60.0, MONDAY),
        ("MSFT", 150.0, 30.0, MONDAY),
        ("MSFT", 152.0, 0.0, TUESDAY),
        ("OXY", 12.0, 5.0, TUESDAY),
        ("AAPL", 70.0, 10.0, WEDNESDAY),
        ("AAPL", 71.0, 20.0, WEDNESDAY),
    )
]


def packed(rows: Sequence[tuple[str, Any]]) -> Incoming:
    incoming = Incoming()
    for kind, row in rows:
        if kind == "quotes":
            incoming.quotes.append(row)
        else:
            incoming.records.setdefault(kind, []).append(row)
            incoming.places.setdefault(kind, []).append("")
    return incoming


def load(store: Store, batches: Sequence[Sequence[tuple[str, Any]]], *, fresh_state: bool, wait: bool = True) -> None:
    state = PricingState()
    for batch in batches:
        state = PricingState() if fresh_state else state
        apply_incoming(store, state, packed(batch), source="test", wait_for_slow=wait)


def contents(store: Store) -> dict[str, list[tuple[Any, ...]]]:
    """What the store says, without when and by whom it was said; numbers to nine digits."""
    found = {}
    with store.read() as connection:
        tables: tuple[Table, ...] = (
            trades,
            books,
            instruments,
            pricing_parameters,
            quotes,
            quote_versions,
            sensitivities,
            pricing_failures,
        )
        for table in tables:
            own = ("source",) if table is sensitivities else ()
            columns = [column for column in table.columns if column.name in own or column.name not in _OF_ITS_OWN]
            rows = connection.execute(select(*columns)).all()
            found[table.name] = sorted(tuple(map(_plain, row)) for row in rows)
    return found


def _plain(value: Any) -> str:
    return f"{round(value, 9) + 0.0:.9g}" if isinstance(value, float) else str(value)


@st.composite
def packings(draw: st.DrawFn) -> list[list[tuple[str, Any]]]:
    """Some partition of the static rows in some order, and then of the quotes."""
    batches: list[list[tuple[str, Any]]] = []
    for rows in (STATIC, QUOTES):
        order = draw(st.permutations(rows))
        cuts = sorted(draw(st.sets(st.integers(1, len(rows) - 1), max_size=4)))
        batches += [list(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(rows)], strict=True)]
    joined = draw(st.booleans())
    first_quotes = next(i for i, batch in enumerate(batches) if batch[0][0] == "quotes")
    if joined:  # the last static rows and the first quotes in one batch
        batches[first_quotes - 1 : first_quotes + 1] = [batches[first_quotes - 1] + batches[first_quotes]]
    return batches


@pytest.fixture(scope="module")
def in_order(templates: Templates) -> dict[str, list[tuple[Any, ...]]]:
    """The store of a feed: static data, and then one quote after the other as they were observed."""
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    load(store, [STATIC, *([row] for row in QUOTES)], fresh_state=False)
    found = contents(store)
    store.close()
    return found


@given(batches=packings(), fresh_state=st.booleans(), wait=st.booleans())
@settings(max_examples=25)
def test_the_same_rows_give_the_same_store(
    templates: Templates,
    in_order: dict[str, list[tuple[Any, ...]]],
    batches: list[list[tuple[str, Any]]],
    fresh_state: bool,
    wait: bool,
) -> None:
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    load(store, batches, fresh_state=fresh_state, wait=wait)
    assert contents(store) == in_order
    store.close()


@pytest.mark.parametrize("seed", range(2))
def test_on_both_databases(store: Store, in_order: dict[str, list[tuple[Any, ...]]], seed: int) -> None:
    order = random.Random(seed)
    static, quoted = order.sample(STATIC, len(STATIC)), order.sample(QUOTES, len(QUOTES))
    load(store, [static, quoted[:3], quoted[3:]], fresh_state=False)
    assert contents(store) == in_order


@pytest.mark.parametrize("days", [(MONDAY, TUESDAY), (TUESDAY, MONDAY), (WEDNESDAY, MONDAY, TUESDAY)])
@pytest.mark.parametrize("trades_first", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_every_quoted_date_has_its_close(
    store: Store, state: PricingState, days: tuple[date, ...], trades_first: bool, at_once: bool
) -> None:
    closes = [Quote(day, "AAPL", 60.0 + day.day, datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in days]
    if trades_first:
        load_small_book(store, state)
    for batch in [closes] if at_once else [[close] for close in closes]:
        apply_quotes(store, state, batch, source="test", wait_for_slow=True)
    if not trades_first:
        load_small_book(store, state)
    with store.read() as connection:
        newest = max(days)
        assert previous_priced_date(connection, newest) == max(day for day in days if day < newest)
        query = select(sensitivities.c.as_of_date, sensitivities.c.trade_id).where(
            sensitivities.c.risk_factor == "AAPL"
        )
        found = set(connection.execute(query).all())
    assert found >= {(day, trade_id) for day in days for trade_id in ("C1", "P1", "A1", "S1")}


@pytest.mark.parametrize("trades_first", [True, False])
@pytest.mark.parametrize("at_once", [True, False])
def test_of_a_long_history_the_newest_closes_are_priced(
    store: Store, state: PricingState, trades_first: bool, at_once: bool
) -> None:
    """The book is priced whole at each date: a history of years must not be."""
    days = [MONDAY - timedelta(days=back) for back in range(3, 60)]
    history = [Quote(day, "AAPL", 60.0, datetime(day.year, day.month, day.day, tzinfo=UTC)) for day in days]
    apply_quotes(store, state, [quote("AAPL", 66.0)], source="test")
    if trades_first:
        load_small_book(store, state)
    for batch in [history] if at_once else [history[10:], history[:10]]:
        apply_quotes(store, state, batch, source="test", wait_for_slow=True)
    if not trades_first:
        load_small_book(store, state)
    with store.read() as connection:
        query = select(sensitivities.c.as_of_date).where(sensitivities.c.trade_id == "C1").distinct()
        priced = sorted(connection.execute(query).scalars())
    newest = sorted([MONDAY, *days])[-PRICED_CLOSES:]
    assert set(priced) >= set(newest)
    assert len(priced) <= 2 * PRICED_CLOSES


def test_a_quote_of_an_earlier_date_is_inherited_by_the_dates_of_its_own_batch(
    store: Store, state: PricingState
) -> None:
    load_small_book(store, state)
    both = [quote("MSFT", 150.0), quote("AAPL", 66.0, day=MONDAY + timedelta(days=1))]
    apply_quotes(store, state, both, source="test")
    with store.read() as connection:
        query = select(sensitivities.c.spot).where(
            sensitivities.c.trade_id == "M1", sensitivities.c.as_of_date == TUESDAY
        )
        assert connection.execute(query).scalar() == 150.0


def test_a_new_trade_has_no_close(store: Store, state: PricingState) -> None:
    """A date that was priced keeps its trades: what is booked later gained nothing before."""
    load_small_book(store, state)
    apply_quotes(store, state, [quote("AAPL", 66.0), quote("AAPL", 67.0, day=TUESDAY)], source="test")
    change_records(store, state, "trades", [{**SMALL_BOOK[0], "trade_id": "NEW"}], source="test")
    with store.read() as connection:
        query = select(sensitivities.c.as_of_date).where(sensitivities.c.trade_id == "NEW")
        assert connection.execute(query).scalars().all() == [TUESDAY]
