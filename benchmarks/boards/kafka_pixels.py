"""From a message sent to Kafka to the number changing in a real browser that shows the whole board."""

import json
import tempfile
import time
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page

from benchmarks.boards.pixels import CELL, SHOWN_AT, TICKER, WATCH
from benchmarks.boards.served import chromium, served_board
from benchmarks.books import AS_OF
from benchmarks.results import Result, result_of
from benchmarks.store.streaming import Stream
from launch.kafka_broker import Broker
from launch.messages import Refusal

NAME = "kafka_pixels"
_MESSAGES, _QUICK_MESSAGES, _WARM_UP = 40, 5, 3
_SECONDS_TO_SHOW = 15.0
_PAUSE_SECONDS = 0.5
_NOON = datetime(AS_OF.year, AS_OF.month, AS_OF.day, 16, tzinfo=UTC)


def run(quick: bool) -> list[Result]:
    """Quotes of one share, one by one, by the real sidecar with its usual batches."""
    with ExitStack() as opened:
        browser = opened.enter_context(chromium())
        if browser is None:
            return []
        try:
            broker = opened.enter_context(Broker())
        except Refusal as refusal:
            print(f"Kafka is not there, nothing is measured with it: {refusal}", flush=True)
            return []
        board = opened.enter_context(served_board())
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="deltaboard-bench-")))
        url = board.ticking.store.url.render_as_string(hide_password=False)
        stream = opened.enter_context(closing(Stream(broker, url, {"quotes": "quotes"}, "pixels", folder / "log")))
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.goto(board.url)
        page.wait_for_selector(f"{CELL}[data-raw]")
        page.evaluate(WATCH, CELL)
        start = board.ticking.quote_of(TICKER)
        times = []
        for number in range((_QUICK_MESSAGES if quick else _MESSAGES) + _WARM_UP):
            taken = _time(page, stream, number, round(start * (1.01 + 1e-4 * number), 6))
            if number >= _WARM_UP:
                times.append(taken)
    return [result_of(NAME, "a quote of one share", "message sent to the number in the browser", times)]


def _time(page: Page, stream: Stream, number: int, quote: float) -> float:
    """Milliseconds from just before a message is sent to the change on the screen."""
    page.wait_for_timeout(_PAUSE_SECONDS * 1000)
    at = _NOON + timedelta(seconds=number)
    message = {"AsOfDate": at.isoformat(), "Instrument": TICKER, "Quote": quote}
    started = time.time() * 1000.0
    stream.send("quotes", [(TICKER, json.dumps(message).encode())])
    deadline = time.monotonic() + _SECONDS_TO_SHOW + (60.0 if number == 0 else 0.0)
    while True:
        shown = page.evaluate(SHOWN_AT, quote)
        if shown is not None:
            return float(shown) - started
        if time.monotonic() > deadline:
            raise RuntimeError(f"the quote of {TICKER} did not come to the screen")
        page.wait_for_timeout(15)
