"""The demo replays the real fortnight from end to end, in two sittings.

On SQLite with every tick of the demo, on PostgreSQL with every fifth minute: as many days, and the same closes.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import pandas as pd
import pytest
from sqlalchemy import func, select

from engine.model import NotPriced
from engine.trading_calendar import session
from ingestion.sidecar.replay import TickRow, read_ticks
from services.records.how_many import grouped
from storage.book.records import read_records
from storage.core.database import Store
from storage.core.schema import quote_versions, quotes
from storage.feeds.feeds import FeedState
from storage.read_models.read_models import as_of_dates, failures_frame, sensitivities_frame
from tests.fixtures.databases import DATA, DATABASES, Templates, load_demo_book, server_of
from tests.fixtures.store_contents import contents
from tests.fixtures.ticks import DEMO_TICKS, demo_part
from tests.ingestion.running import feed_of, play_to_the_end

WITHOUT_A_QUOTE = "OXY"


@dataclass(frozen=True)
class Fortnight:
    """The store after the replay, what was played, and what earlier days were when the sixth had begun.

    values, failed: the frames of each day.
    """

    store: Store
    rows: list[TickRow]
    days: list[date]
    closed: dict[str, str]
    values: dict[date, pd.DataFrame]
    failed: dict[date, pd.DataFrame]


@pytest.fixture(scope="module", params=DATABASES)
def fortnight(
    request: pytest.FixtureRequest, templates: Templates, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Fortnight]:
    store = Store(templates.copy(request.param, "demo", load_demo_book, server_of(request)))
    file = tmp_path_factory.mktemp("ticks") / "ticks.csv"
    rows = read_ticks(DEMO_TICKS if request.param == "sqlite" else demo_part(file, days=10, every=5))
    days = sorted({row.as_of_date for row in rows})
    play_to_the_end(store, rows[: int(len(rows) * 0.53)])
    closed = contents(store, before=days[5], with_revision=True)
    play_to_the_end(store, rows)
    with store.read() as connection:
        values = {day: sensitivities_frame(connection, day) for day in days}
        failed = {day: failures_frame(connection, day) for day in days}
    yield Fortnight(store, rows, days, closed, values, failed)
    store.close()


@pytest.fixture(scope="module")
def closes() -> dict[date, dict[str, float]]:
    """The real ones: day -> ticker -> close."""
    with (DATA / "sp500_daily_close.csv").open(encoding="utf-8", newline="") as file:
        return {
            date.fromisoformat(row.pop("Date")): {ticker: float(close) for ticker, close in row.items()}
            for row in csv.DictReader(file)
        }


def test_it_ends_and_says_so(fortnight: Fortnight) -> None:
    feed, count = feed_of(fortnight.store), grouped(len(fortnight.rows))
    assert (feed.state, feed.owner, feed.detail) == (FeedState.ENDED, None, f"tick row {count} of {count}")
    assert (feed.late_quotes, feed.rejected) == (0, 0)


def test_every_day_has_values_and_no_other(fortnight: Fortnight) -> None:
    with fortnight.store.read() as connection:
        valued = as_of_dates(connection)
    before = [date(2020, 3, day) for day in range(2, 7)]  # the newest closes of the demo's history
    assert sorted(valued) == [*before, *fortnight.days]


def test_the_quotes_of_every_day_are_its_real_closes(
    fortnight: Fortnight, closes: dict[date, dict[str, float]]
) -> None:
    with fortnight.store.read() as connection:
        for day in fortnight.days:
            query = select(quotes.c.instrument, quotes.c.quote).where(quotes.c.as_of_date == day)
            assert {row.instrument: row.quote for row in connection.execute(query)} == closes[day]


def test_every_trade_is_valued_at_the_close_of_its_underlying(
    fortnight: Fortnight, closes: dict[date, dict[str, float]]
) -> None:
    for day in fortnight.days:
        frame = fortnight.values[day]
        assert (frame["spot"] == frame["risk_factor"].map(closes[day])).all()
        assert set(frame["observed_at"]) == {session(day)[1]}
        assert set(frame["parameters_source"]) == {day.isoformat()}


def test_every_close_is_frozen_when_the_next_day_begins(fortnight: Fortnight) -> None:
    assert contents(fortnight.store, before=fortnight.days[5], with_revision=True) == fortnight.closed


def test_every_tick_is_kept(fortnight: Fortnight) -> None:
    with fortnight.store.read() as connection:
        query = select(func.count()).where(quote_versions.c.as_of_date >= fortnight.days[0])
        kept = connection.execute(query).scalar_one()
    assert kept == sum(len(row.quotes) for row in fortnight.rows)


def test_every_live_trade_has_either_a_value_or_a_reason(fortnight: Fortnight) -> None:
    with fortnight.store.read() as connection:
        trades = read_records(connection, "trades")
    live = set(trades.loc[trades["trade_status"] == "Live", "trade_id"])
    for day in fortnight.days:
        failed = fortnight.failed[day]
        assert sorted([*fortnight.values[day]["trade_id"], *failed["trade_id"]]) == sorted(live)
        assert set(failed["reason"]) == {NotPriced.EXPIRED, NotPriced.NO_QUOTE}
        assert failed["detail"].str.len().min() > 0
        assert set(failed.loc[failed["reason"] == NotPriced.NO_QUOTE, "ticker"]) == {WITHOUT_A_QUOTE}


def test_an_option_lives_through_the_day_of_its_maturity_and_expires_the_day_after(fortnight: Fortnight) -> None:
    with fortnight.store.read() as connection:
        trades = read_records(connection, "trades")
    trades = trades[(trades["trade_status"] == "Live") & (trades["ticker"] != WITHOUT_A_QUOTE)]
    maturity = trades["maturity"].dt.date
    seen = 0
    for day in fortnight.days:
        failed = fortnight.failed[day]
        expired = failed[(failed["reason"] == NotPriced.EXPIRED) & (failed["ticker"] != WITHOUT_A_QUOTE)]
        assert set(expired["trade_id"]) == set(trades.loc[maturity < day, "trade_id"])
        matures = set(trades.loc[maturity == day, "trade_id"])
        assert matures <= set(fortnight.values[day]["trade_id"])
        seen += len(matures)
    assert seen > 0, "the demo has options that mature within the fortnight"
