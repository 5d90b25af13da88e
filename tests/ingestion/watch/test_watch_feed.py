"""Watched files end to end: real files, a real sidecar in a thread, a real store on each database."""

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import ingestion.sidecar.runner
import ingestion.watch.content
import ingestion.watch.events
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from services.pricing.pricing_state import PricingState
from storage.connection.faults import Fault, unavailable
from storage.connection.settings import Settings
from storage.core.database import Store
from storage.core.schema import record_versions, rejections, sensitivities, trades
from storage.feeds.feeds import FeedLost, claim_feed
from storage.feeds.loaded_files import read_loaded_files
from tests.fixtures.applying import apply_quotes
from tests.fixtures.small_book import MONDAY, quote
from tests.ingestion.watching import (
    BOOKS,
    INSTRUMENTS,
    PARAMETERS,
    QUOTES,
    SENSITIVITIES,
    TRADES,
    Watching,
    call,
    feed_of,
    loaded,
    parquet_of,
    replace,
    table,
    tree,
    write,
)


def rows_of(store: Store, columns: Any, *where: Any) -> list[tuple[Any, ...]]:
    with store.read() as connection:
        return sorted(tuple(row) for row in connection.execute(select(*columns).where(*where)))


def quantities(store: Store) -> dict[str, float]:
    return dict(rows_of(store, (trades.c.trade_id, trades.c.quantity)))  # type: ignore[arg-type]


def revision_of(store: Store) -> int:
    with store.read() as connection:
        return store.revisions(connection).revision


def test_a_folder_of_files_becomes_a_priced_book(store: Store, tmp_path: Path) -> None:
    """Trades before their books, static data and quotes: the order of arrival does not matter."""
    folder = tmp_path / "in"
    folder.mkdir()
    with Watching(store, folder) as watching:
        watching.wait_for_file(write(folder / "trades.csv", table(TRADES, call("C1"), call("C2"))))
        for name, text in (("books", BOOKS), ("instruments", INSTRUMENTS), ("parameters", PARAMETERS)):
            watching.wait_for_file(write(folder / f"{name}.csv", text))
        parquet = {"AsOfDate": ["2020-03-09"], "Instrument": ["AAPL"], "Quote": [68.0]}
        content = parquet_of(tmp_path / "made", parquet)
        (folder / "quotes.parquet").write_bytes(content)
        watching.wait_for_file(folder / "quotes.parquet")
    found = rows_of(store, (sensitivities.c.trade_id, sensitivities.c.spot, sensitivities.c.source))
    assert found == [("C1", 68.0, "engine"), ("C2", 68.0, "engine")]
    sources = {row[0] for row in rows_of(store, (trades.c.source,))}
    assert sources == {"file trades.csv"}
    with store.read() as connection:
        kinds = sorted((row.kind, row.outcome, row.detail) for row in read_loaded_files(connection).values())
    expected = ("books", "instruments", "parameters", "quotes", "trades")
    assert kinds == [(kind, "loaded", "") for kind in expected]


def test_a_changed_file_overwrites_and_appends_and_removes_nothing(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "t.csv", table(TRADES, call("C1"), call("C2")))
    with Watching(store, path) as watching:
        first = watching.wait_for_file(path)
        replace(path, table(TRADES, call("C2", 20), call("C3", 300)))
        second = watching.wait_for_file(path)
    assert quantities(store) == {"C1": 10.0, "C2": 20.0, "C3": 300.0}
    assert second.revision > first.revision
    assert second.content_hash != first.content_hash


def test_the_same_content_again_changes_nothing(store: Store, tmp_path: Path) -> None:
    text = table(TRADES, call("C1"))
    path = write(tmp_path / "t.csv", text)
    other = tmp_path / "u.csv"
    with Watching(store, tmp_path) as watching:
        first = watching.wait_for_file(path)
        os.utime(path, ns=(7_000_000_007, 7_000_000_007))
        watching.wait_for(lambda: loaded(store, path).modified_ns == 7_000_000_007, "the new time")  # type: ignore[union-attr]
        replace(path, text)
        watching.wait_for_file(write(other, table(TRADES, call("C2"))))
    assert loaded(store, path).content_hash == first.content_hash  # type: ignore[union-attr]
    written = revision_of(store)
    with Watching(store, tmp_path) as watching:
        watching.wait_for_signs_of_life(3)
    assert loaded(store, path).content_hash == first.content_hash  # type: ignore[union-attr]
    assert revision_of(store) <= written + 1, "a start of the sidecar is no load"


def test_a_bad_file_is_shown_and_the_others_go_on(store: Store, tmp_path: Path) -> None:
    bad = write(tmp_path / "a.csv", table(TRADES, call("C1"), call("C2", strike=-5), "C3,AAPL"))
    good = write(tmp_path / "b.csv", table(TRADES, call("C9")))
    with Watching(store, tmp_path) as watching:
        row = watching.wait_for_file(bad, "refused")
        watching.wait_for_file(good)
        watching.wait_for((tmp_path / "a.csv.errors.csv").exists, "the report")
        watching.wait_for(lambda: "1 refused" in feed_of(store).detail, "the count")
        shown = rejections.c
        found = rows_of(store, (shown.place, shown.column_name, shown.value), shown.source == "file a.csv")
        assert found == [("line 3", "Strike", "-5"), ("line 4", "", "")]
        assert row.detail.startswith("2 rows refused, nothing was loaded.")
        assert quantities(store) == {"C9": 10.0}
        assert feed_of(store).rejected == 2
        write(bad, table(TRADES, call("C1"), call("C2", strike=5)))
        watching.wait_for_file(bad)
        watching.wait_for(lambda: not (tmp_path / "a.csv.errors.csv").exists(), "the report to go")
    assert set(quantities(store)) == {"C1", "C2", "C9"}


def test_what_no_database_takes_is_shown_all_the_same(store: Store, tmp_path: Path) -> None:
    """A null character cannot be stored in PostgreSQL, not even as the value that was refused."""
    odd = call("C1").replace(",70,", ",7\x000,")
    path = write(tmp_path / "a.csv", table(TRADES, odd, call("C\x00"), call("C2").replace("AAPL", "\x00")))
    other = write(tmp_path / "b.csv", "What\x00,Is,This\n1,2,3\n")
    with Watching(store, path, other) as watching:
        watching.wait_for_file(path, "refused")
        watching.wait_for_file(other, "refused")
    assert [row[0] for row in rows_of(store, (rejections.c.place,))] == ["line 1", "line 2", "line 3", "line 4"]


def test_a_file_that_is_wrong_throughout_does_not_flood_the_board(store: Store, tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", table(TRADES, *(call(f"C{i}", strike=-1) for i in range(130))))
    with Watching(store, path) as watching:
        watching.wait_for_file(path, "refused")
        watching.wait_for((tmp_path / "a.csv.errors.csv").exists, "the report")
    found = rows_of(store, (rejections.c.rejection_id, rejections.c.reason))
    assert len(found) == 101
    assert found[-1][1] == "and 30 more: see the report a.csv.errors.csv"
    assert len((tmp_path / "a.csv.errors.csv").read_text().splitlines()) == 131
    assert feed_of(store).rejected == 130


def test_a_drop_folder_end_to_end(store: Store, tmp_path: Path) -> None:
    write(tmp_path / "a.csv", table(TRADES, call("C1")))
    write(tmp_path / "b.csv", table(TRADES, call("C2", strike=-1)))
    expected = ["loaded/a.csv", "rejected/b.csv", "rejected/b.csv.errors.csv"]
    with Watching(store, tmp_path, drop=True) as watching:
        watching.wait_for(lambda: tree(tmp_path) == expected, "the folder to be emptied")
    assert set(quantities(store)) == {"C1"}


def without_events(monkeypatch: pytest.MonkeyPatch) -> None:
    """No file event ever comes, as on a network mount."""
    monkeypatch.setattr(ingestion.watch.events.FolderEvents, "on_any_event", lambda *_: None)


def test_a_missed_event_is_found_by_the_rescan(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_events(monkeypatch)
    store = Store(sqlite_demo_url)
    with Watching(store, tmp_path) as watching:
        watching.wait_for_file(write(tmp_path / "t.csv", table(TRADES, call("NEW1"))))
        watching.wait_for_file(replace(tmp_path / "t.csv", table(TRADES, call("NEW2"))))
    assert {"NEW1", "NEW2"} <= set(quantities(store))
    store.close()


def test_events_make_it_look_long_before_the_rescan(sqlite_demo_url: str, tmp_path: Path) -> None:
    """The rescan would come after an hour; the folder is made, and made anew, while it is watched."""
    store = Store(sqlite_demo_url)
    folder = tmp_path / "in"
    with Watching(store, folder, rescan=3600.0) as watching:
        watching.wait_for_signs_of_life(1)
        folder.mkdir()
        watching.wait_for(lambda: "waiting" not in feed_of(store).detail, "the folder to be seen")
        watching.wait_for_file(write(folder / "t.csv", table(TRADES, call("NEW1"))))
        (folder / "t.csv").unlink()
        folder.rmdir()
        watching.wait_for(lambda: "waiting" in feed_of(store).detail, "the folder to be gone")
        folder.mkdir()
        watching.wait_for(lambda: "waiting" not in feed_of(store).detail, "the folder to be back")
        watching.wait_for_file(write(folder / "u.csv", table(TRADES, call("NEW2"))))
    assert {"NEW1", "NEW2"} <= set(quantities(store))
    store.close()


def test_what_comes_between_a_look_and_the_first_event_is_seen(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that was made was looked into, and is not followed yet; the rescan would come after an hour."""
    folder, real = tmp_path / "in", ingestion.watch.events.FolderEvents.follow
    path = folder / "t.csv"

    def late(events: Any, folders: set[Path]) -> bool:
        if folder in folders and not path.exists():
            threading.Event().wait(1.0)  # what the folder itself has caused is over
            replace(path, table(TRADES, call("NEW1")))
        return real(events, folders)

    monkeypatch.setattr(ingestion.watch.events.FolderEvents, "follow", late)
    store = Store(sqlite_demo_url)
    with Watching(store, folder, rescan=3600.0) as watching:
        watching.wait_for(lambda: "waiting" in feed_of(store).detail, "the folder to be missed")
        folder.mkdir()
        watching.wait_for(path.exists, "the file to be there")
        watching.wait_for_file(path)
    assert "NEW1" in quantities(store)
    store.close()


@pytest.mark.parametrize("broken", ["start", "schedule"])
def test_without_an_observer_it_goes_on(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(24, "inotify instance limit reached")

    monkeypatch.setattr(ingestion.watch.events.Observer, broken, refuse)  # type: ignore[attr-defined]
    store = Store(sqlite_demo_url)
    with Watching(store, tmp_path) as watching:
        watching.wait_for_file(write(tmp_path / "t.csv", table(TRADES, call("NEW1"))))
    assert "NEW1" in quantities(store)
    store.close()


def test_signs_of_life_come_while_a_file_is_read(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, reading = threading.Event(), threading.Event()

    def read(*arguments: Any) -> Any:
        reading.set()
        assert release.wait(60)
        return read_file(*arguments)

    monkeypatch.setattr(ingestion.watch.content, "read_file", read)
    store = Store(sqlite_demo_url)
    path = write(tmp_path / "t.csv", table(TRADES, call("NEW1")))
    with Watching(store, path) as watching:
        assert reading.wait(60)
        watching.wait_for_signs_of_life(3)
        assert "reading t.csv" in feed_of(store).detail
        assert loaded(store, path) is None
        release.set()
        watching.wait_for_file(path)
    store.close()


def test_a_paused_feed_keeps_what_it_found(sqlite_demo_url: str, tmp_path: Path) -> None:
    from services.access.permissions import OPERATOR
    from services.writes.control_feed import pause_feed, resume_feed
    from storage.feeds.feeds import FeedState

    store = Store(sqlite_demo_url)
    path = tmp_path / "t.csv"
    with Watching(store, tmp_path) as watching:
        watching.wait_for_signs_of_life(1)
        pause_feed(store, OPERATOR, "watch")
        watching.wait_for(lambda: feed_of(store).state == FeedState.PAUSED, "the pause")
        write(path, table(TRADES, call("NEW1")))
        watching.wait_for_signs_of_life(3)
        assert loaded(store, path) is None
        resume_feed(store, OPERATOR, "watch")
        watching.wait_for_file(path)
    store.close()


def test_who_lost_the_feed_writes_nothing(
    sqlite_demo_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(sqlite_demo_url)
    release = threading.Event()
    monkeypatch.setattr(
        ingestion.watch.content, "read_file", lambda *arguments: read_file(*arguments) if release.wait(60) else None
    )
    path = write(tmp_path / "t.csv", table(TRADES, call("NEW1")))
    watching = Watching(store, path)
    with watching:
        watching.wait_for_signs_of_life(1)
        with store.bookkeeping() as connection:
            claim_feed(connection, "watch", "another", 1, datetime.now(UTC), 10.0, None, is_gone=lambda _: True)
        release.set()
        watching._thread.join(60)
        assert isinstance(watching.fault, FeedLost)
        watching.fault = None
    assert loaded(store, path) is None
    assert "NEW1" not in quantities(store)
    store.close()


def test_a_commit_whose_answer_was_lost_takes_effect_once(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidecar must send the batch again, and the store knows better."""
    real, calls = ingestion.sidecar.runner.apply_incoming, []  # type: ignore[attr-defined]

    def apply(*arguments: Any, **options: Any) -> Any:
        applied = real(*arguments, **options)
        calls.append(applied)
        if len(calls) == 1:
            raise unavailable(Fault.UNREACHABLE, "the connection was lost")
        return applied

    monkeypatch.setattr(ingestion.sidecar.runner, "apply_incoming", apply)
    bad = write(tmp_path / "t.csv", table(TRADES, call("C1"), call("C2", strike=-1)))
    with Watching(store, tmp_path) as watching:
        watching.wait_for((tmp_path / "t.csv.errors.csv").exists, "the report")
        watching.wait_for_signs_of_life(2)
    assert loaded(store, bad) is not None
    assert len(rows_of(store, (rejections.c.rejection_id,))) == 1
    assert feed_of(store).rejected == 1


def test_two_sidecars_on_one_path_load_it_once(sqlite_demo_url: str, tmp_path: Path) -> None:
    store = Store(sqlite_demo_url)
    path = tmp_path / "t.csv"
    contents = [table(TRADES, call("NEW1", quantity), call("BAD", strike=-1)) for quantity in (1, 2, 1)]
    with (
        Watching(store, tmp_path, good_rows=True, name="watch") as watching,
        Watching(store, tmp_path, good_rows=True, name="another") as another,
    ):
        for content in contents:
            watching.wait_for_file(replace(path, content))
            for each in (watching, another):  # what stood there between is nobody's any more when the next one comes
                each.wait_until_done_with(path)
    kept = rows_of(store, (record_versions.c.revision,), record_versions.c.record_key == "NEW1")
    assert len(kept) == len(contents)
    assert len(rows_of(store, (rejections.c.rejection_id,))) == len(contents)
    store.close()


def test_sensitivities_computed_elsewhere_stay_beside_ours(small_store: Store, tmp_path: Path) -> None:
    """A file is loaded, then a tick prices the book anew: what was reported stays, with its source."""
    report = table(SENSITIVITIES, "2020-03-09,C1,AAPL,1234.5,-6.5", "2020-03-09,ELSEWHERE,AAPL,7,8")
    keys = (sensitivities.c.trade_id, sensitivities.c.market_value, sensitivities.c.cash_delta, sensitivities.c.source)
    reported = [("C1", 1234.5, -6.5, "file risk.csv"), ("ELSEWHERE", 7.0, 8.0, "file risk.csv")]
    wanted = sensitivities.c.trade_id.in_(["C1", "ELSEWHERE"])
    with Watching(small_store, tmp_path) as watching:
        watching.wait_for_file(write(tmp_path / "risk.csv", report))
        assert rows_of(small_store, keys, wanted) == reported
        tick = table(QUOTES, "2020-03-09T15:00:00Z,AAPL,75")
        watching.wait_for_file(write(tmp_path / "tick.csv", tick))
        assert rows_of(small_store, keys, wanted) == reported
        spots = rows_of(small_store, (sensitivities.c.spot,), sensitivities.c.trade_id == "P1")
        assert spots == [(75.0,)], "the others were priced"
        write(tmp_path / "risk.csv", report.replace("1234.5", "1235.5"))
        watching.wait_for(lambda: rows_of(small_store, keys, wanted)[0][1] == 1235.5, "the correction")


def test_our_pricing_takes_over_where_the_setting_says_so(small_store: Store, tmp_path: Path) -> None:
    settings = Settings(engine_overwrites_reported=True)
    found = (sensitivities.c.trade_id, sensitivities.c.source)
    wanted = sensitivities.c.trade_id.in_(["C1", "ELSEWHERE"])
    report = table(SENSITIVITIES, "2020-03-09,C1,AAPL,1234.5,-6.5", "2020-03-09,ELSEWHERE,AAPL,7,8")
    with Watching(small_store, tmp_path, settings=settings) as watching:
        watching.wait_for_file(write(tmp_path / "risk.csv", report))
        assert rows_of(small_store, found, wanted) == [("C1", "file risk.csv"), ("ELSEWHERE", "file risk.csv")]
        watching.wait_for_file(write(tmp_path / "tick.csv", table(QUOTES, "2020-03-09T15:00:00Z,AAPL,75")))
        assert rows_of(small_store, found, wanted) == [("C1", "engine"), ("ELSEWHERE", "file risk.csv")]


def test_a_tick_of_another_process_leaves_reported_values_alone(small_store: Store, tmp_path: Path) -> None:
    """The process that prices is not the one that loaded the file."""
    other = PricingState()
    apply_quotes(small_store, other, [quote("AAPL", 69.0, 10)], source="test")
    with Watching(small_store, tmp_path) as watching:
        path = write(tmp_path / "risk.csv", table(SENSITIVITIES, "2020-03-09,C1,AAPL,1234.5,-6.5"))
        watching.wait_for_file(path)
    apply_quotes(small_store, other, [quote("AAPL", 70.0, 20)], source="test")
    found = rows_of(
        small_store,
        (sensitivities.c.market_value, sensitivities.c.source),
        sensitivities.c.trade_id == "C1",
        sensitivities.c.as_of_date == MONDAY,
    )
    assert found == [(1234.5, "file risk.csv")]


def test_limits_come_from_the_settings(store: Store, tmp_path: Path) -> None:
    settings = Settings(file_rows=2)
    path = write(tmp_path / "t.csv", table(TRADES, call("C1"), call("C2"), call("C3")))
    with Watching(store, path, settings=settings) as watching:
        row = watching.wait_for_file(path, "refused")
    assert "DELTABOARD_FILE_ROWS" in row.detail
    assert FileLimits.of(settings).rows == 2
