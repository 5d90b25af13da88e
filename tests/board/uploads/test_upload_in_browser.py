"""The upload page as three people use it: an analyst looks, fixes, uploads and takes back; the others may not."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect
from sqlalchemy import select

from services.access.permissions import Role
from services.uploads.column_mapping import saved_mappings
from storage.core.schema import sensitivities, trades
from storage.people.audit import read_audit
from storage.people.uploads import read_batches
from tests.board.running import RunningBoard, board
from tests.services.uploads.test_preview_upload import GOOD, HEADER, MISTAKES, csv_of

__all__ = ["board"]

pytestmark = pytest.mark.browser
LONG = 60_000
IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
ANALYST, MANAGER, VIEWER = "Ana", "Max", "Vera"
MENDED = [GOOD.format(f"UP-{number:02d}").replace("2020-06-19", "2020-12-18") for number in range(len(MISTAKES))]


def opened(chromium: Any, board: RunningBoard, person: str, view: str = "") -> Any:
    page = chromium.new_page(viewport={"width": 1600, "height": 1100})
    page.set_default_timeout(LONG)
    page.goto(f"{board.address}/upload?person={person}{f'&view={view}' if view else ''}")
    page.wait_for_selector("text=Upload a file", timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)
    return page


def choose(page: Any, path: Path) -> None:
    page.locator("input[type=file]").first.set_input_files(str(path))


def counted(page: Any, word: str, count: int) -> None:
    """Wait until so many rows are counted under a word."""
    metric = page.locator("[data-testid=stMetric]", has=page.get_by_text(word, exact=True))
    expect(metric.locator("[data-testid=stMetricValue]")).to_have_text(str(count))


def stored(board: RunningBoard, like: str = "UP-%") -> tuple[int, int]:
    """How many uploaded trades there are, and how many values of theirs."""
    with board.store.read() as connection:
        ids = list(connection.execute(select(trades.c.trade_id).where(trades.c.trade_id.like(like))).scalars())
        valued = connection.execute(select(sensitivities.c.trade_id).where(sensitivities.c.trade_id.in_(ids)))
        return len(ids), len(set(valued.scalars()))


def test_an_analyst_reads_what_is_wrong_mends_it_uploads_and_takes_back(
    chromium: Any, board: RunningBoard, tmp_path: Path
) -> None:
    path = tmp_path / "trades.csv"
    path.write_bytes(csv_of(GOOD.format("FINE-1"), *(row for row, *_ in MISTAKES)))
    page = opened(chromium, board, ANALYST)
    choose(page, path)
    counted(page, "Bad rows", len(MISTAKES))
    counted(page, "New", 1)
    expect(page.get_by_role("button", name="Fix the file first")).to_be_disabled()
    page.get_by_role("button", name="failures with the rows").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "trades.errors.csv"
    report = Path(download.value.path()).read_text(encoding="utf-8")
    assert report.startswith("Line,Column,Value,Reason,HowToFix,TradeId")
    assert "line 2 already" in report
    assert stored(board, "FINE%") == (0, 0)

    path.write_bytes(csv_of(*MENDED))
    page.get_by_role("button", name="Choose another file").click()
    page.wait_for_selector("text=Choose a file. You see", timeout=LONG)
    page.wait_for_selector(IDLE, timeout=LONG)  # the chooser of before is gone
    choose(page, path)
    page.get_by_role("button", name=f"Upload {len(MENDED)} rows").click(timeout=LONG)
    page.wait_for_selector("text=of trades is in: 24 new", timeout=LONG)
    assert stored(board) == (24, 24), "there, and priced"

    page.wait_for_selector(IDLE, timeout=LONG)
    choose(page, path)
    page.wait_for_selector("text=The same content came before", timeout=LONG)
    expect(page.get_by_role("button", name="Nothing to upload")).to_be_disabled()

    page.get_by_role("radio", name="History").click()
    page.get_by_role("combobox", name="Take an upload back").click()
    page.get_by_role("option").first.click()
    page.locator(".st-key-upload_undo button").click()
    page.wait_for_selector("text=was taken back: 0 rows restored, 24 removed", timeout=LONG)
    assert stored(board) == (0, 0)
    with board.store.read() as connection:
        (batch,) = read_batches(connection)
        actions = [stored.entry.action for stored in read_audit(connection)]
    assert (batch.user_name, batch.undone_by, batch.mode) == (ANALYST, ANALYST, "all or nothing")
    assert actions[:2] == ["undone", "uploaded"]
    page.close()


def test_good_rows_alone_when_the_analyst_says_so(chromium: Any, board: RunningBoard, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    path.write_bytes(csv_of(GOOD.format("SOME-1"), GOOD.format("SOME-2").replace(",70,", ",-1,")))
    page = opened(chromium, board, ANALYST)
    choose(page, path)
    page.get_by_text("The good rows alone").click(timeout=LONG)
    page.get_by_role("button", name="Upload 1 row").click(timeout=LONG)
    page.wait_for_selector("text=1 bad row was left out", timeout=LONG)
    assert stored(board, "SOME-%")[0] == 1
    page.close()


def test_columns_are_mapped_and_the_mapping_is_kept(chromium: Any, board: RunningBoard, tmp_path: Path) -> None:
    names = {"TradeId": "Trade ID", "Quantity": "Qty", "Maturity": "Expiry", "OptionType": "Put/Call"}
    header = ",".join(names.get(name, name) for name in HEADER.split(","))
    path = tmp_path / "theirs.csv"
    path.write_bytes(csv_of(GOOD.format("MAPPED-1"), header=header))
    page = opened(chromium, board, ANALYST)
    choose(page, path)
    page.get_by_role("button", name="Confirm columns").click(timeout=LONG)
    counted(page, "New", 1)
    page.get_by_label("Save this mapping as").fill("broker")
    page.get_by_label("Save this mapping as").press("Enter")
    page.wait_for_selector("text=The mapping broker is saved", timeout=LONG)
    page.reload()
    page.wait_for_selector(IDLE, timeout=LONG)
    choose(page, path)
    page.get_by_role("combobox", name="Saved mapping").click(timeout=LONG)
    page.get_by_role("option", name="broker").click()
    # A run leaves a greyed twin of the button for a moment.
    page.get_by_role("button", name="Use it", disabled=False).click(timeout=LONG)
    counted(page, "New", 1)

    page.get_by_role("radio", name="Columns").click()
    page.get_by_role("combobox", name="Delete a mapping").click(timeout=LONG)
    page.get_by_role("option", name="broker").click()
    page.get_by_role("button", name="Delete", exact=True, disabled=False).click(timeout=LONG)
    page.wait_for_selector("text=The mapping broker is deleted", timeout=LONG)
    page.wait_for_selector("text=Nobody has saved a mapping yet", timeout=LONG)
    assert saved_mappings(board.store) == []
    page.close()


@pytest.mark.parametrize(("person", "role"), [(VIEWER, Role.VIEWER), (MANAGER, Role.MANAGER)])
def test_others_see_why_they_may_not(chromium: Any, board: RunningBoard, person: str, role: Role) -> None:
    page = opened(chromium, board, person)
    page.wait_for_selector("text=Uploading files requires the Analyst role", timeout=LONG)
    expect(page.locator("input[type=file]").first).to_be_disabled()
    page.close()


def test_templates_and_columns_are_there(chromium: Any, board: RunningBoard) -> None:
    page = opened(chromium, board, VIEWER, "Columns")
    page.get_by_role("button", name="Template").click(timeout=LONG)
    for name, file_name in (("CSV", "trades.csv"), ("Excel", "trades.xlsx"), ("Parquet", "trades.parquet")):
        with page.expect_download() as download:
            page.get_by_role("link", name=name).click()
        assert download.value.suggested_filename == file_name
    page.close()
