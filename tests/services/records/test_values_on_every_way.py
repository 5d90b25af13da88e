"""A value means the same on every way in: what is refused names its column, its value, the reason and how to fix it."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from storage.core.database import Store
from storage.core.schema import instruments, pricing_parameters, quotes, trades
from storage.read_models.read_models import failures_frame
from tests.fixtures.store_contents import contents
from tests.services.records.ways_in import WAYS

pytestmark = pytest.mark.parametrize("store", ["sqlite"], indirect=True)
"""What a value means is decided before any database is asked."""

QUOTE = {"AsOfDate": "2020-03-10", "Instrument": "AAPL", "Quote": "285.5"}
TRADE = {"TradeId": "V1", "Ticker": "AAPL", "Book": "EQ_VOL_HED", "Product": "EQ_Stock", "Quantity": "10"}
OPTION = {**TRADE, "Product": "EQ_Option", "Strike": "70", "Maturity": "2020-06-19", "OptionType": "call"}
PARAMETERS = {
    "AsOfDate": "2020-03-10",
    "Ticker": "AAPL",
    "ImpliedVol": "0.4",
    "RiskFreeRate": "0.006",
    "DividendYield": "0.011",
}
INSTRUMENT = {"Ticker": "AAPL", "Name": "Apple", "Sector": "Technology", "Region": "Americas", "Currency": "USD"}
SENSITIVITY = {"AsOfDate": "2020-03-09", "TradeId": "C1", "RiskFactor": "AAPL", "MarketValue": "12"}
GOOD = {
    "quotes": QUOTE,
    "trades": TRADE,
    "parameters": PARAMETERS,
    "instruments": INSTRUMENT,
    "sensitivities": SENSITIVITY,
}

REFUSED = [
    ("quotes", "AsOfDate", "2062-03-09", "further ahead of the clock"),
    ("quotes", "AsOfDate", "2062-03-09T15:00:00Z", "further ahead of the clock"),
    ("quotes", "AsOfDate", "2099-01-01", "further ahead of the clock"),
    ("sensitivities", "AsOfDate", "2062-03-09", "further ahead of the clock"),
    (
        "quotes",
        "AsOfDate",
        "2020-04-10",
        "no session on Friday, 2020-04-10: write the trading day before it, 2020-04-09",
    ),
    ("quotes", "AsOfDate", "2020-03-14", "no session on Saturday"),
    ("quotes", "AsOfDate", "2020-03-15 00:00:00", "no session on Sunday"),
    ("sensitivities", "AsOfDate", "2020-03-07", "no session on Saturday, 2020-03-07: write the trading day before"),
    ("sensitivities", "AsOfDate", "2020-03-09 10:00:00", "has a time of day"),
    ("parameters", "ImpliedVol", "40.65", "a volatility of 4065 % a year: write 0.4065 for 40.65 %"),
    ("parameters", "ImpliedVol", "20", "write 0.2 for 20 %"),
    ("parameters", "RiskFreeRate", "60", "a rate of 6000 % a year: write 0.6 for 60 %"),
    ("parameters", "RiskFreeRate", "-5", "write -0.05 for -5 %"),
    ("parameters", "DividendYield", "2", "write 0.02 for 2 %"),
    ("parameters", "ImpliedVol", "25%", "write 0.25, which is 25 %"),
    ("parameters", "RiskFreeRate", "0.6 %", "write 0.006, which is 0.6 %"),
    ("trades", "Quantity", "(153.02)", "write -153.02, without parentheses"),
    ("quotes", "Quote", "$1.31", "write 1.31, without the currency"),
    ("trades", "Quantity", "1,000", "without thousands separators"),
    ("instruments", "Currency", "GBp", "hundredth part of a currency: write GBP, and divide"),
    ("instruments", "Currency", "GBX", "hundredth part of a currency: write GBP, and divide"),
    ("instruments", "Currency", "ZAc", "write ZAR"),
    ("instruments", "Currency", "US Dollar", "not a currency code: write the three letters"),
    ("instruments", "Currency", "$", "not a currency code"),
    *[
        ("trades", column, word, "names nothing: fill it in")
        for column, word in (
            ("Book", "nan"),
            ("Book", "NULL"),
            ("Ticker", "None"),
            ("TradeId", "<NA>"),
            ("Product", "n/a"),
        )
    ],
    ("quotes", "Instrument", "null", "names nothing"),
    ("trades", "Book", "#N/A", "an error of a spreadsheet"),
    ("trades", "Ticker", "#REF!", "an error of a spreadsheet"),
    ("trades", "Side", "Client", "not a side: write Buy or Sell"),
]


@pytest.mark.parametrize(("kind", "column", "value", "words"), REFUSED)
def test_what_cannot_be_meant_is_refused_on_every_way(
    small_store: Store, kind: str, column: str, value: str, words: str, tmp_path: Path
) -> None:
    before = contents(small_store)
    for way, take in WAYS.items():
        said = take(small_store, kind, {**GOOD[kind], column: value}, tmp_path)
        if way.endswith(("csv", "watch", "parquet", "xlsx")) and value in (
            "nan",
            "NULL",
            "None",
            "<NA>",
            "n/a",
            "null",
        ):
            assert said, way  # what writes a file may leave the cell empty for such a word
            continue
        assert len(said) == 1, (way, said)
        for part in (f"column {column}", f"'{value[:10]}", words):
            assert part in said[0], way
    assert contents(small_store) == before


def stored(store: Store, kind: str, key: str) -> Any:
    """What a table has under a name: of quotes the date, of instruments the currency, of trades the quantity."""
    queries = {
        "quotes": select(quotes.c.as_of_date).where(quotes.c.instrument == key),
        "instruments": select(instruments.c.currency).where(instruments.c.ticker == key),
        "parameters": select(pricing_parameters.c.as_of_date).where(pricing_parameters.c.ticker == key),
        "trades": select(trades.c.maturity if kind == "maturity" else trades.c.quantity).where(
            trades.c.trade_id == key
        ),
    }
    with store.read() as connection:
        return connection.execute(queries[kind]).scalars().all()


NAMES = {"quotes": "Instrument", "instruments": "Ticker", "parameters": "Ticker", "trades": "TradeId"}
TENTH = date(2020, 3, 10)
TAKEN = [
    *[
        ("quotes", {"AsOfDate": written}, TENTH)
        for written in (
            "2020-03-10",
            "2020-03-10 00:00:00",
            "2020-03-10T00:00:00",
            "2020-03-10T00:00:00.000",
            "2020-03-10T00:00",
            "2020-03-10T00:00:00-04:00",
            "2020-03-10T04:00:00Z",
        )
    ],
    ("quotes", {"AsOfDate": "2020-03-14T15:00:00Z"}, date(2020, 3, 13)),
    ("parameters", {"AsOfDate": "2020-03-10 00:00:00"}, TENTH),
    ("parameters", {"AsOfDate": "2020-03-10T00:00:00Z"}, TENTH),
    ("instruments", {"Currency": "usd"}, "USD"),
    ("instruments", {"Currency": "Gbp"}, "GBP"),
    ("trades", {"Side": "SELL"}, -10),
    ("trades", {"Side": "Sold short"[:4]}, -10),
    ("trades", {"Side": "B"}, 10),
    ("trades", {"Side": "Short", "Quantity": "-10"}, -10),
]


@pytest.mark.parametrize(("kind", "changes", "expected"), TAKEN)
def test_what_is_meant_is_the_same_on_every_way(
    small_store: Store, kind: str, changes: dict[str, str], expected: Any, tmp_path: Path
) -> None:
    for number, (way, take) in enumerate(WAYS.items()):
        key = f"W{number}" if kind != "trades" else f"T{number}"
        said = take(small_store, kind, {**GOOD[kind], NAMES[kind]: key, **changes}, tmp_path)
        assert [words for words in said if not words.startswith("warning: no instrument and no trade")] == [], way
        assert stored(small_store, kind, key) == [expected], way


@pytest.mark.parametrize("written", ["2020-03-10T00:00:00Z", "2020-03-10T00:00:00.000Z", "2020-03-10 00:00:00+01:00"])
def test_a_whole_column_of_midnights_in_a_zone_is_days_with_a_word(
    small_store: Store, written: str, tmp_path: Path
) -> None:
    for number, (way, take) in enumerate(WAYS.items()):
        said = take(small_store, "quotes", {**QUOTE, "Instrument": f"W{number}", "AsOfDate": written}, tmp_path)
        if way == "Kafka":
            continue  # a stream has no column: an instant is an instant there
        assert any("every time is midnight in its time zone" in words for words in said), way
        assert stored(small_store, "quotes", f"W{number}") == [TENTH], way


NAMES_THAT_STAY = ["NA", "BRK.B", "BF/B", "SPX Index", "#1 desk", "0012", "Nullarbor", "NAN"]


@pytest.mark.parametrize("name", NAMES_THAT_STAY)
def test_a_name_that_looks_odd_is_a_name(small_store: Store, name: str, tmp_path: Path) -> None:
    for way, take in WAYS.items():
        if name not in ("NA", "NAN") or "xlsx" not in way:
            row = {**INSTRUMENT, "Ticker": name}
            assert take(small_store, "instruments", row, tmp_path) == [], way
            assert stored(small_store, "instruments", name) == ["USD"], way


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("parameters", {"ImpliedVol": "2.5"}, "a volatility of 200 % a year or more is unusual"),
        ("parameters", {"ImpliedVol": "2"}, "a volatility of 200 % a year or more is unusual"),
        ("parameters", {"RiskFreeRate": "0.5"}, "a rate of 25 % a year or more, up or down, is unusual"),
        ("parameters", {"DividendYield": "-0.25"}, "a rate of 25 % a year or more, up or down, is unusual"),
        ("trades", {"Product": "OPT"}, "no engine prices the product OPT"),
        ("trades", {"Product": "eq_option"}, "no engine prices the product eq_option"),
    ],
)
def test_what_can_hardly_be_meant_is_taken_with_a_word(
    small_store: Store, kind: str, changes: dict[str, str], words: str, tmp_path: Path
) -> None:
    for number, (way, take) in enumerate(WAYS.items()):
        fresh = {NAMES[kind]: f"W{number}"} if kind == "parameters" else {}
        said = take(small_store, kind, {**GOOD[kind], **fresh, **changes}, tmp_path)
        assert way == "Kafka" or any(words in each and each.startswith("warning") for each in said), (way, said)


def test_a_purchase_of_a_negative_quantity_is_refused(small_store: Store, tmp_path: Path) -> None:
    for way, take in WAYS.items():
        (said,) = take(small_store, "trades", {**TRADE, "Quantity": "-10", "Side": "Buy"}, tmp_path)
        assert "column Side" in said, way
        assert "is a purchase of a negative quantity: write the quantity without a sign" in said, way


@pytest.mark.parametrize(("quantity", "multiplier"), [("1e300", "1e20"), ("-1e308", "1000"), ("1e306", "100")])
def test_a_size_that_overflows_is_named_on_every_way(
    small_store: Store, quantity: str, multiplier: str, tmp_path: Path
) -> None:
    """It is taken, as a number is one; it has no value, and the reason is its size and not an engine."""
    for number, (way, take) in enumerate(WAYS.items()):
        trade_id = f"W{number}"
        row = {**OPTION, "TradeId": trade_id, "Quantity": quantity, "ContractMultiplier": multiplier}
        assert take(small_store, "trades", row, tmp_path) == [], way
        with small_store.read() as connection:
            listed = failures_frame(connection, date(2020, 3, 9)).to_dict("records")
        (found,) = [row for row in listed if row["trade_id"] == trade_id]
        assert found["reason"] == "size too large", (way, found)
        size = f"quantity {float(quantity):g} times multiplier {float(multiplier):g} at a spot of"
        assert size in found["detail"], (way, found)
