"""Dead letters that are tried again: taken once, in the transaction that settles them, or kept with the new reason."""

import json
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ingestion.deserializers import TRADE_TICKET, trade_ticket
from services.pricing.pricing_state import PricingState
from services.records.read_message import deserializer_named
from services.writes.retry_dead_letters import Retried, retry_dead_letters
from storage.core.database import Store
from storage.feeds.dead_letters import (
    DeadLetter,
    StoredDeadLetter,
    count_waiting,
    read_dead_letters,
    write_dead_letters,
)
from tests.ingestion.commands import board, run
from tests.ingestion.kafka_running import one, quote_message, rows, ticket

__all__ = ["board"]

MENDED = "somebodys:mine"


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Somebody's deserialiser, which does not take anything yet."""
    made = ModuleType("somebodys")

    def mine(_: bytes) -> Any:
        raise LookupError("not ready")

    made.mine = mine  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "somebodys", made)
    deserializer_named.cache_clear()
    yield made
    deserializer_named.cache_clear()


def fix(module: ModuleType) -> None:
    """They write it anew, and a new process finds it."""
    module.mine = trade_ticket  # type: ignore[attr-defined]
    deserializer_named.cache_clear()


def letters_of(store: Store, *messages: bytes | None, deserializer: str = MENDED) -> list[StoredDeadLetter]:
    """Dead letters of a topic of trades, at the offsets 0, 1, ..."""
    with store.write() as unit:
        letters = [
            DeadLetter("g", "trades", 0, n, b"key", message, "trades", deserializer, "", "", "was not ready")
            for n, message in enumerate(messages)
        ]
        write_dead_letters(unit, letters)
    return waiting(store)


def waiting(store: Store) -> list[StoredDeadLetter]:
    with store.read() as connection:
        return read_dead_letters(connection)


def retry(store: Store, letters: list[StoredDeadLetter]) -> list[Retried]:
    return list(retry_dead_letters(store, PricingState(), letters))


class TestRetry:
    def test_what_can_be_taken_now_is_there_priced_and_settled(self, small_store: Store, module: ModuleType) -> None:
        letters = letters_of(small_store, ticket("D1", Ticker="AAPL"))
        fix(module)
        assert retry(small_store, letters) == [Retried(letters[0].dead_letter_id, 1, None)]
        assert one(small_store, "SELECT count(*) FROM trades WHERE trade_id = 'D1'") == 1
        assert one(small_store, "SELECT count(*) FROM sensitivities WHERE trade_id = 'D1'") == 1
        assert rows(small_store, "SELECT state, attempts FROM dead_letters") == [("taken", 2)]
        assert waiting(small_store) == []

    def test_what_is_bad_still_says_why_and_counts_the_attempt(self, store: Store, module: ModuleType) -> None:
        letters = letters_of(store, ticket("D1", Strike=-3), None)
        fix(module)
        assert [retried.fault for retried in retry(store, letters)] == [
            "Strike '-3' must be above 0",
            "a message without a body (a tombstone): nothing is deleted here, set TradeStatus to Terminated instead",
        ]
        found = rows(store, "SELECT state, attempts, column_name, value, reason FROM dead_letters ORDER BY 1, 4 DESC")
        assert found[0] == ("waiting", 2, "Strike", "-3", "must be above 0")
        assert one(store, "SELECT count(*) FROM trades") == 0

    def test_one_bad_letter_holds_up_no_other(self, store: Store, module: ModuleType) -> None:
        letters = letters_of(store, ticket("D1"), b"{", ticket("D2"))
        fix(module)
        assert [retried.fault is None for retried in retry(store, letters)] == [True, False, True]
        assert rows(store, "SELECT trade_id FROM trades ORDER BY 1") == [("D1",), ("D2",)]

    def test_two_people_at_once_take_it_once(self, store: Store, module: ModuleType) -> None:
        letters = letters_of(store, ticket("D1"))
        fix(module)
        first, second = retry(store, letters), retry(store, letters)
        assert (first[0].fault, second[0].fault) == (None, "it was taken already")
        assert one(store, "SELECT count(*) FROM record_versions") == 1
        assert retry(store, [*all_letters(store)])[0].fault == "it was taken already"
        assert rows(store, "SELECT state, attempts FROM dead_letters") == [("taken", 2)]

    def test_a_deserialiser_that_is_gone_is_a_reason_too(self, store: Store) -> None:
        letters = letters_of(store, ticket("D1"), deserializer="nobodys:mine")
        (retried,) = retry(store, letters)
        assert retried.fault is not None
        assert retried.fault.startswith("The deserializer 'nobodys:mine' cannot be had")

    def test_what_fails_in_the_store_leaves_the_letter_waiting(
        self, store: Store, module: ModuleType, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        letters = letters_of(store, ticket("D1"))
        fix(module)

        def fails(*_: Any) -> bool:
            raise RuntimeError("the power went")

        monkeypatch.setattr("services.writes.retry_dead_letters.settle", fails)
        with pytest.raises(RuntimeError):
            retry(store, letters)
        assert one(store, "SELECT count(*) FROM trades") == 0, "its rows and its settling are one transaction"
        assert len(waiting(store)) == 1


def all_letters(store: Store) -> list[StoredDeadLetter]:
    with store.read() as connection:
        return read_dead_letters(connection, settled=True)


class TestCommands:
    def test_list_shows_where_from_and_why(self, board: Store, module: ModuleType) -> None:
        letters_of(board, ticket("D1"), b"{")
        fix(module)
        retry(board, waiting(board)[:1])
        lines = run("dead-letters", "list").stdout.splitlines()
        assert lines == ["     2  trades[0] offset 1  was not ready", "1 waiting"]
        lines = run("dead-letters", "list", "--all").stdout.splitlines()
        assert lines[0] == "     1  trades[0] offset 0  was not ready (2 attempts, taken after all)"
        assert len(run("dead-letters", "list", "--all", "--limit", "1").stdout.splitlines()) == 2

    @pytest.mark.usefixtures("module")
    def test_show_shows_all_of_it(self, board: Store) -> None:
        letters_of(board, ticket("D1"), b"\x00\xff\x01", None)
        shown = run("dead-letters", "show", 1).stdout
        assert ticket("D1").decode() in shown
        for part in ("trades[0] offset 0, consumer group g", "somebodys:mine", "was not ready", "waiting, 1 attempt"):
            assert part in shown
        assert "hex 00ff01" in run("dead-letters", "show", 2).stdout
        assert run("dead-letters", "show", 3).stdout.endswith("(none)\n")
        nothing = run("dead-letters", "show", 99)
        assert (nothing.exit_code, nothing.stderr) == (2, "There is no dead letter 99.\n")

    def test_retry_takes_what_it_can(self, board: Store, module: ModuleType) -> None:
        letters_of(board, ticket("D1"), b"{", ticket("D2"))
        fix(module)
        assert run("dead-letters", "retry", 1).stdout.splitlines() == ["     1  taken: 1 row", "1 taken, 0 not"]
        rest = run("dead-letters", "retry", "--all")
        assert rest.exit_code == 1
        assert rest.stdout.splitlines()[-1] == "1 taken, 1 not"
        assert one(board, "SELECT count(*) FROM trades") == 2
        with board.read() as connection:
            assert count_waiting(connection) == 1

    @pytest.mark.usefixtures("board")
    def test_retry_must_be_told_which(self) -> None:
        for arguments in ([], [1, "--all"]):
            result = run("dead-letters", "retry", *arguments)
            assert (result.exit_code, result.stderr) == (2, "Say which: some numbers, or --all.\n")
        assert run("dead-letters", "retry", 7).stderr == "There is no dead letter 7.\n"

    def test_a_quote_that_was_ahead_of_the_clock_is_taken_when_its_time_has_come(self, board: Store) -> None:
        with board.write() as unit:
            message = quote_message(17.0)
            letter = DeadLetter("g", "quotes", 0, 0, None, message, "quotes", TRADE_TICKET, "AsOfDate", "", "ahead")
            write_dead_letters(unit, [letter])
        assert run("dead-letters", "retry", "--all").exit_code == 0
        assert one(board, "SELECT quote FROM quotes") == json.loads(message)["Quote"]
