"""The demo files are what the script makes, and they keep what data/README.md says of them."""

import csv
from datetime import UTC, date, datetime, time
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from QuantLib import Date, UnitedStates

from data import make_demo as demo
from data.demo_trades import AMERICAN_SHARE, Trade, black_scholes_delta, strike_step
from data.price_history import read_price_history

FOLDER = Path(demo.__file__).parent
LAST_CLOSE_BEFORE = date(2020, 3, 6)
NEW_YORK = ZoneInfo("America/New_York")

Rows = list[dict[str, str]]


def rows_of(name: str) -> Rows:
    with (FOLDER / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def closes() -> dict[date, dict[str, str]]:
    rows = rows_of("sp500_daily_close.csv")
    return {date.fromisoformat(row.pop("Date")): row for row in rows}


@pytest.fixture(scope="module")
def sessions() -> dict[date, Rows]:
    by_day: dict[date, Rows] = {}
    for row in rows_of("stock_price_tick_data.csv"):
        by_day.setdefault(date.fromisoformat(row["AsOfDate"][:10]), []).append(row)
    return by_day


@pytest.fixture(scope="module")
def trades() -> Rows:
    return rows_of("trades.csv")


@pytest.fixture(scope="module")
def options(trades: Rows) -> Rows:
    return [row for row in trades if row["Product"] == "EQ_Option"]


def prices(row: dict[str, str]) -> dict[str, str]:
    return {ticker: price for ticker, price in row.items() if ticker != "AsOfDate" and price}


@pytest.fixture(scope="module")
def made_again(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    demo.make_demo(folder)
    return folder


@pytest.mark.parametrize("name", demo.FILES)
def test_the_script_makes_the_committed_bytes(name: str, made_again: Path) -> None:
    assert (made_again / name).read_bytes() == (FOLDER / name).read_bytes()


def test_the_script_makes_every_file_but_the_source(made_again: Path) -> None:
    assert {path.name for path in made_again.iterdir()} == set(demo.FILES)
    assert {path.name for path in FOLDER.glob("*.csv")} == {*demo.FILES, "sp500_daily_close.csv"}


class TestTicks:
    def test_sessions_are_the_trading_days_of_the_new_york_calendar(self, sessions: dict[date, Rows]) -> None:
        calendar = UnitedStates(UnitedStates.NYSE)
        fortnight = [date(2020, 3, day) for day in range(9, 21)]
        expected = [day for day in fortnight if calendar.isBusinessDay(Date(day.day, day.month, day.year))]
        assert list(sessions) == expected
        assert len(sessions) == 10

    def test_every_minute_from_the_opening_to_the_close_in_summer_time(self, sessions: dict[date, Rows]) -> None:
        for rows in sessions.values():
            stamps = [datetime.strptime(row["AsOfDate"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC) for row in rows]
            assert stamps[0].astimezone(NEW_YORK).time() == time(9, 30)
            assert stamps[0].time() == time(13, 30)
            assert stamps[-1].astimezone(NEW_YORK).time() == time(16, 0)
            assert {(after - before).seconds for before, after in pairwise(stamps)} == {60}

    def test_the_last_tick_of_a_session_is_the_real_close_of_every_share(
        self, sessions: dict[date, Rows], closes: dict[date, dict[str, str]]
    ) -> None:
        for day, rows in sessions.items():
            assert prices(rows[-1]) == closes[day]

    def test_a_session_opens_between_the_two_closes_or_near_them(
        self, sessions: dict[date, Rows], closes: dict[date, dict[str, str]]
    ) -> None:
        days = [LAST_CLOSE_BEFORE, *sessions]
        for before, day in pairwise(days):
            opening = prices(sessions[day][0])
            assert len(opening) >= 8
            for ticker, price in opening.items():
                ends = sorted((float(closes[before][ticker]), float(closes[day][ticker])))
                assert 0.82 * ends[0] < float(price) < 1.18 * ends[1], (day, ticker)

    def test_ticks_are_cents_and_half_of_the_cells_are_filled(self, sessions: dict[date, Rows]) -> None:
        inner = [row for rows in sessions.values() for row in rows[:-1]]
        for row in inner:
            assert prices(row)
            assert all(len(price.split(".")[1]) == 2 and float(price) > 0 for price in prices(row).values())
        assert 0.4 < np.mean([len(prices(row)) for row in inner]) / 20 < 0.6

    def test_liquid_shares_tick_more_often(self, sessions: dict[date, Rows]) -> None:
        ticks = [ticker for rows in sessions.values() for row in rows for ticker in prices(row)]
        assert ticks.count("AAPL") > 1.5 * ticks.count("PEP") > ticks.count("RRC")

    def test_minute_moves_have_the_size_of_the_real_volatility(self, sessions: dict[date, Rows]) -> None:
        """A fortnight of squared minute moves of AAPL, without the nights, against its volatility parameters."""
        squares = 0.0
        for rows in sessions.values():
            path = np.log([float(row["AAPL"]) for row in rows if row["AAPL"]])
            squares += float((np.diff(path) ** 2).sum())
        realised = np.sqrt(squares / len(sessions) / 0.75 * 252)
        implied = [float(r["ImpliedVol"]) for r in rows_of("pricing_parameters.csv") if r["Ticker"] == "AAPL"]
        assert 0.8 * min(implied) < realised < 1.6 * max(implied)


def test_closes_are_the_real_ones_up_to_the_day_before_the_replay(closes: dict[date, dict[str, str]]) -> None:
    rows = rows_of("market_data_closes.csv")
    wanted = {(day.isoformat(), ticker): price for day, row in closes.items() for ticker, price in row.items()}
    found = {(row["AsOfDate"], row["Instrument"]): row["Quote"] for row in rows}
    assert len(found) == len(rows)
    assert found == {key: price for key, price in wanted.items() if "2019-01-02" <= key[0] <= "2020-03-06"}


def test_parameters_are_there_for_every_share_and_day_and_use_earlier_closes_only(sessions: dict[date, Rows]) -> None:
    rows = rows_of("pricing_parameters.csv")
    tickers = [ticker for ticker in next(iter(sessions.values()))[0] if ticker != "AsOfDate"]
    days = [LAST_CLOSE_BEFORE, *sessions]
    assert [(row["AsOfDate"], row["Ticker"]) for row in rows] == [(d.isoformat(), t) for d in days for t in tickers]
    history = read_price_history(FOLDER / "sp500_daily_close.csv")
    for row in rows:
        returns = history.log_returns_before(date.fromisoformat(row["AsOfDate"]))[:, tickers.index(row["Ticker"])]
        newest_first = returns[::-1]
        weights = 0.94 ** np.arange(len(returns))
        recent = np.sqrt((weights * newest_first**2).sum() / weights.sum())
        expected = np.clip((recent + np.sqrt((newest_first[:252] ** 2).mean())) / 2 * np.sqrt(252), 0.12, 1.20)
        assert float(row["ImpliedVol"]) == pytest.approx(expected, abs=6e-5)
        assert 0 < float(row["RiskFreeRate"]) <= 0.006
        assert 0 <= float(row["DividendYield"]) < 0.08
    assert history.dates[history.row(LAST_CLOSE_BEFORE) - 1] == date(2020, 3, 5)
    moved = history.log_returns_before(LAST_CLOSE_BEFORE)[-1]
    at = history.row(date(2020, 3, 5))
    np.testing.assert_allclose(moved, np.log(history.closes[at] / history.closes[at - 1]))


class TestTrades:
    def test_ten_thousand_with_numbers_of_their_own(self, trades: Rows) -> None:
        assert [row["TradeId"] for row in trades] == [f"T{number:05d}" for number in range(1, 10_001)]

    def test_books_and_shares_are_known(self, trades: Rows) -> None:
        books, instruments = rows_of("books.csv"), rows_of("instruments.csv")
        assert {row["Book"] for row in trades} == {row["Book"] for row in books}
        assert {row["Ticker"] for row in trades} == {row["Ticker"] for row in instruments}
        assert len(books) == 20
        assert len(instruments) == 21
        assert {row["Region"] for row in books} == {"Americas", "EMEA", "Asia Pacific"}

    def test_options_are_whole(self, options: Rows) -> None:
        for row in options:
            assert float(row["Strike"]) > 0
            assert date.fromisoformat(row["Maturity"])
            assert row["OptionType"] in {"call", "put"}
            assert row["ExerciseStyle"] in {"European", "American"}
            assert row["ContractMultiplier"] == "100"
            assert int(row["Quantity"]) != 0

    def test_shares_have_no_option_terms(self, trades: Rows) -> None:
        stocks = [row for row in trades if row["Product"] == "EQ_Stock"]
        assert 120 <= len(stocks) <= 170
        for row in stocks:
            terms = [row[column] for column in ("Strike", "Maturity", "OptionType", "ExerciseStyle")]
            assert terms == ["", "", "", ""]
            assert row["ContractMultiplier"] == "1"
            assert int(row["Quantity"]) % 100 == 0
            assert int(row["Quantity"]) != 0

    def test_shares_of_calls_of_longs_and_of_american_ones(self, options: Rows) -> None:
        count = len(options)
        assert 0.47 < sum(row["OptionType"] == "call" for row in options) / count < 0.53
        assert 0.45 < sum(int(row["Quantity"]) > 0 for row in options) / count < 0.55
        american = sum(row["ExerciseStyle"] == "American" for row in options) / count
        assert american == pytest.approx(AMERICAN_SHARE, abs=0.015)

    def test_strikes_stand_on_the_listed_steps(self, options: Rows, closes: dict[date, dict[str, str]]) -> None:
        for row in options:
            if row["Ticker"] != "OXY":
                step = strike_step(float(closes[LAST_CLOSE_BEFORE][row["Ticker"]]))
                assert float(row["Strike"]) % step == 0, row

    def test_maturities_are_days_on_which_options_expire(self, options: Rows) -> None:
        calendar = UnitedStates(UnitedStates.NYSE)
        for maturity in {date.fromisoformat(row["Maturity"]) for row in options}:
            day = Date(maturity.day, maturity.month, maturity.year)
            assert calendar.isBusinessDay(day)
            holiday_friday = maturity.weekday() == 3 and not calendar.isBusinessDay(day + 1)
            assert maturity.weekday() == 4 or holiday_friday, maturity

    def test_a_few_expire_inside_the_fortnight_and_most_later(self, options: Rows) -> None:
        maturities = [row["Maturity"] for row in options]
        assert 10 < maturities.count("2020-03-13") < 100
        assert 10 < maturities.count("2020-03-20") < 200
        assert sum(maturity >= "2020-04-06" for maturity in maturities) > 0.9 * len(maturities)
        assert max(maturities) < "2022-02-01"

    def test_statuses(self, trades: Rows) -> None:
        statuses = [row["TradeStatus"] for row in trades]
        assert statuses.count("Terminated") == 36
        assert statuses.count("Live") == 10_000 - 36

    def test_seven_cannot_be_priced(self, trades: Rows) -> None:
        expired = [row for row in trades if row["Maturity"] and row["Maturity"] <= LAST_CLOSE_BEFORE.isoformat()]
        unquoted = [row for row in trades if row["Ticker"] == "OXY"]
        assert (len(expired), len(unquoted)) == (3, 4)
        assert {row["TradeStatus"] for row in expired + unquoted} == {"Live"}

    def test_hedges_take_away_most_of_the_delta_of_their_book(
        self, trades: Rows, closes: dict[date, dict[str, str]]
    ) -> None:
        history = read_price_history(FOLDER / "sp500_daily_close.csv")
        live = [
            row
            for row in trades
            if row["TradeStatus"] == "Live"
            and row["Ticker"] != "OXY"
            and (not row["Maturity"] or row["Maturity"] > LAST_CLOSE_BEFORE.isoformat())
        ]
        options = [row for row in live if row["Product"] == "EQ_Option"]
        as_trades = [
            Trade(
                ticker=row["Ticker"],
                book=row["Book"],
                quantity=int(row["Quantity"]),
                strike=float(row["Strike"]),
                maturity=date.fromisoformat(row["Maturity"]),
                option_type=row["OptionType"],
            )
            for row in options
        ]
        delta = {row["TradeId"]: d for row, d in zip(options, black_scholes_delta(as_trades, history), strict=True)}
        before: dict[tuple[str, str], float] = {}
        hedge: dict[tuple[str, str], float] = {}
        for row in live:
            pair = (row["Book"], row["Ticker"])
            side = before if row["Product"] == "EQ_Option" else hedge
            shares = int(row["Quantity"]) * int(row["ContractMultiplier"]) * delta.get(row["TradeId"], 1.0)
            side[pair] = side.get(pair, 0.0) + shares * float(closes[LAST_CLOSE_BEFORE][row["Ticker"]])
        for pair, cash in hedge.items():
            lot = 100 * float(closes[LAST_CLOSE_BEFORE][pair[1]])
            assert abs(before[pair] + cash) < 0.16 * abs(before[pair]) + lot, pair
        assert 20 - len({book for book, _ in hedge}) == 3, "most books are hedged, three are not"
        total = sum(before.values())
        assert abs(total + sum(hedge.values())) < 0.6 * abs(total)
        assert 5e7 < total + sum(hedge.values()) < 3e8
