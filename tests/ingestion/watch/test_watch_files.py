"""Which files are loaded, when, how often, and what is left where they were: rounds by a clock that is told."""

import csv
import os
import sys
from pathlib import Path
from typing import Any

import pytest

import ingestion.watch.content
import ingestion.watch.round
from services.files.file_limits import FileLimits
from services.files.read_file import read_file
from storage.feeds.loaded_files import LoadedFileRow
from tests.ingestion.watching import (
    BOOKS,
    INSTRUMENTS,
    PARAMETERS,
    QUOTES,
    SENSITIVITIES,
    TRADES,
    Rounds,
    call,
    names,
    parquet_of,
    replace,
    table,
    tree,
    workbook_of,
    write,
)

GOOD = table(TRADES, call("C1"), call("C2"))
OTHER = table(TRADES, call("C1", 11), call("C2"))
BAD = table(TRADES, call("C1"), call("C2", strike=-5), call("C3"))


def test_a_file_is_loaded_once_when_nobody_writes_to_it_any_more(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    assert rounds.look() == []
    write(tmp_path / "a.csv", GOOD)
    assert rounds.look() == []
    assert rounds.after(0.9) == []
    assert names(rounds.after(0.1)) == ["a.csv loaded"]
    assert rounds.after(100.0) == []
    assert len(rounds.known) == 1


def test_a_file_that_grows_waits_until_it_is_whole(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    with (tmp_path / "a.csv").open("w", encoding="utf-8") as file:
        for line in GOOD.splitlines(keepends=True):
            file.write(line)
            file.flush()
            assert rounds.look() == []
            assert rounds.after(0.9) == []
    (found,) = rounds.after(0.1)
    assert found.content is not None
    assert [record["trade_id"] for record in found.content.incoming.records["trades"]] == ["C1", "C2"]


def test_a_file_without_a_last_line_end_may_still_grow(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    half = write(tmp_path / "a.csv", GOOD[:-15])
    assert rounds.look() == []
    assert rounds.after(9.9) == []
    write(half, GOOD)
    assert names(rounds.settle()) == ["a.csv loaded"]
    write(half, OTHER.rstrip("\n"))
    assert rounds.look() == []
    assert rounds.after(9.9) == []
    assert names(rounds.after(0.1)) == ["a.csv loaded"], "it is whole, only its last line end is missing"


@pytest.mark.parametrize("form", ["parquet", "xlsx"])
def test_a_file_that_is_cut_off_may_still_grow(tmp_path: Path, form: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    columns = {"AsOfDate": ["2020-03-09"], "Instrument": ["AAPL"], "Quote": [68.0]}
    whole = (parquet_of if form == "parquet" else workbook_of)(tmp_path / f"made.{form}", columns)
    rounds = Rounds(folder)
    path = folder / f"q.{form}"
    path.write_bytes(whole[:-20])
    assert rounds.look() == []
    assert rounds.after(9.9) == []
    path.write_bytes(whole)
    (found,) = rounds.settle()
    assert found.content is not None
    assert len(found.content.incoming.quotes) == 1
    path.write_bytes(whole[:-20])
    assert rounds.look() == []
    assert rounds.after(9.9) == []
    (refused,) = rounds.after(0.1)
    assert refused.row.outcome == "refused"
    assert "not a" in refused.row.detail


def test_an_empty_file_is_about_to_be_written(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", "")
    assert rounds.look() == []
    assert rounds.after(9.0) == []
    (refused,) = rounds.after(1.0)
    assert "empty" in refused.row.detail


def test_the_content_decides_and_not_the_time(tmp_path: Path) -> None:
    """A, B, A are three loads; the same content again is none, by whatever way it came there."""
    rounds = Rounds(tmp_path)
    path = write(tmp_path / "a.csv", GOOD)
    assert names(rounds.settle()) == ["a.csv loaded"]
    replace(path, OTHER)
    assert names(rounds.settle()) == ["a.csv loaded"]
    write(path, GOOD)
    assert names(rounds.settle()) == ["a.csv loaded"]
    replace(path, GOOD)
    assert names(rounds.settle()) == ["a.csv touched"]
    path.unlink()
    assert rounds.settle() == []
    write(path, GOOD)
    assert names(rounds.settle()) == ["a.csv touched"]


def test_a_touched_file_is_hashed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds(tmp_path)
    path = write(tmp_path / "a.csv", GOOD)
    rounds.settle()
    os.utime(path, ns=(5_000_000_001, 5_000_000_001))
    hashed = counted(monkeypatch, "hash_of")
    assert names(rounds.settle()) == ["a.csv touched"]
    assert rounds.after(5.0) == []
    assert rounds.after(5.0) == []
    assert hashed == ["a.csv"]
    assert rounds.known[str(path)].modified_ns == 5_000_000_001
    again = Rounds(tmp_path, known=rounds.known)
    assert again.settle() == []
    assert hashed == ["a.csv"], "nor after a start"


def test_a_time_of_whole_seconds_proves_nothing_after_a_start(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    path = write(tmp_path / "a.csv", GOOD)
    os.utime(path, ns=(5_000_000_000, 5_000_000_000))
    rounds.settle()
    write(path, OTHER)
    os.utime(path, ns=(5_000_000_000, 5_000_000_000))
    assert path.stat().st_size == rounds.known[str(path)].size
    assert names(Rounds(tmp_path, known=rounds.known).settle()) == ["a.csv loaded"]


def test_what_is_unfinished_or_hidden_is_left_aside(tmp_path: Path) -> None:
    aside = [".a.csv", "~a.csv", "a.csv.tmp", "a.csv.part", "a.csv.crdownload", "a.csv.errors.csv", "a.txt", "b"]
    for name in [*aside, "A.CSV"]:
        write(tmp_path / name, GOOD)
    assert names(Rounds(tmp_path).settle()) == ["A.CSV loaded"]


def test_subfolders_are_not_looked_into(tmp_path: Path) -> None:
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "a.csv", GOOD)
    assert Rounds(tmp_path).settle() == []
    assert names(Rounds(tmp_path / "deeper").settle()) == ["a.csv loaded"]


def test_a_path_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    late, folder = tmp_path / "later" / "a.csv", tmp_path / "in"
    rounds = Rounds(late, folder)
    assert rounds.settle() == []
    assert f"waiting for {late}, {folder}" in rounds.round.progress
    late.parent.mkdir()
    folder.mkdir()
    write(late, GOOD)
    write(folder / "b.csv", OTHER)
    assert names(rounds.settle()) == ["a.csv loaded", "b.csv loaded"]
    assert "waiting" not in rounds.round.progress


def test_static_data_come_first_when_several_wait(tmp_path: Path) -> None:
    files = {
        "1.csv": table(SENSITIVITIES, "2020-03-09,C1,AAPL,1.5,2.5"),
        "2.csv": table(QUOTES, "2020-03-09,AAPL,68"),
        "3.csv": GOOD,
        "4.csv": PARAMETERS,
        "5.csv": INSTRUMENTS,
        "6.csv": BOOKS,
        "8.csv": "What,Is,This\n1,2,3\n",
    }
    for number, (name, text) in enumerate(files.items()):
        os.utime(write(tmp_path / name, text), ns=(number, number))
    parquet_of(tmp_path / "7.parquet", {"AsOfDate": ["2020-03-10"], "Instrument": ["AAPL"], "Quote": [68.0]})
    book = {"Book": ["EQ_OTHER"], "Desk": ["D"], "BusinessUnit": ["U"], "Region": ["R"]}
    workbook_of(tmp_path / "9.xlsx", book)
    found = Rounds(tmp_path).settle()
    assert [one.file.name[0] for one in found] == ["6", "9", "5", "4", "3", "2", "7", "1", "8"]
    assert [row["book"] for row in found[1].content.incoming.records["books"]] == ["EQ_OTHER"]
    assert found[-1].row.outcome == "refused"


def test_files_of_one_kind_come_in_the_order_of_their_times(tmp_path: Path) -> None:
    for name, at in (("a.csv", 3), ("b.csv", 1), ("c.csv", 2)):
        os.utime(write(tmp_path / name, GOOD), ns=(at, at))
    assert names(Rounds(tmp_path).settle()) == ["b.csv loaded", "c.csv loaded", "a.csv loaded"]
    assert names(Rounds(tmp_path, kind="trades").settle()) == ["b.csv loaded", "c.csv loaded", "a.csv loaded"]


def test_a_kind_that_was_said_counts(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", GOOD)
    (refused,) = Rounds(tmp_path, kind="books").settle()
    assert refused.row.kind == "books"
    assert "Desk" in refused.row.detail


def read_report(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_a_bad_file_brings_nothing_and_has_a_report_until_it_is_mended(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    path = write(tmp_path / "a.csv", BAD)
    write(tmp_path / "b.csv", GOOD)
    bad, good = rounds.settle()
    assert bad.content is not None
    assert len(bad.content.incoming) == 0
    assert names([bad, good]) == ["a.csv refused", "b.csv loaded"]
    assert bad.row.detail.startswith("1 row refused, nothing was loaded. The first: line 3, column Strike, value '-5'")
    header, line = read_report(tmp_path / "a.csv.errors.csv")
    assert header == ["line", "column", "value", "reason", "remediation"]
    assert line[:3] == ["3", "Strike", "-5"]
    assert "above 0" in line[3]
    assert rounds.after(60.0) == []
    write(path, GOOD)
    assert names(rounds.settle()) == ["a.csv loaded"]
    assert tree(tmp_path) == ["a.csv", "b.csv"]


def test_good_rows_are_loaded_when_that_was_said(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, good_rows=True)
    path = write(tmp_path / "a.csv", BAD)
    write(tmp_path / "b.csv", table(TRADES, call("C9", strike=-1)))
    found, nothing = rounds.settle()
    assert found.content is not None
    assert [record["trade_id"] for record in found.content.incoming.records["trades"]] == ["C1", "C3"]
    assert found.row.outcome == "loaded"
    assert "1 row refused, the others were loaded" in found.row.detail
    assert nothing.row.outcome == "refused"
    os.utime(path, ns=(5, 5))
    assert names(rounds.settle()) == ["a.csv touched"]
    assert tree(tmp_path) == ["a.csv", "a.csv.errors.csv", "b.csv", "b.csv.errors.csv"]


def test_a_refused_file_is_read_again_when_the_command_says_otherwise(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", BAD)
    assert names(rounds.settle()) == ["a.csv refused"]
    assert names(Rounds(tmp_path, known=rounds.known).settle()) == []
    assert names(Rounds(tmp_path, known=rounds.known, good_rows=True).settle()) == ["a.csv loaded"]
    assert names(Rounds(tmp_path, known=rounds.known).settle()) == [], "what was loaded stays loaded"


def test_formulas_in_a_report_are_escaped_and_numbers_stay(tmp_path: Path) -> None:
    formula = call('"=HYPERLINK(""http://evil"")"').replace(",70,", ",=1+1,")
    write(
        tmp_path / "a.csv",
        table(TRADES, formula, call("C2").replace(",70,", ",-31.4,"), call("@C").replace("70", "-1+2")),
    )
    Rounds(tmp_path).settle()
    values = [line[2] for line in read_report(tmp_path / "a.csv.errors.csv")[1:]]
    assert values == ["'=1+1", "-31.4", "'-1+2"]


def test_a_file_of_somebody_else_with_the_name_of_a_report_stays(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", BAD)
    write(tmp_path / "a.csv.errors.csv", "my notes\n")
    rounds = Rounds(tmp_path)
    assert names(rounds.settle()) == ["a.csv refused"]
    assert "no report, and stays" in rounds.round.progress
    write(tmp_path / "a.csv", GOOD)
    assert names(rounds.settle()) == ["a.csv loaded"]
    assert (tmp_path / "a.csv.errors.csv").read_text() == "my notes\n"


def test_a_drop_folder_is_emptied(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, drop=True)
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", BAD)
    assert names(rounds.settle()) == ["a.csv loaded", "b.csv refused"]
    assert tree(tmp_path) == ["loaded/a.csv", "rejected/b.csv", "rejected/b.csv.errors.csv"]
    write(tmp_path / "a.csv", OTHER)
    write(tmp_path / "b.csv", BAD.replace("-5", "-6"))
    assert names(rounds.settle()) == ["a.csv loaded", "b.csv refused"]
    assert tree(tmp_path) == [
        "loaded/a.2.csv",
        "loaded/a.csv",
        "rejected/b.2.csv",
        "rejected/b.2.csv.errors.csv",
        "rejected/b.csv",
        "rejected/b.csv.errors.csv",
    ]
    assert (tmp_path / "loaded/a.csv").read_text() == GOOD, "nothing is overwritten"
    assert (tmp_path / "loaded/a.2.csv").read_text() == OTHER


@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell who writes to a file")
def test_a_dropped_file_stays_until_its_writer_has_closed_it(tmp_path: Path) -> None:
    """A slow writer: each line whole, long pauses between them."""
    rounds, path = Rounds(tmp_path, drop=True), tmp_path / "slow.csv"
    with path.open("w", encoding="utf-8") as writer:
        for line in (TRADES, call("T1"), call("T2")):
            writer.write(f"{line}\n")
            writer.flush()
            assert rounds.settle() == []
            assert rounds.after(60.0) == []
        assert "slow.csv: somebody still has it open to write to it" in rounds.round.progress
        assert tree(tmp_path) == ["slow.csv"]
    (found,) = rounds.settle()
    assert found.content is not None
    assert len(found.content.incoming) == 2
    assert tree(tmp_path) == ["loaded/slow.csv"]


@pytest.mark.parametrize("ending", ["", "not,a,trade\n"], ids=["loaded", "refused"])
def test_what_is_written_to_a_file_after_it_was_moved_is_read_too(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a writer on another machine, of which this one cannot know."""
    monkeypatch.setattr(ingestion.watch.round, "is_open_for_writing", lambda _: False)
    rounds, path = Rounds(tmp_path, drop=True), tmp_path / "slow.csv"
    with path.open("w", encoding="utf-8") as writer:
        writer.write(table(TRADES, call("T1")) + ending)
        writer.flush()
        assert len(rounds.settle()) == 1
        assert not path.exists()
        writer.write(call("T2") + "\n")
    found = rounds.settle()
    assert len(found) == 1
    content = found[0].content
    assert content is not None
    assert len(content.incoming) == (0 if ending else 2)
    folder = "rejected" if ending else "loaded"
    assert tree(tmp_path) == [f"{folder}/slow.csv", *([f"{folder}/slow.csv.errors.csv"] if ending else [])]
    assert rounds.after(10_000.0) == []
    assert rounds.round._moved == {}


def test_the_same_content_dropped_again_is_put_away_and_not_loaded(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, drop=True)
    for expected in (["a.csv loaded", "b.csv refused"], []):
        write(tmp_path / "a.csv", GOOD)
        write(tmp_path / "b.csv", BAD)
        assert names(rounds.settle()) == expected
    assert tree(tmp_path) == [
        "loaded/a.2.csv",
        "loaded/a.csv",
        "rejected/b.2.csv",
        "rejected/b.2.csv.errors.csv",
        "rejected/b.csv",
        "rejected/b.csv.errors.csv",
    ]


def test_a_bad_file_dropped_again_at_once_has_its_report_too(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, drop=True)
    write(tmp_path / "b.csv", BAD)
    rounds.look()
    rounds.now += 1.0
    found = rounds.round.turn(rounds.now)
    assert found is not None
    rounds.round.committed(found)
    write(tmp_path / "b.csv", BAD)
    rounds.settle()
    reports = [name for name in tree(tmp_path) if name.endswith(".errors.csv")]
    assert reports == ["rejected/b.2.csv.errors.csv", "rejected/b.csv.errors.csv"]


def test_a_file_that_was_named_stays_where_it_is_although_folders_are_drop_folders(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    write(tmp_path / "in" / "a.csv", GOOD)
    write(tmp_path / "b.csv", OTHER)
    Rounds(tmp_path / "in", tmp_path / "b.csv", drop=True).settle()
    assert tree(tmp_path) == ["b.csv", "in/loaded/a.csv"]


def test_another_file_that_came_after_the_reading_is_not_put_away_unread(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path, drop=True)
    path = write(tmp_path / "a.csv", GOOD)
    rounds.look()
    rounds.now += 1.0
    found = rounds.round.turn(rounds.now)
    assert found is not None
    replace(path, OTHER)
    rounds.round.committed(found)
    assert tree(tmp_path) == ["a.csv"]
    assert names(rounds.settle()) == ["a.csv loaded"]
    assert tree(tmp_path) == ["loaded/a.csv"]
    assert (tmp_path / "loaded/a.csv").read_text() == OTHER


def killed_after_the_commit(rounds: Rounds) -> dict[str, LoadedFileRow]:
    """Find everything and commit it, without what comes after the commit; returns what the store knows then."""
    known = {}
    rounds.look()
    rounds.now += 1.0
    while (found := rounds.round.turn(rounds.now)) is not None:
        known[found.file.key] = found.row
        rounds.round._done[found.file.key] = found.file.signature
    return known


@pytest.mark.parametrize("drop", [False, True])
@pytest.mark.parametrize("good_rows", [False, True])
def test_what_a_kill_after_the_commit_left_undone_is_done_at_the_next_start(
    tmp_path: Path, drop: bool, good_rows: bool
) -> None:
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", BAD)
    known = killed_after_the_commit(Rounds(tmp_path, drop=drop, good_rows=good_rows))
    assert tree(tmp_path) == ["a.csv", "b.csv"]
    assert Rounds(tmp_path, known=known, drop=drop, good_rows=good_rows).settle() == [], "nothing is loaded again"
    bad = "loaded" if good_rows else "rejected"
    moved = sorted(["loaded/a.csv", f"{bad}/b.csv", f"{bad}/b.csv.errors.csv"])
    assert tree(tmp_path) == (moved if drop else ["a.csv", "b.csv", "b.csv.errors.csv"])


def test_a_report_of_before_the_mending_goes_although_a_kill_came_between(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", BAD)
    rounds.settle()
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / ".a.csv.errors.csv.tmp", "line,col")
    known = killed_after_the_commit(Rounds(tmp_path, known=dict(rounds.known)))
    assert tree(tmp_path) == [".a.csv.errors.csv.tmp", "a.csv", "a.csv.errors.csv"]
    assert Rounds(tmp_path, known=known).settle() == []
    assert tree(tmp_path) == ["a.csv"]


def test_an_orphaned_report_does_not_keep_its_file_from_its_name(tmp_path: Path) -> None:
    """Killed between the report and the move."""
    rounds = Rounds(tmp_path, drop=True)
    write(tmp_path / "b.csv", BAD)
    rounds.settle()
    (tmp_path / "rejected" / "b.csv").rename(tmp_path / "b.csv")
    rounds.settle()
    assert tree(tmp_path) == ["rejected/b.csv", "rejected/b.csv.errors.csv"]


def test_links_are_followed_within_their_folder_only(tmp_path: Path) -> None:
    folder, elsewhere = tmp_path / "in", tmp_path / "elsewhere"
    (folder / "..data").mkdir(parents=True)
    elsewhere.mkdir()
    write(folder / "..data" / "inner.csv", GOOD)
    write(elsewhere / "secret.csv", OTHER)
    (folder / "inner.csv").symlink_to("..data/inner.csv")
    (folder / "outer.csv").symlink_to(elsewhere / "secret.csv")
    (folder / "nowhere.csv").symlink_to("gone.csv")
    (folder / "circle.csv").symlink_to("circle.csv")
    rounds = Rounds(folder)
    assert names(rounds.settle()) == ["inner.csv loaded"]
    assert "outer.csv: a link that leads out of its folder is not followed" in rounds.round.progress
    assert "circle.csv: " in rounds.round.progress
    replace(folder / "..data" / "inner.csv", OTHER)
    assert names(rounds.settle()) == ["inner.csv loaded"], "what it leads to has changed"
    assert names(Rounds(folder / "outer.csv").settle()) == ["outer.csv loaded"], "it was named, so it is meant"
    dropped = Rounds(folder, drop=True)
    assert dropped.settle() == []
    assert "inner.csv: a link in a drop folder" in dropped.round.progress


def test_what_cannot_be_a_file_is_left_aside_in_words(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    write(tmp_path / "b.csv", GOOD)
    text = write(tmp_path / "named.txt", GOOD)
    rounds = Rounds(tmp_path, text)
    assert names(rounds.settle()) == ["b.csv loaded"]
    assert "folder.csv: is a folder" in rounds.round.progress
    assert "pipe.csv: is no regular file" in rounds.round.progress
    assert "named.txt: is neither .csv, .xlsx nor .parquet" in rounds.round.progress


def test_a_named_file_that_becomes_a_folder_is_watched_as_one(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", GOOD)
    rounds = Rounds(path)
    rounds.settle()
    path.unlink()
    path.mkdir()
    write(path / "b.csv", OTHER)
    assert names(rounds.settle()) == ["b.csv loaded"]


def test_a_name_of_any_bytes_is_no_end(tmp_path: Path) -> None:
    rounds = Rounds(tmp_path)
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\n.csv"))
    write(odd, BAD)
    (found,) = rounds.settle()
    assert found.row.outcome == "refused"
    found.row.path.encode("utf-8")
    assert found.file.name.isprintable()
    assert rounds.round.progress.isprintable()


def counted(monkeypatch: pytest.MonkeyPatch, name: str, before: Any = None) -> list[str]:
    """Note the names of the files that a function of the reading is called for; ``before`` it something happens."""
    import ingestion.watch.round

    calls: list[str] = []
    real = getattr(ingestion.watch.round, name)

    def call_of(file: Any, *arguments: Any, **options: Any) -> Any:
        calls.append(file.name)
        if before is not None:
            before(file.path)
        return real(file, *arguments, **options)

    monkeypatch.setattr(ingestion.watch.round, name, call_of)
    return calls


def while_reading(monkeypatch: pytest.MonkeyPatch, happens: Any) -> None:
    """Once, when a file has been read but is not yet done with, something happens to it."""
    left = [happens]

    def read(path: Path, *arguments: Any) -> Any:
        found = read_file(path, *arguments)
        if left:
            left.pop()(path)
        return found

    monkeypatch.setattr(ingestion.watch.content, "read_file", read)


def test_a_file_that_changed_while_it_was_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", GOOD)
    while_reading(monkeypatch, lambda path: write(path, OTHER))
    assert rounds.settle() == []
    (found,) = rounds.settle()
    assert found.content is not None
    assert found.content.incoming.records["trades"][0]["quantity"] == 11


def test_a_file_that_vanishes_while_it_is_read_is_nobodys_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", GOOD)
    while_reading(monkeypatch, lambda path: path.unlink())
    assert rounds.settle() == []
    assert rounds.settle() == []
    assert rounds.round.progress == "0 files there, 0 loaded, 0 refused"


def test_a_file_that_may_not_be_read_is_said_and_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds = Rounds(tmp_path)
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", OTHER)
    forbidden = [True]

    def refuse(path: Path) -> None:
        if forbidden and path.name == "a.csv":
            raise PermissionError(13, "Permission denied", str(path))

    counted(monkeypatch, "hash_of", refuse)
    assert names(rounds.settle()) == ["b.csv loaded"]
    assert "a.csv: no permission" in rounds.round.progress
    assert rounds.round.waiting_since is None, "it does not count as a lag"
    forbidden.clear()
    assert names(rounds.after(2.0)) == ["a.csv loaded"]
    assert "permission" not in rounds.round.progress


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_rights_for_us(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", GOOD)
    path.chmod(0)
    rounds = Rounds(tmp_path)
    assert rounds.settle() == []
    assert "a.csv: no permission" in rounds.round.progress
    path.chmod(0o600)
    assert names(rounds.settle()) == ["a.csv loaded"]


def test_a_file_that_breaks_the_reader_is_refused_and_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(path: Path, *arguments: Any) -> Any:
        if path.name == "a.csv":
            raise RecursionError("too deep")
        return read_file(path, *arguments)

    monkeypatch.setattr(ingestion.watch.content, "read_file", read)
    write(tmp_path / "a.csv", GOOD)
    write(tmp_path / "b.csv", OTHER)
    bad, good = Rounds(tmp_path).settle()
    assert "cannot be read (RecursionError: too deep)" in bad.row.detail
    assert good.row.outcome == "loaded"


def test_a_file_over_the_limit_is_refused_without_being_read(tmp_path: Path) -> None:
    write(tmp_path / "a.csv", GOOD)
    (refused,) = Rounds(tmp_path, limits=FileLimits(bytes=20)).settle()
    assert refused.row.content_hash == f"{len(GOOD)} bytes"
    assert "DELTABOARD_FILE_MEGABYTES" in refused.row.detail
    again = Rounds(tmp_path, known={refused.row.path: refused.row})
    assert names(again.settle()) == ["a.csv loaded"], "the limit was raised"
