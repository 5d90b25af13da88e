"""No slow engine works while a write transaction is open, on any way in; and whoever waits ends when all is priced."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import ingestion.append
from engine.contracts import FloatArray
from engine.pricing.qdfp import PreparedAmericans
from ingestion.deserializers import TRADE_TICKET
from services.access.permissions import Role, User
from services.pricing.price_all import price_newest
from services.pricing.pricing_state import PricingState
from services.tagging.tag_trades import tag_trades, undo_tags
from services.uploads.apply_upload import UploadMode, apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import undo_upload
from services.uploads.upload_worker import _Desk as Desk
from services.writes.append import append
from services.writes.load_demo import load_demo
from services.writes.load_file import load_file
from services.writes.retry_dead_letters import retry_dead_letters
from storage.connection.settings import Settings, settings
from storage.core.database import Store
from storage.feeds.dead_letters import DeadLetter, read_dead_letters, write_dead_letters
from storage.read_models.read_models import failures_frame, sensitivities_frame
from tests.api.serving import Server
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.revalued import revalued
from tests.fixtures.small_book import MONDAY, quote, trade
from tests.ingestion.commands import TRADE_HEADER, run, use_url
from tests.services.pricing.test_slow_engines import AMERICAN, SLOW_BOOK, STEEP, load_slow_book

ANN = User("ann", frozenset({Role.ANALYST}))
MIA = User("mia", frozenset({Role.MANAGER}))
SECOND = {**AMERICAN, "trade_id": "A2", "strike": 70.0}
TRADES = f"{TRADE_HEADER},TradeStatus\nA2,AAPL,EQ_VOL_HED,EQ_Option,10,70,2020-06-19,put,American,100,Live\n"
QUOTES = "AsOfDate,Instrument,Quote\n2020-03-09T14:00:00Z,AAPL,68.5\n"
PARAMETERS = "AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield\n2020-03-09,AAPL,0.031,0.1,0.012\n"
DEMO = {
    "books.csv": "Book,Desk,BusinessUnit,Region\nEQ_VOL_HED,Vol hedging,Equity derivatives,Americas\n",
    "instruments.csv": "Ticker,Name,Sector,Region,Currency\nAAPL,Apple,Technology,Americas,USD\n",
    "pricing_parameters.csv": PARAMETERS.replace("2020-03-09", "2020-03-06"),
    "trades.csv": TRADES,
    "market_data_closes.csv": "AsOfDate,Instrument,Quote\n2020-03-06,AAPL,69\n2020-03-09,AAPL,68\n",
}
Way = Callable[[Store, PricingState, Path], object]


class Watch:
    """Counts the contracts that the slow engine values: while the store is being written to, and otherwise."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.inside = self.outside = self.open = 0
        value = PreparedAmericans.fill

        def fill(prepared: PreparedAmericans, spot: FloatArray, out: FloatArray, start: int) -> None:
            if self.open:
                self.inside += len(spot)
            else:
                self.outside += len(spot)
            value(prepared, spot, out, start)

        monkeypatch.setattr(PreparedAmericans, "fill", fill)
        for name in ("write", "bookkeeping"):
            monkeypatch.setattr(Store, name, self._watched(getattr(Store, name)))

    def _watched(self, begin: Callable[[Store], Any]) -> Callable[[Store], Any]:
        @contextmanager
        def watched(store: Store) -> Iterator[Any]:
            with begin(store) as unit:
                self.open += 1
                try:
                    yield unit
                finally:
                    self.open -= 1

        return watched


@pytest.fixture
def slow_store(store: Store, state: PricingState) -> Store:
    """A book with one American option that only the slow engine prices; it waits for it."""
    load_slow_book(store, state)
    apply_quotes(store, state, [quote("AAPL", 68.0)], source="ticks")
    return store


def file_of(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def load(name: str, text: str) -> Way:
    return lambda store, state, folder: load_file(store, state, name, file_of(folder, f"{name}.csv", text))


def command(name: str, *row: str) -> Way:
    def way(store: Store, state: PricingState, folder: Path) -> None:
        arguments = row or (file_of(folder, "trades.csv", TRADES),)
        assert run("append" if row else "load", name, *arguments).exit_code == 0

    return way


def from_python(store: Store, state: PricingState, folder: Path) -> None:
    assert ingestion.append.append_quotes(("2020-03-09", "AAPL", 68.5)).changed == 1


def over_http(store: Store, state: PricingState, folder: Path) -> None:
    server = Server(store)
    try:
        assert server.append("quotes", [{"AsOfDate": "2020-03-09", "Instrument": "AAPL", "Quote": 68.5}]).status == 200
    finally:
        server.close()


def dead_letter(store: Store, state: PricingState, folder: Path) -> None:
    row = dict(zip(TRADES.splitlines()[0].split(","), TRADES.splitlines()[1].split(","), strict=True))
    message = json.dumps(row).encode()
    with store.write() as unit:
        letter = DeadLetter("g", "trades", 0, 0, None, message, "trades", TRADE_TICKET, "", "", "was not ready")
        write_dead_letters(unit, [letter])
    with store.read() as connection:
        letters = read_dead_letters(connection)
    assert [each.fault for each in retry_dead_letters(store, state, letters)] == [None]


def tag(store: Store, state: PricingState, folder: Path) -> None:
    change_records(store, state, "trades", [{"trade_id": "A1", "trade_status": "Terminated"}], source="ticket")
    assert tag_trades(store, state, MIA, {"A1": "Terminated"}, "Live", "a slip").trades == ["A1"]


def undo_tag(store: Store, state: PricingState, folder: Path) -> None:
    done = tag_trades(store, state, MIA, {"A1": "Live"}, "Terminated", "sold")
    assert undo_tags(store, state, MIA, done.audit_ids).trades == ["A1"]


def upload(text: str, *, undo: bool = False) -> Way:
    def way(store: Store, state: PricingState, folder: Path) -> None:
        preview = preview_upload(store, ANN, None, "file.csv", text.encode())
        done = apply_upload(store, state, ANN, preview, wait_for_slow=True)
        if undo:
            undo_upload(store, state, ANN, done.batch_id or 0, wait_for_slow=True)

    return way


def upload_page(store: Store, state: PricingState, folder: Path) -> None:
    url = store.url.render_as_string(hide_password=False)
    desk = Desk(Settings(DATABASE_URL=url))  # type: ignore[call-arg]
    path = file_of(folder, "kept", TRADES)
    kept = desk.preview(lambda _done, _what: None, ANN, None, "file.csv", path, {}, None)
    desk.apply(lambda _done, _what: None, ANN, kept.preview_id, UploadMode.ALL_OR_NOTHING)
    desk.price_deferred_work()
    desk._store.close()


WAYS: dict[str, Way] = {
    "load trades": load("trades", TRADES),
    "load quotes": load("quotes", QUOTES),
    "load parameters": load("parameters", PARAMETERS),
    "load command": command("trades"),
    "append": lambda store, state, _: append(store, state, "quotes", [("2020-03-09", "AAPL", 68.5)]),
    "append command": command("quotes", "2020-03-09", "AAPL", "68.5"),
    "append from Python": from_python,
    "append over HTTP": over_http,
    "a dead letter again": dead_letter,
    "a tag": tag,
    "a tag undone": undo_tag,
    "an upload": upload(TRADES),
    "an upload of parameters taken back": upload(PARAMETERS, undo=True),
    "the upload page": upload_page,
    "the whole book": lambda store, state, _: price_newest(store, state, source="test", wait_for_slow=True),
}

BRING_A_TRADE = ("load trades", "load command", "a dead letter again", "an upload")
"""The other trade waits on, for its sidecar."""


def values(store: Store) -> tuple[dict[str, float], dict[str, float]]:
    """Market values of the newest date as they are stored, and as the engines give them."""
    with store.read() as connection:
        stored = sensitivities_frame(connection, MONDAY).set_index("trade_id")
        failed = failures_frame(connection, MONDAY)
    expected, _ = revalued(store, MONDAY)
    assert failed.empty
    return dict(stored["market_value"]), dict(expected["market_value"])


@pytest.fixture
def commands_store(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands, and appends from Python, work on the store of the test."""
    use_url(monkeypatch, store.url.render_as_string(hide_password=False))
    yield
    settings.cache_clear()


@pytest.mark.usefixtures("commands_store")
@pytest.mark.parametrize("way", WAYS)
def test_the_slow_engine_works_outside_of_the_write_lock(
    slow_store: Store, state: PricingState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    if way == "append from Python":
        apply_quotes(slow_store, state, [quote("AAPL", 68.2, 1)], source="ticks")
    watch = Watch(monkeypatch)
    WAYS[way](slow_store, state, tmp_path)
    assert watch.inside == 0
    assert watch.outside > 0
    if way in BRING_A_TRADE:
        assert watch.outside == 1, "the trade that came, and no other"
        price_newest(slow_store, state, source="sidecar", wait_for_slow=True)
        assert watch.inside == 0
    stored, expected = values(slow_store)
    assert stored == pytest.approx(expected, rel=1e-12)
    assert ("A2" in stored) == (way in (*BRING_A_TRADE, "the upload page"))


def test_the_demo_is_priced_outside_of_it_too(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in DEMO.items():
        file_of(tmp_path, name, text)
    watch = Watch(monkeypatch)
    load_demo(store, tmp_path)
    assert (watch.inside, watch.outside) == (0, 2), "both dates"
    stored, expected = values(store)
    assert stored == pytest.approx(expected, rel=1e-12)


def test_the_work_of_some_trades_counts_when_others_come(slow_store: Store, state: PricingState) -> None:
    """Each process prices what it brought, and neither does the work of the other again."""
    change_records(slow_store, state, "trades", [SECOND], source="one", wait_for_slow=True)
    change_records(slow_store, PricingState(), "trades", [trade("C9")], source="other", wait_for_slow=True)
    price_newest(slow_store, state, source="sidecar", wait_for_slow=True)
    stored, expected = values(slow_store)
    assert stored == pytest.approx(expected, rel=1e-12)
    assert set(stored) == {record["trade_id"] for record in [*SLOW_BOOK, SECOND, trade("C9")]}


def test_a_slow_trade_waits_until_its_value_comes(
    slow_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick of another process is committed meanwhile."""
    seen: list[str] = []
    real = PreparedAmericans.fill

    def fill(prepared: PreparedAmericans, *rest: Any) -> None:
        if not seen:
            with slow_store.read() as connection:
                seen.extend(failures_frame(connection, MONDAY)["trade_id"])
            apply_quotes(slow_store, PricingState(), [quote("AAPL", 68.7, 60)], source="ticks")
        real(prepared, *rest)

    monkeypatch.setattr(PreparedAmericans, "fill", fill)
    change_records(slow_store, state, "parameters", [STEEP | {"implied_vol": 0.032}], source="t", wait_for_slow=True)
    assert seen == ["A1"]
    with slow_store.read() as connection:
        assert set(sensitivities_frame(connection, MONDAY)["trade_id"]) == {"A1", "C1", "S1"}
        assert failures_frame(connection, MONDAY).empty
