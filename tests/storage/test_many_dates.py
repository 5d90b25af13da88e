"""What the store asks is the same however many dates it has, and goes by a key."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event

from engine.measures import MEASURE_NAMES
from services.pricing.pricing_state import PricingState
from storage.book.records_at import newest_versions
from storage.core.bulk import insert
from storage.core.change_log import changing
from storage.core.database import Store
from storage.core.schema import quotes, sensitivities
from storage.market.quote_history import received_observations, received_quotes
from storage.market.quotes import Quote, quotes_as_known
from storage.market.sensitivities import previous_priced_date, priced_dates, written_dates
from storage.read_models.one_trade import trade_values, trade_versions
from tests.fixtures.applying import apply_quotes
from tests.fixtures.small_book import MONDAY, quote

DATES = 260
FIRST = MONDAY - timedelta(days=DATES)
TICKERS = [f"T{number:03}" for number in range(40)]


@pytest.fixture
def old_store(small_store: Store) -> Store:
    """A year of dates behind the small book: each with values of ours, and quotes of other instruments."""
    at = datetime(2020, 1, 1, tzinfo=UTC)
    days = [FIRST + timedelta(days=number) for number in range(DATES)]
    with changing(small_store, "test") as (unit, change):
        change.quotes = True
        common = {"observed_at": at, "source": "test", "revision": unit.revision}
        rows = [(day, ticker) for day in days for ticker in TICKERS]
        keys = {"as_of_date": [day for day, _ in rows], "instrument": [ticker for _, ticker in rows]}
        insert(unit.connection, quotes, {**keys, "quote": 1.0, "received_at": at, **common}, len(rows))
        values = {"as_of_date": keys["as_of_date"], "risk_factor": keys["instrument"], "trade_id": "C1"}
        common |= {"source": "engine", "priced_by": "test", "parameters_source": "test", "spot": 1.0}
        measures = dict.fromkeys(MEASURE_NAMES, 1.0)
        insert(unit.connection, sensitivities, {**values, **measures, **common}, len(rows))
    with small_store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return small_store


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    """Each statement with its parameters."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        seen.append((statement, parameters))

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def test_what_others_wrote_costs_no_query_a_date(old_store: Store) -> None:
    state = PricingState()
    state.catch_up(old_store)
    apply_quotes(old_store, PricingState(), [quote("AAPL", 69.0, 1)], source="another")
    with statements(old_store) as seen:
        apply_quotes(old_store, state, [quote("MSFT", 151.0, 2)], source="this one")
    assert len(state.priced) > DATES
    assert len(seen) < 30, "\n".join(statement for statement, _ in seen)


def test_a_quote_of_an_early_date_asks_for_no_later_date_that_has_its_own(old_store: Store) -> None:
    state = PricingState()
    state.catch_up(old_store)
    early = Quote(FIRST, TICKERS[0], 2.0, datetime(2020, 1, 2, tzinfo=UTC))
    with statements(old_store) as seen:
        apply_quotes(old_store, state, [early], source="a correction")
    assert len(seen) < 30, "\n".join(statement for statement, _ in seen)


def test_they_say_the_same(old_store: Store) -> None:
    with old_store.read() as connection:
        found = priced_dates(connection)
        assert (found[0], found[-1], len(found)) == (FIRST, MONDAY, DATES + 1)
        assert previous_priced_date(connection, MONDAY) == MONDAY - timedelta(days=1)
        assert previous_priced_date(connection, FIRST) is None
        revision = old_store.revisions(connection).revision
        assert written_dates(connection, found, revision) == found[:-1]
        known = quotes_as_known(connection, FIRST + timedelta(days=5))
        assert {name: known[name].as_of_date for name in TICKERS} == dict.fromkeys(TICKERS, FIRST + timedelta(days=5))
        assert "AAPL" not in known
        assert quotes_as_known(connection, MONDAY)["AAPL"].as_of_date == MONDAY
        assert [value.risk_factor for value in trade_values(connection, "C1", FIRST)] == TICKERS
        assert quotes_as_known(connection, date(2000, 1, 1)) == {}


ASKED: dict[str, Callable[[Connection], Any]] = {
    "page of a trade": lambda connection: trade_values(connection, "C1", FIRST),
    "newest quotes": lambda connection: quotes_as_known(connection, MONDAY),
    "quotes as known": lambda connection: quotes_as_known(connection, MONDAY, 3),
    "day of all": lambda connection: received_quotes(connection, MONDAY),
    "day of an instrument": lambda connection: received_observations(connection, "AAPL", MONDAY),
    "records as known": lambda connection: newest_versions(connection, "trades", ["C1", "P1"], 3),
    "versions of a trade": lambda connection: trade_versions(connection, "C1"),
}


@pytest.mark.parametrize("asked", ASKED)
def test_no_table_is_read_whole(old_store: Store, asked: str) -> None:
    with statements(old_store) as seen, old_store.read() as connection:
        ASKED[asked](connection)
        statement, parameters = seen[-1]
        if old_store.dialect == "postgresql":  # a table as small as this one it would rather read whole
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        explain = "EXPLAIN QUERY PLAN " if old_store.dialect == "sqlite" else "EXPLAIN "
        plan = "\n".join(str(tuple(row)) for row in connection.exec_driver_sql(explain + statement, parameters))
    for table in ("quotes", "sensitivities", "quote_versions", "record_versions"):
        assert f"SCAN {table}" not in plan, plan
        assert f"Seq Scan on {table}" not in plan, plan
    if asked == "page of a trade":
        by_key = "as_of_date=? AND risk_factor=? AND trade_id=?", "sensitivities_pkey"
        assert any(key in plan for key in by_key), plan
