"""The README's way to a store of one's own, as it is printed: its commands, and the board that they lead to."""

import os
import re
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.board.running import READY, ROOT
from tests.fixtures.databases import free_port, wait_for

pytestmark = pytest.mark.browser

FILES = {
    "my_books.csv": "Book,Desk,BusinessUnit,Region\nMINE,Vol,Derivatives,Americas\n",
    "my_instruments.csv": "Ticker,Name,Sector,Region,Currency\nABC,Abc,Technology,Americas,USD\n",
    "my_parameters.csv": "AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield\n2026-11-02,ABC,0.25,0.01,0\n",
    "my_trades.csv": "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType,ExerciseStyle,"
    "ContractMultiplier\nMY-1,ABC,MINE,EQ_Option,10,100,2027-06-18,call,European,100\n",
    "my_closes.csv": "AsOfDate,Instrument,Quote\n2026-11-02,ABC,100.0\n",
    "my_ticks.csv": "AsOfDate,ABC\n2026-11-03 14:30:00,101.0\n2026-11-03 14:31:00,102.0\n",
}


def own_files_commands() -> list[str]:
    """The indented lines of the section, in their order, without those that only make the environment."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    section = re.search(r"^## Your own files$(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section
    blocks = re.findall(r"(?:^(?: {4}.*)?\n)+", section[1], re.MULTILINE)
    lines = [line for block in blocks for line in textwrap.dedent(block).splitlines() if line.strip()]
    return [line for line in lines if not line.startswith(". .venv")]


@pytest.mark.timeout(600)
def test_the_commands_for_ones_own_files_lead_to_the_board(tmp_path: Path, chromium: Any) -> None:
    for path in ROOT.iterdir():
        if path.name not in ("var", ".git"):
            (tmp_path / path.name).symlink_to(path)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    *loads, replay, web = own_files_commands()
    assert [command.split()[:3] for command in (replay, web)] == [
        ["python", "-m", "ingestion"],
        ["streamlit", "run", "streamlit_app.py"],
    ]
    port = free_port()
    own = {"STREAMLIT_SERVER_PORT": str(port), "STREAMLIT_SERVER_HEADLESS": "true"}  # several boards on one machine
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, **own, "PATH": path}
    script = "\n".join(["set -e", *loads, f"{replay} >replay.log 2>&1 &", "echo $! >sidecar", f"exec {web}"])
    with (tmp_path / "web.log").open("wb") as log:
        shell = subprocess.Popen(["bash", "-c", script], cwd=tmp_path, env=environment, stdout=log, stderr=log)
    try:
        log_text = (tmp_path / "web.log").read_text
        wait_for(lambda: "URL:" in log_text() or shell.poll() is not None, 240, "the web server")
        assert shell.poll() is None, log_text()
        assert f"127.0.0.1:{port}" in log_text(), "it listens on this machine alone"
        assert (tmp_path / "var" / "mine.sqlite").is_file()
        page = chromium.new_page()
        page.goto(f"http://127.0.0.1:{port}")
        page.wait_for_selector(READY, timeout=120_000)
        expect(page.locator("[data-panel=trades] [data-row-key=MY-1]").first).to_be_visible()
        expect(page.get_by_test_id("stAlert")).to_have_count(0)
        page.close()
    finally:
        sidecar = tmp_path / "sidecar"
        if sidecar.is_file():
            os.kill(int(sidecar.read_text()), signal.SIGTERM)
        shell.terminate()
        shell.wait(60)
