"""Upserts of many rows: the same outcome on both databases, however many rows there are and however they are said."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import IntegrityError

from storage.connection.faults import StoreUnavailable
from storage.core.bulk import insert, remove, upsert, upsert_batches
from storage.core.database import Store
from storage.core.schema import quotes, sensitivities, trades
from tests.fixtures.databases import DATABASES
from tests.fixtures.small_book import MONDAY, OPEN

MEASURES = [c.name for c in sensitivities.columns if c.name.split("_")[-1] in ("price", "value", "shares", "delta")]
OTHERS = ["cash_gamma_1pct", "vega_1pt", "theta_1d", "rho_1bp", "dividend_rho_1bp"]


def batch(ticker: str, count: int, value: float, revision: int, first: int = 0) -> tuple[dict[str, Any], int]:
    """Columns of trades on one underlying, all with measures of about one value."""
    columns = {
        "as_of_date": MONDAY,
        "risk_factor": ticker,
        "trade_id": [f"{ticker}{row}" for row in range(first, first + count)],
        **{name: value + np.arange(count, dtype=np.float64) for name in (*MEASURES, *OTHERS)},
        "spot": 70.5,
        "observed_at": OPEN,
        "priced_by": ["Spot" if row % 2 else "Black–Scholes" for row in range(count)],
        "parameters_source": "default",
        "source": "engine",
        "revision": revision,
    }
    return columns, count


def stored(connection: Connection, name: str) -> dict[str, Any]:
    rows = connection.execute(select(sensitivities.c.trade_id, sensitivities.c[name]))
    return {row[0]: row[1] for row in rows}


@pytest.mark.parametrize("count", [1, 5, 31, 32, 33, 100])
def test_rows_are_inserted_then_overwritten(store: Store, count: int) -> None:
    with store.write() as unit:
        upsert(unit.connection, sensitivities, *batch("AAPL", count, 1.0, 1))
        assert stored(unit.connection, "market_value") == {f"AAPL{row}": 1.0 + row for row in range(count)}
        upsert(unit.connection, sensitivities, *batch("AAPL", count, -5.5, 2))
        assert stored(unit.connection, "market_value") == {f"AAPL{row}": -5.5 + row for row in range(count)}
        assert set(stored(unit.connection, "revision").values()) == {2}
        assert set(stored(unit.connection, "observed_at").values()) == {OPEN}


def test_known_and_new_rows_come_together(store: Store) -> None:
    with store.write() as unit:
        upsert(unit.connection, sensitivities, *batch("AAPL", 40, 1.0, 1))
        upsert(unit.connection, sensitivities, *batch("AAPL", 40, 2.0, 2, first=20))
        revisions = stored(unit.connection, "revision")
    assert len(revisions) == 60
    assert {key for key, revision in revisions.items() if revision == 1} == {f"AAPL{row}" for row in range(20)}


def test_batches_share_what_they_share(store: Store) -> None:
    with store.write() as unit:
        upsert_batches(
            unit.connection,
            sensitivities,
            [batch("AAPL", 50, 1.0, 1), batch("JPM", 0, 0.0, 1), batch("MSFT", 3, 9.0, 1)],
        )
        factors = stored(unit.connection, "risk_factor")
        priced_by = stored(unit.connection, "priced_by")
    assert sum(factor == "AAPL" for factor in factors.values()) == 50
    assert {key for key, factor in factors.items() if factor == "MSFT"} == {"MSFT0", "MSFT1", "MSFT2"}
    assert (priced_by["AAPL0"], priced_by["MSFT1"]) == ("Black–Scholes", "Spot")


@pytest.mark.parametrize("count", [3, 40])
def test_nan_is_null_and_every_bit_is_kept(store: Store, count: int) -> None:
    columns, _ = batch("AAPL", count, 1.0, 1)
    columns["unit_price"] = np.where(np.arange(count) % 3 == 1, np.nan, 0.1 + 0.2)
    columns["theta_1d"] = np.linspace(-1e300, 1e-300, count)
    with store.write() as unit:
        upsert(unit.connection, sensitivities, columns, count)
        prices, thetas = stored(unit.connection, "unit_price"), stored(unit.connection, "theta_1d")
    assert [prices[f"AAPL{row}"] for row in range(count)] == [
        None if row % 3 == 1 else 0.1 + 0.2 for row in range(count)
    ]
    assert [thetas[f"AAPL{row}"] for row in range(count)] == columns["theta_1d"].tolist()


@pytest.mark.parametrize("count", [2, 64])
def test_an_older_row_never_overwrites(store: Store, count: int) -> None:
    def write(connection: Connection, quote: float, at: list[datetime]) -> None:
        columns = {
            "as_of_date": [MONDAY] * count,
            "instrument": [f"T{row}" for row in range(count)],
            "quote": [quote] * count,
            "observed_at": at,
            "received_at": datetime(2026, 1, 1, tzinfo=UTC),
            "source": "test",
            "revision": 1,
        }
        upsert(connection, quotes, columns, count, newer_by="observed_at")

    with store.write() as unit:
        write(unit.connection, 1.0, [OPEN] * count)
        write(unit.connection, 2.0, [OPEN + timedelta(seconds=row - 1) for row in range(count)])
        found = {
            row.instrument: (row.quote, row.as_of_date)
            for row in unit.connection.execute(select(quotes.c.instrument, quotes.c.quote, quotes.c.as_of_date))
        }
    assert found["T0"] == (1.0, date(2020, 3, 9))
    assert {found[f"T{row}"][0] for row in range(1, count)} == {2.0}


@pytest.mark.parametrize("count", [1, 33, 100])
def test_new_rows_are_inserted_and_a_known_one_is_an_error(store: Store, count: int) -> None:
    with store.write() as unit:
        insert(unit.connection, sensitivities, *batch("AAPL", count, 1.0, 1))
    with pytest.raises(IntegrityError), store.write() as unit:
        insert(unit.connection, sensitivities, *batch("AAPL", count, 2.0, 2, first=count - 1))
    with store.read() as connection:
        assert stored(connection, "market_value") == {f"AAPL{row}": 1.0 + row for row in range(count)}


ODD_TEXTS = [
    "",
    "NULL",
    "\\N",
    "\\.",
    'a "quoted" text',
    "a,b",
    "two\nlines",
    "\n\\.\n",
    "\r\n",
    "'=1+1",
    "Größe 東京 🙂",
    " ",
]


@pytest.mark.parametrize("copies", [1, 6])
def test_every_value_comes_back_as_it_was(store: Store, copies: int) -> None:
    rows = [
        (f"{place}-{copy}", odd, (None, odd)[copy % 2], number, (None, date(1901, 1, 1), date(2199, 12, 31))[place % 3])
        for copy in range(copies)
        for place, (odd, number) in enumerate(zip(ODD_TEXTS, [0.1 + 0.2, -1e-300, 5e-324, 1.7e308] * 3, strict=True))
    ]
    names = ("trade_id", "book", "option_type", "quantity", "maturity")
    columns: dict[str, Any] = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    columns |= {"ticker": "T", "product": "P", "contract_multiplier": 1.0, "trade_status": "Live"}
    columns |= {"strike": np.full(len(rows), np.nan), "source": "=it's", "revision": 1}
    with store.write() as unit:
        insert(unit.connection, trades, columns, len(rows))
        query = select(*(trades.c[name] for name in names), trades.c.strike, trades.c.source).order_by(
            trades.c.trade_id
        )
        found = [tuple(row) for row in unit.connection.execute(query)]
    assert sorted(map(repr, found)) == sorted(repr((*row, None, "=it's")) for row in rows)


@pytest.mark.parametrize("count", [1, 40, 100])
def test_rows_are_removed_by_all_the_values_that_are_said(store: Store, count: int) -> None:
    with store.write() as unit:
        for ticker, source in (("AAPL", "engine"), ("JPM", "engine"), ("MSFT", "somebody")):
            columns, _ = batch(ticker, count, 1.0, 1)
            upsert(unit.connection, sensitivities, {**columns, "source": source}, count)
        ids = [f"{ticker}{row}" for ticker in ("AAPL", "MSFT", "JPM") for row in range(count)][: 2 * count + 1]
        factors = [trade_id.rstrip("0123456789") for trade_id in ids]
        gone = {"as_of_date": MONDAY, "source": "engine", "trade_id": ids, "risk_factor": factors}
        remove(unit.connection, sensitivities, {**gone, "as_of_date": date(2020, 3, 6)}, len(ids))
        assert unit.connection.execute(select(func.count()).select_from(sensitivities)).scalar_one() == 3 * count
        remove(unit.connection, sensitivities, gone, len(ids))
        left = set(stored(unit.connection, "source"))
    assert left == {f"MSFT{row}" for row in range(count)} | {f"JPM{row}" for row in range(1, count)}


@pytest.mark.postgres
@pytest.mark.parametrize("store", DATABASES[1:], indirect=True)
def test_a_database_that_goes_away_under_many_new_rows_is_away(store: Store) -> None:
    def write(rows: int, *, cut_off: bool) -> None:
        with store.write() as unit:
            if cut_off:
                mine = unit.connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                with store.bookkeeping() as other:
                    other.execute(text("SELECT pg_terminate_backend(:mine)"), {"mine": mine})
            insert(unit.connection, sensitivities, *batch("AAPL", rows, 1.0, 1))

    with pytest.raises(StoreUnavailable):
        write(20_000, cut_off=True)
    write(100, cut_off=False)
    with store.read() as connection:
        assert len(stored(connection, "revision")) == 100
