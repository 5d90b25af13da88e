"""Where sources are: partitions of a consumer group, watched files, and messages that could not be taken."""

import pytest

from storage.core.database import Store
from storage.feeds.dead_letters import (
    DeadLetter,
    count_waiting,
    note_attempt,
    read_dead_letters,
    settle,
    write_dead_letters,
)
from storage.feeds.feeds import PositionMoved
from storage.feeds.loaded_files import LOADED, REFUSED, LoadedFileRow, note_loaded_file, read_loaded_files
from storage.feeds.partition_offsets import claim_partitions, move_offsets, read_offsets

TRADES = [("trades", 0), ("trades", 1)]


def claim(store: Store, owner: str, group: str = "board") -> dict[tuple[str, int], int | None]:
    with store.bookkeeping() as connection:
        return claim_partitions(connection, group, TRADES, owner)


def move(store: Store, owner: str, partition: int, expected: int | None, following: int, group: str = "board") -> None:
    with store.bookkeeping() as connection:
        move_offsets(connection, group, owner, [("trades", partition, expected, following)])


class TestPartitions:
    def test_who_comes_next_goes_on_where_the_last_was(self, store: Store) -> None:
        assert claim(store, "first") == dict.fromkeys(TRADES)
        move(store, "first", 0, None, 5)
        move(store, "first", 0, 5, 9)
        assert claim(store, "second") == {("trades", 0): 9, ("trades", 1): None}

    def test_who_lost_a_partition_cannot_move_it(self, store: Store) -> None:
        claim(store, "first")
        move(store, "first", 0, None, 5)
        claim(store, "second")
        with pytest.raises(PositionMoved, match=r"trades\[0\]"):
            move(store, "first", 0, 5, 9)
        with store.read() as connection:
            assert read_offsets(connection, "board")[("trades", 0)] == 5

    @pytest.mark.parametrize("expected", [None, 4, 6])
    def test_messages_count_once(self, store: Store, expected: int | None) -> None:
        """A batch that begins anywhere but where the store is was applied before, or leaves something out."""
        claim(store, "first")
        move(store, "first", 0, None, 5)
        with pytest.raises(PositionMoved):
            move(store, "first", 0, expected, 9)

    def test_groups_do_not_meet(self, store: Store) -> None:
        claim(store, "first")
        claim(store, "first", "other")
        move(store, "first", 0, None, 5)
        move(store, "first", 0, None, 7, "other")
        with store.read() as connection:
            found = [read_offsets(connection, group)[TRADES[0]] for group in ("board", "other")]

        assert found == [5, 7]


def letter(offset: int, reason: str = "not JSON") -> DeadLetter:
    return DeadLetter("board", "trades", 0, offset, b"\x00key", b"\xff{", "trades", "trade_ticket", "", "{", reason)


class TestDeadLetters:
    def test_it_is_kept_whole(self, store: Store) -> None:
        with store.write() as unit:
            write_dead_letters(unit, [letter(7), letter(8)])
        with store.write() as unit:
            write_dead_letters(unit, [])
        with store.read() as connection:
            assert count_waiting(connection) == 2
            found = read_dead_letters(connection)
        assert [(f.letter, f.state, f.attempts) for f in found] == [(letter(n), "waiting", 1) for n in (7, 8)]

    def test_what_no_database_keeps_is_written_out(self, store: Store) -> None:
        with store.write() as unit:
            write_dead_letters(unit, [letter(7, "a NUL \x00 and half a pair \ud800")])
        with store.read() as connection:
            (found,) = read_dead_letters(connection)
        assert found.letter.reason == r"a NUL \x00 and half a pair \ud800"

    def test_a_topic_that_is_made_anew_has_its_offsets_again(self, store: Store) -> None:
        for reason in ("not JSON", "another message"):
            with store.write() as unit:
                write_dead_letters(unit, [letter(7, reason)])
        with store.read() as connection:
            assert [found.letter.reason for found in read_dead_letters(connection)] == ["not JSON", "another message"]

    def test_it_is_tried_again_and_settled_once(self, store: Store) -> None:
        with store.write() as unit:
            write_dead_letters(unit, [letter(7), letter(8)])
        with store.bookkeeping() as connection:
            note_attempt(connection, 1, "Strike", "-1", "must be above 0")
        with store.write() as unit:
            assert settle(unit, 1)
            assert not settle(unit, 1), "somebody has done it already"
        with store.read() as connection:
            (waiting,) = read_dead_letters(connection)
            (settled,) = read_dead_letters(connection, [1])
            assert [f.dead_letter_id for f in read_dead_letters(connection, settled=True)] == [1, 2]
            assert count_waiting(connection) == 1
        assert waiting.dead_letter_id == 2
        assert (settled.state, settled.attempts, settled.letter.reason) == ("taken", 3, "must be above 0")
        assert settled.settled_at is not None


def test_a_file_is_known_by_its_last_content(store: Store) -> None:
    for content_hash, outcome in (("a", LOADED), ("b", REFUSED)):
        with store.write() as unit:
            path, modified = "in/trades.csv", 1_600_000_000_123_456_789
            note_loaded_file(unit, LoadedFileRow(path, content_hash, "trades", outcome, 10, modified, "1 new"))
    with store.read() as connection:
        (found,) = read_loaded_files(connection).values()
    assert (found.content_hash, found.outcome, found.modified_ns) == ("b", "refused", 1_600_000_000_123_456_789)
    assert (found.loaded_at, found.revision) == (unit.now, unit.revision)
