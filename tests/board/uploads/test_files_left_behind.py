"""People's files wait for their upload in a folder of the web process: it goes with the server, however that ends."""

import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from tests.board.running import RunningBoard, running_board
from tests.fixtures.databases import Templates, load_demo_book, wait_for
from ui.uploads.folder import clear_left_behind, own_folder

FILE = b"TradeId,Ticker,Book,Product,Quantity\nLEFT-1,AAPL,EQ_FLOW_US,EQ_Stock,10\n"


def test_only_the_folders_of_processes_that_are_gone_are_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with own_folder() as before_restart:
        names = [f"deltaboard-uploads-{number}-x" for number in (ended.pid, os.getppid(), 10**20)]
        for name in (*names, "deltaboard-uploads-someones", "deltaboard-others-1-x"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_bytes(FILE)
        clear_left_behind()
        assert not Path(before_restart).exists(), "of a server that had the same number"
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {names[1], "deltaboard-uploads-someones", "deltaboard-others-1-x"}


def chosen(chromium: Any, board: RunningBoard) -> None:
    """Choose a file and look what it would do, and no more."""
    page = chromium.new_page()
    page.goto(f"{board.address}/upload?person=Ana")
    page.set_input_files("input[type=file]", {"name": "left.csv", "mimeType": "text/csv", "buffer": FILE})
    page.get_by_role("button", name="Upload 1 row").wait_for(timeout=60_000)
    page.close()


@pytest.mark.browser
def test_a_server_leaves_no_files_and_clears_those_of_one_that_was_killed(
    chromium: Any, templates: Templates, tmp_path: Path
) -> None:
    url = templates.copy("sqlite", "demo", load_demo_book, None)
    place = tmp_path / "temporary"
    place.mkdir()
    where = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(place))
    with running_board(url, tmp_path / "killed.log", **where) as board:
        chosen(chromium, board)
        (folder,) = place.glob("deltaboard-uploads-*")
        assert [path.read_bytes() for path in folder.iterdir()] == [FILE]
        os.kill(int(folder.name.split("-")[2]), signal.SIGKILL)
    assert folder.exists(), "it could not"
    with running_board(url, tmp_path / "next.log", **where) as board:
        wait_for(lambda: not folder.exists(), 60, "the next server to clear it")
        chosen(chromium, board)
        assert len(list(place.glob("deltaboard-uploads-*/*"))) == 1
    assert not list(place.glob("deltaboard-uploads-*")), "it was asked to end, and did in order"
