"""New parameters of one underlying: what was worked out for the others stays."""

from engine.valuation.underlying_pricer import UnderlyingPricer
from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import BOOKS, MONDAY, PARAMETERS, quote, trade


def prepared(state: PricingState, ticker: str) -> UnderlyingPricer:
    ready = state.ready(MONDAY, ticker)
    assert ready is not None
    return ready.prepared


def test_only_underlyings_with_other_parameters_are_prepared_again(store: Store, state: PricingState) -> None:
    americans = [
        trade("A1", option_type="put", exercise_style="American"),
        trade("M1", ticker="MSFT", option_type="put", exercise_style="American"),
    ]
    aapl, msft = ({**PARAMETERS[0], "ticker": ticker} for ticker in ("AAPL", "MSFT"))
    for kind, records in (("books", BOOKS), ("parameters", [aapl, msft]), ("trades", americans)):
        change_records(store, state, kind, records, source="test")
    apply_quotes(store, state, [quote("AAPL", 68.0), quote("MSFT", 150.0)], source="test")
    before = {ticker: prepared(state, ticker) for ticker in ("AAPL", "MSFT")}
    change_records(store, state, "parameters", [{**aapl, "implied_vol": 0.77}], source="test")
    aapl_again, msft_again = (prepared(state, ticker) for ticker in ("AAPL", "MSFT"))
    assert msft_again is before["MSFT"]
    assert aapl_again is not before["AAPL"]
    assert aapl_again.parameters.implied_vol == 0.77
    follower = PricingState()
    apply_quotes(store, follower, [quote("AAPL", 68.5, 60), quote("MSFT", 151.0, 60)], source="test")
    kept = prepared(follower, "MSFT")
    change_records(store, state, "parameters", [{**aapl, "implied_vol": 0.55}], source="test")
    apply_quotes(store, follower, [quote("AAPL", 69.0, 120)], source="test")
    followed = prepared(follower, "AAPL")
    assert followed.parameters.implied_vol == 0.55, "what another process wrote is followed"
    assert prepared(follower, "MSFT") is kept
