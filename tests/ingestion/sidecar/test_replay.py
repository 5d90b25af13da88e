"""The replay feed by itself, on a clock that the tests turn: pace, pauses, closed markets, cursors, and bad files."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from ingestion.sidecar.feed import Batch
from ingestion.sidecar.replay import ReplayFeed, ReplayFileFault, TickRow, read_ticks
from services.writes.apply_incoming import Applied
from tests.fixtures.ticks import DEMO_TICKS, write_ticks

MORNING = ["2020-03-09T13:30:00Z,70,150", "2020-03-09T13:31:00Z,71,", "2020-03-09T13:33:00Z,72,152"]
NEXT_DAY = ["2020-03-10T13:30:00Z,73,", "2020-03-10T13:31:00Z,74,153"]


@pytest.fixture
def rows(tmp_path: Path) -> list[TickRow]:
    """Three ticks on a Monday, two on the Tuesday."""
    return read_ticks(write_ticks(tmp_path / "ticks.csv", MORNING + NEXT_DAY))


def prices(batch: Batch | None) -> list[float]:
    """The AAPL quotes of a batch."""
    assert batch is not None
    return [quote.quote for quote in batch.incoming.quotes if quote.instrument == "AAPL"]


def played(feed: ReplayFeed, *times: float) -> list[list[float]]:
    """What the feed brings at each of these times; an empty list where it brings nothing."""
    batches = [feed.next_batch(time) for time in times]
    return [[] if batch is None else prices(batch) for batch in batches]


class TestPace:
    def test_rows_come_by_their_own_times_divided_by_the_speed(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=100.0)
        assert played(feed, 100.0, 100.9, 101.0, 102.9, 103.0) == [[70.0], [], [71.0], [], [72.0]]

    def test_it_says_when_the_next_row_is_due_and_when_there_is_none(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows[:2], {}, 60.0, now=100.0)
        assert feed.next_awake(100.0) == 100.0
        feed.next_batch(100.0)
        assert feed.next_awake(100.0) == 101.0
        feed.next_batch(101.0)
        assert feed.next_awake(101.0) is None
        assert feed.next_batch(1e9) is None

    def test_what_a_slow_reader_missed_comes_at_once_and_in_order(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=100.0)
        batch = feed.next_batch(103.5)
        assert prices(batch) == [70.0, 71.0, 72.0]
        assert batch is not None
        assert batch.due == 103.0, "the lag is measured from when the newest row was due"

    def test_a_share_that_did_not_tick_has_no_quote(self, rows: list[TickRow]) -> None:
        batch = ReplayFeed(rows, {}, 60.0, now=0.0).next_batch(1.0)
        assert batch is not None
        assert [(q.instrument, q.quote) for q in batch.incoming.quotes] == [
            ("AAPL", 70.0),
            ("MSFT", 150.0),
            ("AAPL", 71.0),
        ]
        assert batch.incoming.quotes[0].observed_at == datetime(2020, 3, 9, 13, 30, tzinfo=UTC)

    def test_a_closed_market_is_skipped(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        assert played(feed, 3.0) == [[70.0, 71.0, 72.0]]
        assert played(feed, 3.9, 4.0) == [[], [73.0]], "a night costs a minute of the source"

    def test_no_batch_has_two_as_of_dates(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        first = feed.next_batch(1000.0)
        assert first is not None
        feed.committed(first, Applied(1, {}))
        second = feed.next_batch(1000.0)
        assert second is not None
        assert (prices(first), prices(second)) == ([70.0, 71.0, 72.0], [73.0, 74.0])
        assert (first.not_before, second.not_before) == (None, date(2020, 3, 9)), "what had been reached before it"

    def test_without_a_speed_everything_is_due(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, None, now=0.0)
        batch = feed.next_batch(50.0)
        assert prices(batch) == [70.0, 71.0, 72.0]
        assert batch is not None
        assert batch.due == 50.0, "who does not pace is not behind"
        assert played(feed, 50.0) == [[73.0, 74.0]]

    def test_a_batch_is_bounded(self, tmp_path: Path) -> None:
        lines = [f"2020-03-09T13:30:{second:02}Z,{70 + second},1" for second in range(60)]
        feed = ReplayFeed(read_ticks(write_ticks(tmp_path / "ticks.csv", lines)), {}, None, now=0.0)
        taken = [len(prices(batch)) for batch in iter(lambda: feed.next_batch(0.0), None)]
        assert sum(taken) == 60
        assert max(taken) <= 30


class TestControl:
    def test_a_paused_feed_brings_nothing(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        feed.next_batch(0.0)
        feed.pause()
        assert played(feed, 1.0, 1000.0) == [[], []]
        assert feed.next_awake(1000.0) is not None, "paused is not over"

    def test_the_time_of_a_pause_is_not_caught_up_with(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        feed.next_batch(0.0)
        feed.pause()
        feed.resume(500.0)
        assert played(feed, 500.0, 501.9, 502.0) == [[71.0], [], [72.0]]

    def test_a_new_speed_holds_from_the_next_row_on(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 1.0, now=0.0)
        feed.next_batch(0.0)
        assert played(feed, 10.0) == [[]]
        feed.set_speed(120.0, 10.0)
        assert played(feed, 10.0, 10.9, 11.0) == [[71.0], [], [72.0]]

    def test_a_slower_speed_slows_down(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, None, now=0.0)
        feed.set_speed(1.0, 0.0)
        assert played(feed, 0.0, 59.0, 60.0) == [[70.0], [], [71.0]]

    def test_a_restart_plays_from_the_first_row_and_counts(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, None, now=0.0)
        while feed.next_batch(0.0):
            pass
        feed.pause()
        assert feed.ended
        feed.restart(1, now=5.0)
        assert not feed.ended
        assert played(feed, 5.0) == [[70.0, 71.0, 72.0]]
        assert feed.cursor()["restarts"] == 1


class TestCursor:
    def test_a_feed_goes_on_from_its_cursor(self, rows: list[TickRow]) -> None:
        first = ReplayFeed(rows, {}, 60.0, now=0.0)
        batch = first.next_batch(1.0)
        assert batch is not None
        second = ReplayFeed(rows, batch.position.cursor, 60.0, now=100.0)  # type: ignore[attr-defined]
        assert second.reached == date(2020, 3, 9)
        assert played(second, 100.0) == [[72.0]]

    def test_the_cursor_of_a_batch_stands_after_its_rows(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        batch = feed.next_batch(1.0)
        assert batch is not None
        assert batch.position.cursor == {"row": 2, "at": "2020-03-09T13:31:00+00:00", "restarts": 0}  # type: ignore[attr-defined]

    def test_a_cursor_at_the_end_stays_at_the_end(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows, {}, None, now=0.0)
        while feed.next_batch(0.0):
            pass
        assert ReplayFeed(rows, feed.cursor(), None, now=0.0).ended

    def test_a_longer_file_is_played_on(self, rows: list[TickRow]) -> None:
        feed = ReplayFeed(rows[:3], {}, None, now=0.0)
        feed.next_batch(0.0)
        assert played(ReplayFeed(rows, feed.cursor(), None, now=0.0), 0.0) == [[73.0, 74.0]]

    @pytest.mark.parametrize("lines", [NEXT_DAY, [*NEXT_DAY, "2020-03-10T13:35:00Z,75,", "2020-03-10T13:36:00Z,76,"]])
    def test_another_file_is_played_from_its_first_row(
        self, rows: list[TickRow], lines: list[str], tmp_path: Path
    ) -> None:
        feed = ReplayFeed(rows, {}, 60.0, now=0.0)
        assert played(feed, 3.0) == [[70.0, 71.0, 72.0]]
        other = read_ticks(write_ticks(tmp_path / "other.csv", lines))
        again = ReplayFeed(other, feed.cursor(), None, now=0.0)
        assert again.reached is None
        assert played(again, 0.0)[0][:2] == [73.0, 74.0]


class TestFiles:
    def test_the_demo_file_is_ten_days(self) -> None:
        rows = read_ticks(DEMO_TICKS)
        assert len(rows) == 3910
        assert len({row.as_of_date for row in rows}) == 10
        assert len(rows[390].quotes) == 20, "at the close every share ticks"

    def test_times_without_a_zone_are_utc_and_others_are_converted(self, tmp_path: Path) -> None:
        lines = ["2020-03-09 13:30:00,70,", "2020-03-09T09:31:00-04:00,71,"]
        rows = read_ticks(write_ticks(tmp_path / "ticks.csv", lines))
        assert [row.observed_at.hour for row in rows] == [13, 13]
        assert [row.observed_at.minute for row in rows] == [30, 31]

    def test_a_byte_order_mark_and_blank_lines_do_no_harm(self, tmp_path: Path) -> None:
        path = tmp_path / "ticks.csv"
        path.write_bytes("\ufeffAsOfDate,AAPL\r\n2020-03-09T13:30:00Z,70\r\n\r\n".encode())
        assert [row.quotes for row in read_ticks(path)] == [(("AAPL", 70.0),)]

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("yesterday,70,150", "line 3, column AsOfDate, value 'yesterday': not a time"),
            ("0001-01-01T00:00:00Z,70,150", "line 3, column AsOfDate, value '0001-01-01T00:00:00Z': not a time of"),
            (
                "2020-03-09T13:30:00Z,70,150",
                "line 3, column AsOfDate, value '2020-03-09T13:30:00Z': not after the line",
            ),
            ("2020-03-09T13:31:00Z,seventy,150", "line 3, column AAPL, value 'seventy': not a price above 0"),
            ("2020-03-09T13:31:00Z,70,-150", "line 3, column MSFT, value '-150': not a price above 0"),
            ("2020-03-09T13:31:00Z,70,0", "line 3, column MSFT, value '0': not a price above 0"),
            ("2020-03-09T13:31:00Z,nan,150", "line 3, column AAPL, value 'nan': not a price above 0"),
            ("2020-03-09T13:31:00Z,1e999,150", "line 3, column AAPL, value '1e999': not a price above 0"),
            ("2020-03-09T13:31:00Z,70", "line 3: 2 values for 3 columns"),
            ("2020-03-09T13:31:00Z,70,150,1", "line 3: 4 values for 3 columns"),
            ('2020-03-09T13:31:00Z,"70,150', "line 3: not a CSV file"),
        ],
    )
    def test_a_bad_line_is_named_with_column_value_and_reason(self, line: str, said: str, tmp_path: Path) -> None:
        path = write_ticks(tmp_path / "ticks.csv", ["2020-03-09T13:30:00Z,70,150", line])
        with pytest.raises(ReplayFileFault) as fault:
            read_ticks(path)
        assert str(fault.value).startswith(f"{path}, {said}")

    @pytest.mark.parametrize(
        ("content", "said"),
        [
            (b"", "the first line must be AsOfDate and a ticker a column"),
            (b"Date,AAPL\n2020-03-09T13:30:00Z,70\n", "the first line must be AsOfDate and a ticker a column"),
            (b"AsOfDate\n", "the first line must be AsOfDate and a ticker a column"),
            (b"AsOfDate,AAPL,\n", "the first line must be AsOfDate and a ticker a column"),
            (b"AsOfDate,AAPL,AAPL\n", "column AAPL: stands twice"),
            (b"AsOfDate,AAPL\n", "no ticks in it"),
            (b"AsOfDate,AAPL\n2020-03-09T13:30:00Z,\xff\xfe\n", "not UTF-8 text"),
        ],
    )
    def test_a_file_that_is_none_is_refused(self, content: bytes, said: str, tmp_path: Path) -> None:
        path = tmp_path / "ticks.csv"
        path.write_bytes(content)
        with pytest.raises(ReplayFileFault, match=said):
            read_ticks(path)
