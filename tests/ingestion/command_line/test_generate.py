"""Generated messages are valid, newer than what is known, the same from the same seed, and arrive at a real broker."""

import json
import os
import re
import signal
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import typer.main
from click.testing import Result
from typer.testing import CliRunner

from engine.trading_calendar import is_trading_day
from ingestion.commands.generate import app
from ingestion.generate.market import Market, NoMarket, read_market
from ingestion.generate.quotes import random_quotes
from ingestion.generate.trades import listed_expiries, random_trades
from launch.kafka_broker import Broker, free_port
from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.records.read_message import read_message
from services.writes.apply_incoming import apply_incoming
from storage.book.records import read_plain_records
from storage.connection.settings import settings
from storage.core.database import Store
from storage.market.quotes import Quote, last_observation, newest_as_of
from tests.fixtures.applying import apply_quotes
from tests.fixtures.databases import DATA
from tests.fixtures.kafka import everything_in, fresh_topic

ROOT = Path(__file__).resolve().parents[3]
MONDAY_OPEN = datetime(2020, 3, 9, 13, 30, tzinfo=UTC)
MARKET = Market(date(2020, 3, 9), MONDAY_OPEN, {"AAPL": 68.0, "RRC": 2.1, "UNH": 270.0}, ("VOL", "FLOW"))
LATEST = datetime(2020, 3, 10, tzinfo=UTC)
PATIENCE = 25.0


@pytest.fixture
def empty_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The commands work on a store that is not there yet."""
    url = f"sqlite:///{tmp_path / 'board.sqlite'}"
    monkeypatch.setenv("DATABASE_URL", url)
    settings.cache_clear()
    yield url
    settings.cache_clear()


@pytest.fixture
def demo_board(sqlite_demo_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """The commands work on a store with the demo book."""
    monkeypatch.setenv("DATABASE_URL", sqlite_demo_url)
    settings.cache_clear()
    store = Store(sqlite_demo_url)
    yield store
    store.close()
    settings.cache_clear()


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], catch_exceptions=False)


def generated(*arguments: object) -> list[dict[str, Any]]:
    """The messages of a run to standard output."""
    done = run(*arguments, "--to", "stdout", "--rate", "max")
    assert done.exit_code == 0, done.output
    return [json.loads(line) for line in done.stdout.splitlines()]


def taken(messages: list[dict[str, Any]], kind: str, latest: datetime = LATEST) -> Incoming:
    """The messages as the Kafka feed reads them."""
    found = Incoming()
    for message in messages:
        found.extend(read_message(json.dumps(message).encode(), kind, json.loads, latest))
    return found


class TestTrades:
    def test_they_are_valid_and_near_what_is_traded(self) -> None:
        messages = list(islice(random_trades(MARKET, 7, 0.0), 500))
        trades = taken(messages, "trades").records["trades"]
        assert len({trade["trade_id"] for trade in trades}) == 500
        assert {trade["ticker"] for trade in trades} == set(MARKET.spots)
        assert {trade["book"] for trade in trades} == set(MARKET.books)
        assert {trade["option_type"] for trade in trades} == {"call", "put"}
        assert {trade["quantity"] > 0 for trade in trades} == {True, False}
        for trade in trades:
            assert 0.4 * MARKET.spots[trade["ticker"]] < trade["strike"] < 2 * MARKET.spots[trade["ticker"]]
            assert trade["maturity"] > MARKET.as_of
            assert is_trading_day(trade["maturity"])

    def test_they_have_the_fields_of_the_article_and_a_style_where_one_is_asked_for(self) -> None:
        articles = ["AsOfDate", "TradeId", "Ticker", "Book", "Product", "Quantity", "Strike", "Maturity", "OptionType"]
        plain = next(random_trades(MARKET, 7, 0.0))
        assert list(plain) == [*articles, "MarketValue"]
        assert 150 < len(json.dumps(plain, separators=(",", ":"))) < 250
        styles = [trade["ExerciseStyle"] for trade in islice(random_trades(MARKET, 7, 0.25), 400)]
        assert set(styles) == {"American", "European"}
        assert 50 < styles.count("American") < 150

    def test_a_seed_makes_the_same_ones_again_and_no_other_seed_the_same_numbers(self) -> None:
        def some(seed: int | None) -> list[dict[str, Any]]:
            return list(islice(random_trades(MARKET, seed, 0.5), 20))

        assert some(1) == some(1)
        runs = [{trade["TradeId"] for trade in some(seed)} for seed in (1, 2, None, None)]
        assert len(set.union(*runs)) == 80

    def test_expiries_are_listed_ones(self) -> None:
        found = listed_expiries(date(2020, 3, 9))
        assert found[:3] == [date(2020, 4, 17), date(2020, 5, 15), date(2020, 6, 19)]
        assert found[-1] == date(2022, 3, 18)
        good_friday_is_the_third_friday = date(2022, 4, 14)
        assert good_friday_is_the_third_friday in listed_expiries(date(2022, 3, 9))

    def test_on_the_demo_all_are_new_and_priced(self, demo_board: Store) -> None:
        incoming = taken(generated("trades", "--count", "50", "--seed", "3"), "trades")
        applied = apply_incoming(demo_board, PricingState(), incoming, source="test")
        counts = applied.of("trades")
        assert (counts.new, counts.changed, counts.refused) == (50, 0, 0)
        with demo_board.read() as connection:
            ids = {record["trade_id"] for record in incoming.records["trades"]}
            books = {record["book"] for record in read_plain_records(connection, "books")}
            priced = connection.exec_driver_sql(
                "SELECT trade_id FROM sensitivities WHERE trade_id LIKE 'G%' AND market_value IS NOT NULL"
            )
            assert {row[0] for row in priced} == ids
        assert {record["book"] for record in incoming.records["trades"]} <= books


class TestQuotes:
    def test_each_goes_on_from_the_last_of_its_underlying(self) -> None:
        apart = timedelta(seconds=2)
        messages = list(islice(random_quotes(MARKET, 7, apart, lambda: datetime.now(UTC)), 300))
        quotes = taken(messages, "quotes").quotes
        assert [quote.observed_at for quote in quotes] == [MONDAY_OPEN + apart * place for place in range(300)]
        assert {quote.as_of_date for quote in quotes} == {MARKET.as_of}
        for quote in quotes:
            assert quote.quote == pytest.approx(MARKET.spots[quote.instrument], rel=0.1)
        walks: dict[str, set[float]] = defaultdict(set)
        for quote in quotes:
            walks[quote.instrument].add(quote.quote)
        assert len(walks["AAPL"]) > 5

    def test_they_do_not_pass_the_clock(self) -> None:
        now = MONDAY_OPEN + timedelta(seconds=3)
        messages = islice(random_quotes(MARKET, 7, timedelta(seconds=2), lambda: now), 5)
        seconds = [message["AsOfDate"][17:19] for message in messages]
        assert seconds == ["00", "02", "03", "03", "03"]

    def test_on_the_demo_none_is_late_or_refused(self, demo_board: Store) -> None:
        with demo_board.read() as connection:
            before = newest_as_of(connection)
        for _ in range(2):  # the second run goes on from the first
            quotes = taken(generated("quotes", "--count", "200"), "quotes", datetime.now(UTC)).quotes
            applied = apply_incoming(demo_board, PricingState(), Incoming(quotes=quotes), source="test")
            counts = applied.of("quotes")
            assert (counts.late, counts.refused) == (0, 0)
        with demo_board.read() as connection:
            assert newest_as_of(connection) == before, "the demo's last date goes on"
            observed = last_observation(connection, date(2020, 3, 6))
        assert observed is not None
        assert observed.tzinfo is not None
        assert observed.date() == date(2020, 3, 6)


class TestMarket:
    def test_an_empty_store_knows_what_the_demo_knows(self, store: Store) -> None:
        market = read_market(store, DATA)
        assert market.as_of == date(2020, 3, 6)
        assert market.moment == datetime(2020, 3, 6, 14, 30, tzinfo=UTC)
        assert market.spots["AAPL"] == pytest.approx(70.75, abs=0.01)
        assert len(market.spots) == len(market.books) == 20

    def test_what_the_store_knows_comes_first(self, store: Store) -> None:
        at = datetime(2020, 3, 9, 20, 0, 30, 500_000, tzinfo=UTC)
        known = [
            Quote(date(2020, 3, 6), "MSFT", 160.0, at - timedelta(days=3)),
            Quote(date(2020, 3, 9), "AAPL", 68.0, at),
        ]
        apply_quotes(store, PricingState(), known, source="test")
        market = read_market(store, DATA)
        assert market.spots == {"AAPL": 68.0, "MSFT": 160.0}
        assert market.moment == datetime(2020, 3, 9, 20, 0, 31, tzinfo=UTC)
        assert len(market.books) == 20, "it has no books: those of the demo"

    def test_a_date_without_a_session_goes_on_with_the_next(self, store: Store) -> None:
        saturday = date(2020, 3, 7)
        known = [Quote(saturday, "AAPL", 68.0, datetime(2020, 3, 7, tzinfo=UTC))]
        apply_quotes(store, PricingState(), known, source="test")
        assert read_market(store, DATA).moment == MONDAY_OPEN

    def test_a_demo_that_is_not_there_is_told(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(NoMarket, match=r"market_data_closes\.csv cannot be read"):
            read_market(store, tmp_path)


class TestCommand:
    def test_lines_go_to_standard_output_and_nothing_else(self, empty_board: str) -> None:
        messages = generated("trades", "--count", "3", "--seed", "1", "--american", "1")
        assert [message["ExerciseStyle"] for message in messages] == ["American"] * 3
        assert messages == generated("trades", "--count", "3", "--seed", "1", "--american", "1")

    @pytest.mark.parametrize("rate", ["fast", "-1", "nan", "inf"])
    def test_a_rate_that_makes_no_sense_is_told(self, rate: str, empty_board: str) -> None:
        done = run("quotes", f"--rate={rate}")
        assert done.exit_code == 2
        assert f"it is '{rate}'" in done.stderr

    def test_no_broker_is_told_with_what_to_do(self, empty_board: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ingestion.generate.send_messages._SECONDS_TO_CONNECT", 0.5)
        at = f"127.0.0.1:{free_port()}"
        done = run("trades", "--count", "1", "--bootstrap", at)
        assert done.exit_code == 2
        assert done.stderr.splitlines() == [
            f"No Kafka broker answers at {at}: start one (python -m launch.kafka_broker), "
            "or name another with --bootstrap."
        ]

    def test_every_option_is_documented(self) -> None:
        text = (ROOT / "docs" / "kafka.md").read_text(encoding="utf-8")
        section = text[text.index("\n## Random messages\n") : text.index("\n## Topics and messages\n")]
        documented = set(re.findall(r"^\| `(--[a-z]+)`", section, re.MULTILINE))
        known = {
            option
            for command in typer.main.get_command(app).commands.values()  # type: ignore[attr-defined]
            for parameter in command.params
            for option in parameter.opts
        }
        assert documented == known


@pytest.mark.kafka
class TestKafka:
    @pytest.fixture(autouse=True)
    def _patient(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The broker is there, however busy it is."""
        monkeypatch.setattr("ingestion.generate.send_messages._SECONDS_TO_CONNECT", PATIENCE)

    def test_they_arrive_whole_and_each_key_in_its_order(self, broker: Broker, empty_board: str) -> None:
        topic = fresh_topic(broker, partitions=3)
        options = ["quotes", "--count", "3000", "--rate", "max", "--seed", "5"]
        done = run(*options, "--topic", topic, "--bootstrap", broker.bootstrap)
        assert done.exit_code == 0, done.output
        assert done.stdout.startswith(f"Sent 3\u00a0000 quotes to the topic {topic} at {broker.bootstrap} (")
        arrived: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for key, value in everything_in(broker, topic, partitions=3):
            assert key is not None
            assert value is not None
            arrived[key.decode()].append(json.loads(value))
        sent: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for message in generated(*options[:3], "--seed", "5"):
            sent[message["Instrument"]].append(message)
        assert arrived == sent

    def test_a_topic_that_is_not_there_comes_into_being(self, broker: Broker, empty_board: str) -> None:
        topic = "nobody-has-made-this-topic"
        done = run("trades", "--count", "5", "--rate", "max", "--topic", topic, "--bootstrap", broker.bootstrap)
        assert done.exit_code == 0, done.output
        assert len(everything_in(broker, topic, partitions=4)) == 5

    def test_a_name_that_no_topic_can_have_is_told(self, broker: Broker, empty_board: str) -> None:
        done = run("trades", "--count", "5", "--topic", "my trades", "--bootstrap", broker.bootstrap)
        assert done.exit_code == 2
        assert "'my trades'" in done.stderr

    @pytest.mark.skipif(os.name == "nt", reason="sends POSIX signals")
    def test_at_a_rate_until_somebody_stops_it(self, broker: Broker, empty_board: str) -> None:
        topic = fresh_topic(broker)
        code = (
            "import ingestion.generate.send_messages; from ingestion.commands.generate import app; "
            f"ingestion.generate.send_messages._SECONDS_TO_CONNECT = {PATIENCE}; app()"
        )
        options = ["trades", "--rate", "40", "--topic", topic, "--bootstrap", broker.bootstrap]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *options], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        while len(everything_in(broker, topic)) < 20:
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
        assert (process.returncode, err) == (0, "")
        count = len(everything_in(broker, topic))
        assert out.startswith(f"Sent {count} trades to the topic {topic}")
        a_second = int(out.partition("(")[2].partition(" ")[0])
        assert a_second <= 40 * count / (count - 1) + 1, "the first one waits for nobody"
