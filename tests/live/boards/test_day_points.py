"""The points of the market's day are the same for who followed the quotes, in whatever batches, and who comes later."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from live.boards.market import Day
from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from storage.market.day_points import last_of_points
from storage.market.quotes import Quote
from tests.fixtures.applying import apply_quotes
from tests.fixtures.small_book import MONDAY, TUESDAY, quote
from tests.live.board_contents import differences
from tests.live.changes import fresh_board, hub_of
from tests.live.viewer import Viewer

OPEN = datetime(2020, 3, 9, 13, 30, tzinfo=UTC)
OBSERVATIONS = st.lists(
    st.builds(
        lambda ticker, seconds, price: Quote(MONDAY, ticker, float(price), OPEN + timedelta(seconds=seconds)),
        st.sampled_from(["AAPL", "MSFT", "FB"]),
        st.integers(0, 3_600),
        st.integers(60, 80),
    ),
    min_size=1,
    max_size=40,
)
"""Of an hour in any order, so that some are late; one of the tickers nobody trades."""
Points = dict[str, list[tuple[float, float]]]


def batched(data: st.DataObject, observations: list[Quote]) -> list[list[Quote]]:
    """The same observations in the same order, in batches."""
    ends = sorted(data.draw(st.sets(st.integers(1, len(observations)), max_size=6)) | {len(observations)})
    return [observations[begin:end] for begin, end in zip([0, *ends], ends, strict=False)]


def points_of(batches: list[list[Quote]]) -> Points:
    days: dict[str, Day] = {}
    for revision, batch in enumerate(batches):
        for each in last_of_points(batch):
            days.setdefault(each.instrument, Day()).take(each.observed_at, each.quote, revision)
    return {ticker: day.points() for ticker, day in days.items()}


@given(st.data(), OBSERVATIONS)
def test_any_batches_give_the_same_points(data: st.DataObject, observations: list[Quote]) -> None:
    assert points_of(batched(data, observations)) == points_of([observations])


@given(OBSERVATIONS)
def test_a_point_is_the_last_observation_of_its_five_minutes(observations: list[Quote]) -> None:
    expected: dict[str, dict[int, tuple[float, float]]] = {}
    for each in sorted(observations, key=lambda each: each.observed_at):
        seconds = each.observed_at.timestamp()
        expected.setdefault(each.instrument, {})[int(seconds) // 300] = (seconds * 1000, each.quote)
    assert points_of([observations]) == {ticker: list(points.values()) for ticker, points in expected.items()}


@pytest.mark.parametrize("seed", range(4))
def test_who_follows_has_the_points_of_who_comes_afterwards(small_store: Store, seed: int) -> None:
    """Also of quotes that come late, of two of one instant, and where one message is of several batches."""
    chance, state, viewer = random.Random(seed), PricingState(), Viewer("market")
    with hub_of(small_store) as hub:
        for number in range(12):
            batch = [
                Quote(
                    MONDAY, ticker, float(chance.randrange(60, 80)), OPEN + timedelta(seconds=chance.randrange(3_600))
                )
                for ticker in chance.choices(["AAPL", "MSFT", "FB"], k=chance.randrange(1, 12))
            ]
            if number == 8:
                apply_quotes(small_store, state, [quote("AAPL", 70.0, 0.0, TUESDAY)], source="test")
            is_over = TUESDAY if number > 8 else None
            apply_quotes(small_store, state, batch, source="test", not_before=is_over)
            if chance.random() < 0.4:
                continue  # the next message is of both
            hub.follow()
            viewer.look(hub, MONDAY)
            board, fresh = hub.board_of(MONDAY), fresh_board(small_store)
            assert board is not None
            assert differences(board, fresh) == []
            assert viewer.day == {row.ticker: row.day.points() for row in fresh.market.rows if row.day.points()}
    assert len(viewer.day["AAPL"]) > 6


def test_a_late_quote_of_an_underlying_without_a_row_is_no_fault_of_its_date(small_store: Store) -> None:
    state = PricingState()
    apply_quotes(small_store, state, [quote("AAPL", 70.0, 0.0, TUESDAY)], source="test")
    apply_quotes(small_store, state, [quote("NEW", 5.0)], source="test", not_before=TUESDAY)
    board = fresh_board(small_store)
    assert [row.ticker for row in board.market.rows if row.ticker == "NEW"] == []
