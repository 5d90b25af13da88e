"""The one rule of every search, in the store and in the browser: each word somewhere in the row."""

import json
import subprocess
from datetime import date
from pathlib import Path

import pytest

from launch.components import is_ci
from launch.script_checks import find_node
from services.pricing.pricing_state import PricingState
from storage.core.database import Store
from storage.people.audit import AuditEntry, AuditFilter, append_audit, read_audit
from storage.read_models.trade_list import TradeFilter, TradePage, list_trades, matching_trades
from tests.fixtures.applying import change_records
from tests.fixtures.small_book import MONDAY, stock, trade

ROOT = Path(__file__).parent.parent.parent
WORDS_JS = ROOT / "live" / "assets" / "dom" / "words.js"
FOUND = """const { hasEvery, wordsOf } = await import(process.argv[1]);
const [rows, texts] = JSON.parse(process.argv[2]);
const found = texts.map((text) => rows.filter((row) => hasEvery(wordsOf(text), row)).map(([id]) => id));
console.log(JSON.stringify(found));"""
TRADES = [
    trade("T-1", option_type="put", maturity=date(2021, 1, 15)),
    trade("T-2", option_type="call", maturity=date(2021, 1, 15), strike=72.5),
    trade("T-3", ticker="MSFT", option_type="put", maturity=date(2020, 6, 3), strike=1150.0, book="Müller_ÉTÉ"),
    stock("T-4", trade_status="Terminated", book="EQ_PUT_SELLERS"),
]
EVERY = {"T-1", "T-2", "T-3", "T-4"}
SEARCHES: list[tuple[str, set[str]]] = [
    ("", EVERY),
    ("   ", EVERY),
    ("AAPL put", {"T-1", "T-4"}),
    ("put aapl", {"T-1", "T-4"}),
    ("  aapl\t 70 ", {"T-1"}),
    ("jan 21", {"T-1", "T-2"}),
    ("21 JAN call aapl", {"T-2"}),
    ("72.5", {"T-2"}),
    ("72.50", set()),
    ("03 jun", {"T-3"}),
    ("1150 msft", {"T-3"}),
    ("AAPL Jan 21 70 put", {"T-1"}),
    ("stock", {"T-4"}),
    ("aapl stock terminated", {"T-4"}),
    ("live t-", {"T-1", "T-2", "T-3"}),
    ("put put", {"T-1", "T-3", "T-4"}),
    ("vol_hed call", {"T-2"}),
    ("vol%hed", set()),
    ("a_pl", set()),
    ("müller été", {"T-3"}),
    ("MÜLLER Été", {"T-3"}),
    ("AAPL MSFT", set()),
    ("' OR 1=1 --", set()),
    ("\\", set()),
]


@pytest.fixture
def searched(store: Store, state: PricingState) -> Store:
    change_records(store, state, "trades", TRADES, source="file")
    return store


def test_the_words_of_a_search_stand_anywhere_in_a_trade(searched: Store) -> None:
    with searched.read() as connection:
        found = {text: set(matching_trades(connection, TradeFilter(text=text))) for text, _ in SEARCHES}
    assert found == dict(SEARCHES)


def test_each_word_of_what_is_listed_finds_its_trade(searched: Store) -> None:
    with searched.read() as connection:
        listed = list_trades(connection, TradeFilter(), MONDAY, TradePage(10))
        for _, row in listed.iterrows():
            shown = f"{row['source']} {row['trade_status']} {row['contract']} {row['book']} {row['maturity'] or ''}"
            assert row["trade_id"] in matching_trades(connection, TradeFilter(text=shown)), shown


def test_the_browser_finds_the_same(searched: Store) -> None:
    node = find_node()
    if node is None:
        (pytest.fail if is_ci() else pytest.skip)("Node is missing: the rule of the browser was not compared")
    with searched.read() as connection:
        listed = list_trades(connection, TradeFilter(), MONDAY, TradePage(10))
    rows = [[row["trade_id"], row["contract"], row["book"], row["trade_status"]] for _, row in listed.iterrows()]
    given = json.dumps([rows, [text for text, _ in SEARCHES]])
    command = [str(node), "--input-type=module", "--eval", FOUND, WORDS_JS.as_uri(), given]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert [(text, set(ids)) for (text, _), ids in zip(SEARCHES, found, strict=True)] == SEARCHES


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max terminated", {"T1"}),
        ("booked T1 twice", {"T1"}),
        ("granted ana", {"Ana"}),
        ("admin ana", {"Ana"}),
        ("twice ana", set()),
    ],
)
def test_the_words_of_a_search_stand_anywhere_in_an_entry_of_the_audit(
    store: Store, text: str, expected: set[str]
) -> None:
    with store.write() as unit:
        status = {"trade_status": "Live"}, {"trade_status": "Terminated"}
        append_audit(unit, [AuditEntry("Max", "set status", "trade", "T1", *status, "Booked twice", "")])
        append_audit(unit, [AuditEntry("Ada", "granted role", "person", "Ana", None, {"role": "admin"}, "", "")])
    with store.read() as connection:
        assert {each.entry.subject_key for each in read_audit(connection, AuditFilter(text=text))} == expected
