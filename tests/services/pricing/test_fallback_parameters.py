"""Trades that are priced with default parameters are counted, named and marked, everywhere; or they are refused."""

from datetime import timedelta
from typing import Any

import pytest

from engine.model import NotPriced
from engine.selection import TradeSelection
from engine.snapshot.parameters import NO_PARAMETERS
from ingestion.sidecar.status_text import status_text
from live.boards.board import load_board
from services.pricing.fallback_parameters import fallback_parameters_table, fallback_parameters_text
from services.pricing.pricing_state import PricingState
from services.queries.day_history import DayHistories
from services.queries.trade_detail import how_to_fix
from services.queries.without_value import trades_without_value
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.read_models.read_models import export_frame, read_status
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, TUESDAY, quote, stock, trade
from tests.live.changes import hub_of
from tests.live.viewer import Viewer

OWN = {"as_of_date": MONDAY, "ticker": "AAPL", "implied_vol": 0.8, "risk_free_rate": 0.05, "dividend_yield": 0.0}
TRADES = [
    trade("E1"),
    trade("A1", exercise_style="American"),
    stock("S1"),
    trade("T1", trade_status="Terminated"),
    trade("M1", ticker="MSFT"),
]
CASES: dict[str, tuple[list[dict[str, Any]], int, str]] = {
    "none at all": ([], 2, "Load parameters of AAPL for 2020-03-09 or an earlier date."),
    "in other letters": ([{**OWN, "ticker": "Aapl"}], 2, "There are parameters of 'Aapl', which is another ticker"),
    "with a space": ([{**OWN, "ticker": "AAPL "}], 2, "There are parameters of 'AAPL ', which is another ticker"),
    "for tomorrow": ([{**OWN, "as_of_date": TUESDAY}], 2, "The first parameters of AAPL are for 2020-03-10"),
    "for today": ([OWN], 0, ""),
    "for an earlier date": ([{**OWN, "as_of_date": MONDAY - timedelta(days=90)}], 0, ""),
}


def fill(store: Store, state: PricingState, parameters: list[dict[str, Any]]) -> None:
    msft = {**OWN, "ticker": "MSFT"}
    change_records(store, state, "parameters", [*parameters, msft], source="test")
    change_records(store, state, "trades", TRADES, source="test")
    apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test", wait_for_slow=True)


@pytest.mark.parametrize("what", CASES)
def test_options_without_parameters_are_counted_and_listed(store: Store, what: str) -> None:
    parameters, count, fix = CASES[what]
    fill(store, PricingState(), parameters)
    with store.read() as connection:
        status = read_status(connection)
        board = load_board(connection, MONDAY, store.revisions(connection))
        table = fallback_parameters_table(connection, MONDAY)
        text = fallback_parameters_text(connection)
        export = export_frame(connection, "sensitivities", MONDAY)
    assert (status.default_parameters, board.with_default_parameters(), len(table)) == (count, count, count)
    assert f"with defaults   {count}" in status_text(status, quote("AAPL", 1.0).observed_at, 10.0)
    assert all(words.startswith(fix) for words in table["how_to_fix"])
    assert (text != "") == (count > 0)
    assert fix in text
    marked = export[(export["ParametersSource"] == "default") & (export["TradeId"] != "S1")]
    assert sorted(marked["TradeId"]) == (["A1", "E1"] if count else [])
    with hub_of(store) as hub:
        viewer = Viewer("explore", TradeSelection())
        hub.follow()
        viewer.look(hub, MONDAY)
        of = {row["Trade"]: row["Parameters"] for row in viewer.rows.values()}
    assert (of["E1"], of["M1"], of["S1"]) == (
        "Default" if count else "The ticker's own",
        "The ticker's own",
        "Not known",
    )


def test_parameters_that_come_end_it_on_an_open_board(small_store: Store, state: PricingState) -> None:
    with hub_of(small_store) as hub:
        before = hub.status(MONDAY)["default_parameters"]
        change_records(small_store, state, "parameters", [{**OWN, "ticker": "MSFT"}], source="test")
        hub.follow()
        assert (before, hub.status(MONDAY)["default_parameters"]) == (1, 0)


class TestRefused:
    @pytest.fixture
    def refusing(self) -> PricingState:
        return PricingState.of(Settings(default_parameters="refuse"))

    def test_they_have_no_value_and_a_reason(self, store: Store, refusing: PricingState) -> None:
        fill(store, refusing, CASES["in other letters"][0])
        with store.read() as connection:
            missing = trades_without_value(connection, MONDAY)
            status = read_status(connection)
        assert dict(zip(missing["trade_id"], missing["reason"], strict=True)) == dict.fromkeys(
            ("A1", "E1"), NotPriced.NO_PARAMETERS
        )
        assert set(missing["how_to_fix"]) == {how_to_fix(NotPriced.NO_PARAMETERS, "AAPL")}
        assert (status.priced, status.default_parameters) == (2, 0), "shares need no parameters"
        cash = DayHistories(store, NO_PARAMETERS).of(MONDAY, TradeSelection()).frame["cash_delta"].iloc[-1]
        with_defaults = DayHistories(store).of(MONDAY, TradeSelection()).frame["cash_delta"].iloc[-1]
        assert cash != pytest.approx(with_defaults), "the lines leave them out, too"

    @pytest.mark.parametrize("ticks", [0, 1])
    def test_parameters_that_come_price_them(self, store: Store, refusing: PricingState, ticks: int) -> None:
        fill(store, refusing, [])
        change_records(store, refusing, "parameters", [OWN], source="test")
        apply_quotes(store, refusing, [quote("AAPL", 69.0, 5.0)] * ticks, source="test")
        with store.read() as connection:
            assert trades_without_value(connection, MONDAY).empty
