"""Bytes to rows: what the two deserialisers take, and why everything else becomes a dead letter, in plain words."""

import json
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime
from types import ModuleType
from typing import Any

import pytest

from ingestion.deserializers import TRADE_TICKET, Rows, market_value_of_trade, trade_ticket
from services.records.how_many import NO_BREAK_SPACE
from services.records.incoming import Incoming
from services.records.read_message import (
    LARGEST_MESSAGE,
    Deserializer,
    UnknownDeserializer,
    UnreadableMessage,
    deserializer_named,
    read_message,
)
from tests.ingestion.kafka_running import ARTICLE, quote_message, ticket

NOW = datetime(2020, 7, 9, 14, 0, tzinfo=UTC)


def read(message: bytes | None, kind: str = "trades", deserialize: Deserializer = trade_ticket) -> Incoming:
    return read_message(message, kind, deserialize, NOW)


def fault(message: bytes | None, kind: str = "trades", deserialize: Deserializer = trade_ticket) -> UnreadableMessage:
    with pytest.raises(UnreadableMessage) as raised:
        read(message, kind, deserialize)
    return raised.value


class TestTradeTicket:
    def test_a_trade_with_the_articles_fields_and_ours(self) -> None:
        found = read(ticket("T1", ExerciseStyle="american", ContractMultiplier=100, TradeStatus="Live"))
        (trade,) = found.records["trades"]
        assert trade["trade_id"] == "T1"
        assert (trade["quantity"], trade["strike"], trade["maturity"]) == (45.0, 31.5, date(2022, 10, 1))
        assert (trade["option_type"], trade["exercise_style"]) == ("put", "American")
        assert len(found) == 1, "its market value and date are not rows"

    def test_the_articles_own_message_is_refused_for_its_strike(self) -> None:
        refused = fault(json.dumps(ARTICLE).encode())
        assert (refused.column, refused.value, refused.reason) == ("Strike", "-31.41249430583221", "must be above 0")

    def test_a_list_is_several_rows_and_is_taken_whole_or_not(self) -> None:
        both = b"[" + ticket("T1") + b", " + ticket("T2") + b"]"
        assert [trade["trade_id"] for trade in read(both).records["trades"]] == ["T1", "T2"]
        assert fault(b"[" + ticket("T1") + b", " + ticket("T2", Strike=0) + b"]").column == "Strike"
        assert len(read(b"[]")) == 0

    @pytest.mark.parametrize(
        ("kind", "message", "field"),
        [
            ("books", {"Book": "B", "Desk": "D", "BusinessUnit": "U", "Region": "R"}, "desk"),
            ("instruments", {"Ticker": "A", "Name": "N", "Sector": "S", "Region": "R", "Currency": "USD"}, "name"),
            (
                "parameters",
                {
                    "AsOfDate": "2020-07-09",
                    "Ticker": "A",
                    "ImpliedVol": 0.3,
                    "RiskFreeRate": 0,
                    "DividendYield": 0,
                },
                "implied_vol",
            ),
        ],
    )
    def test_static_data_come_the_same_way(self, kind: str, message: dict[str, Any], field: str) -> None:
        (record,) = read(json.dumps(message).encode(), kind).records[kind]
        assert record[field] in message.values()

    def test_white_space_and_a_byte_order_mark_do_no_harm(self) -> None:
        for message in (b" \n" + ticket() + b"\r\n ", b"\xef\xbb\xbf" + ticket(), ticket() + b"\n"):
            assert len(read(message)) == 1


class TestMarketValueOfTrade:
    def test_the_articles_message_gives_a_reported_sensitivity(self) -> None:
        found = read(json.dumps(ARTICLE).encode(), "trades", market_value_of_trade)
        assert found.records == {}
        (reported,) = found.sensitivities
        assert reported == {
            "as_of_date": date(2020, 7, 9),
            "trade_id": "New_Trd_Test",
            "risk_factor": "OXY",
            "market_value": 89.43425919208067,
        }

    @pytest.mark.parametrize("missing", ["AsOfDate", "TradeId", "MarketValue", "Ticker"])
    def test_what_it_needs_is_named_when_it_is_missing(self, missing: str) -> None:
        assert fault(ticket(**{missing: None}), "trades", market_value_of_trade).reason == (
            f"has no {missing}, which the deserializer needs"
        )

    def test_a_list_is_refused(self) -> None:
        assert fault(b"[1]", "trades", market_value_of_trade).reason == "not one trade: send a JSON object"


POISON: list[tuple[bytes | None, str, str]] = [
    (b"", "", "not JSON: Expecting value, at line 1, character 1"),
    (b"{", "", "not JSON: Expecting property name enclosed in double quotes, at line 1, character 2"),
    (ticket() + b"}", "", f"not JSON: Extra data, at line 1, character {len(ticket()) + 1}"),
    (b"hello", "", "not JSON: Expecting value, at line 1, character 1"),
    (b'{"TradeId": "\xff"}', "", "not UTF-8 text at byte 13"),
    (b"\xff\xfe{\x00}\x00", "", "not UTF-8 text at byte 0"),
    (b'{"Quantity": NaN}', "", "NaN is no number that JSON has: send a number, or leave the field out"),
    (b'{"Quantity": -Infinity}', "", "-Infinity is no number that JSON has: send a number, or leave the field out"),
    (ticket().replace(b"45", b"1e999"), "Quantity", "not a finite number: write a number or leave the row out"),
    (b"[" * 100_000, "", "nested too deeply to be read"),
    (b'{"a": ' + b"9" * 5000 + b"}", "", "the deserializer failed: ValueError, Exceeds the limit"),
    (b"42", "", "a number where rows were expected: a row is an object of names and values"),
    (b'"text"', "", "a text where rows were expected: a row is an object of names and values"),
    (b"null", "", "nothing where rows were expected: a row is an object of names and values"),
    (b"[1]", "", "a number where a row was expected: a row is an object of names and values"),
    (b"[[]]", "", "a list where a row was expected: a row is an object of names and values"),
    (ticket(Ticker=None), "Ticker", "is missing: fill it in"),
    (ticket(Ticker=""), "Ticker", "must not be empty: fill it in"),
    (ticket(Strike=-1), "Strike", "must be above 0"),
    (ticket(Strike=None), "Strike", "an option needs one: fill it in"),
    (ticket(Quantity="many"), "Quantity", "not a number"),
    (ticket(Quantity=True), "Quantity", "not a number but true or false"),
    (ticket(Ticker={"a": 1}), "Ticker", "must be a text, not an object"),
    (ticket(OptionType="straddle"), "OptionType", "must be call or put, in any letter case"),
    (ticket(Maturity="01/10/2022"), "Maturity", "not a date of the years 1901 to 2199"),
    (ticket("a\u0000b"), "TradeId", "has characters that cannot be printed"),
    (ticket("\ud800"), "TradeId", "has characters that cannot be printed"),
    (ticket("x" * 300), "TradeId", "longer than 200 characters"),
    (b" " * (LARGEST_MESSAGE + 1), "", "1\u00a0000\u00a0001 bytes, at most 1\u00a0000\u00a0000 are read"),
    (None, "", "a message without a body (a tombstone)"),
]


class TestPoison:
    @pytest.mark.parametrize(("message", "column", "reason"), POISON, ids=[reason[:40] for _, _, reason in POISON])
    def test_it_is_refused_with_the_reason(self, message: bytes | None, column: str, reason: str) -> None:
        refused = fault(message)
        assert refused.column == column
        assert refused.reason.startswith(reason)
        assert refused.reason.replace(NO_BREAK_SPACE, " ").isprintable()
        assert len(refused.reason) < 500

    def test_a_quote_far_ahead_of_the_clock_is_refused_with_its_time(self) -> None:
        assert len(read(quote_message(10.0), "quotes").quotes) == 1
        refused = fault(quote_message(10.0, "2020-07-09T14:00:01+00:00"), "quotes")
        assert (refused.column, refused.value) == ("AsOfDate", "2020-07-09T14:00:01Z")
        assert refused.reason.startswith("observed further ahead of the clock than is tolerated")


class TestDeserializersOfOthers:
    @pytest.fixture
    def module(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
        made = ModuleType("somebodys")
        monkeypatch.setitem(sys.modules, "somebodys", made)
        yield made
        deserializer_named.cache_clear()

    def test_it_is_found_by_its_name(self, module: ModuleType) -> None:
        module.mine = lambda message: json.loads(message)  # type: ignore[attr-defined]
        assert len(read(ticket(), "trades", deserializer_named("somebodys:mine"))) == 1
        assert deserializer_named(TRADE_TICKET) is trade_ticket

    @pytest.mark.parametrize("name", ["somebodys", "somebodys:", ":mine", "somebodys:theirs", "nobodys:mine", ""])
    def test_a_name_that_means_nothing_is_refused_in_one_line(self, module: ModuleType, name: str) -> None:
        with pytest.raises(UnknownDeserializer) as raised:
            deserializer_named(name)
        assert f"'{name}'" in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_rows_of_several_kinds_from_one_message(self) -> None:
        def both(message: bytes) -> list[Any]:
            return [json.loads(message), Rows("quotes", [{"AsOfDate": "2020-07-09", "Instrument": "OXY", "Quote": 17}])]

        found = read(ticket(), "trades", both)
        assert (len(found.records["trades"]), len(found.quotes)) == (1, 1)

    def test_a_generator_is_rows_and_may_fail_half_way(self) -> None:
        def good(message: bytes) -> Iterator[dict[str, Any]]:
            yield json.loads(message)

        def bad(message: bytes) -> Iterator[dict[str, Any]]:
            yield json.loads(message)
            raise LookupError("no such\nthing")

        assert len(read(ticket(), "trades", good)) == 1
        assert fault(ticket(), "trades", bad).reason == "the deserializer failed: LookupError, no such thing"

    @pytest.mark.parametrize(
        ("given", "reason"),
        [
            (None, "nothing where rows were expected"),
            (b"x", "bytes where rows were expected"),
            (7, "a number where rows were expected"),
            (object(), "a object where rows were expected"),
            ([None], "nothing where a row was expected"),
            (Rows("cats", []), "the deserializer gave rows of 'cats'"),
            ({1: 2}, "is missing: fill it in"),
        ],
    )
    def test_whatever_it_gives_never_ends_the_stream(self, given: Any, reason: str) -> None:
        assert fault(b"", "trades", lambda _: given).reason.startswith(reason)

    def test_an_error_that_says_nothing_is_named(self) -> None:
        def fails(_: bytes) -> Any:
            raise MemoryError

        assert fault(b"", "trades", fails).reason == "the deserializer failed: MemoryError"
