"""Whatever a parameter of an address says is answered in words: never a 500, never as if the store were away."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any
from urllib.parse import quote, unquote

import pytest
from starlette.responses import Response
from websockets.exceptions import ConnectionClosed

from api import exports
from api.exports import Exports
from services.exports.export_kinds import EXPORT_KINDS, EXPORT_URL
from services.exports.export_worker import ExportWorker
from storage.connection.settings import Settings, settings
from storage.core.database import Store
from tests.api.serving import Server as AppendServer
from tests.api.test_exports import Open, asked_for, exported
from tests.live.serving.test_routes import Server as LiveServer

LONG = "a" * 60_000
NO_TEXT = ["%00", "T1%00", "%ed%a0%80", "%ff%fe", "%EF%BF%BD", LONG]
NO_DATE = ["0001-01-01T00:00:00%2b14:00", "9999-12-31T23:59:59-14:00", "2020-13-01", "1", "-1", "99999-01-01", "nan"]
ODD = ["", "%25", "_", "%5C", "'%20or%201=1--", "%F0%9F%92%B0", "%0a", "..%2f..%2fx", "0001-01-01", "9999-12-31"]
NEEDED = {
    "trade": "trade_id=T1",
    "not-included": "as_of=2020-03-06",
    "template": "kind=trades",
    "failures": "preview_id=x",
}
ASKED = [(kind, each.name) for kind, known in EXPORT_KINDS.items() for each in fields(known.asked)]


@pytest.fixture
def _on_store(small_store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The process of the exports reads this store, on each database in turn."""
    worker = ExportWorker(Settings(DATABASE_URL=small_store.url.render_as_string(hide_password=False)))  # type: ignore[call-arg]
    monkeypatch.setattr(exports, "export_worker", lambda: worker)
    yield
    worker.close()


def answer_to(address: str) -> Response:
    return asyncio.run(Exports(Open()).of_store(asked_for(f"{EXPORT_URL}/{address}")))


@pytest.mark.usefixtures("_on_store")
def test_every_parameter_of_every_export() -> None:
    wrong = []
    for kind, name in ASKED:
        needed = NEEDED.get(kind, "")
        others = "" if needed.startswith(f"{name}=") else f"&{needed}"
        for value in [*NO_TEXT, *NO_DATE, *ODD]:
            answer = answer_to(f"{kind}?form=csv{others}&{name}={value}")
            refused = answer.status_code in (400, 404) and json.loads(bytes(answer.body))["error"]
            if not refused and (answer.status_code != 200 or value in NO_TEXT):
                wrong.append((kind, name, value[:30], answer.status_code, bytes(answer.body)[:100]))
    assert not wrong


@pytest.mark.parametrize("value", [*NO_TEXT, *NO_DATE, *ODD], ids=lambda value: value[:20])
def test_the_other_parameters_of_an_export(value: str) -> None:
    for address in (f"trades?form={value}", f"trades?form=csv&{value}=1", f"{quote(value[:1000])}?form=csv"):
        answer = answer_to(address)
        assert answer.status_code in (400, 404), address[:50]
        assert json.loads(bytes(answer.body))["error"]
    text = unquote(value)
    assert exported(b"x", form=text, title=text).status_code == 400
    assert exported(b"x", form="csv", title=text, **{"about.x": text}).status_code == 400


def test_every_parameter_of_a_live_table(small_store: Store) -> None:
    server = LiveServer(small_store, settings())
    too_much = {"since": "9" * 5000, "pace": "nan", "as_of": "0000-00-00", "board": LONG[:5_000]}
    try:
        for name in ("as_of", "since", "board", "status", "book", "path", "ticker", "pace", "%00", "é" * 500):
            for value in [*NO_TEXT[:-1], LONG[:5_000], *([too_much[name]] if name in too_much else [])]:
                also = "&board=1" if name == "since" else "&since=1" if name == "board" else ""
                with server.open(f"/live/nodes?{quote(name, safe='%')}={value}{also}") as viewer:
                    with pytest.raises(ConnectionClosed) as closed:
                        [viewer.recv(timeout=60) for _ in range(10)]
                    assert closed.value.rcvd is not None, (name, value[:20])
                    assert closed.value.rcvd.code == 4400, (name, value[:20], closed.value)
                    assert closed.value.rcvd.reason
    finally:
        server.close()


def test_parameters_of_an_append(store: Store) -> None:
    server = AppendServer(store)
    try:
        for query in [f"atomic={value}" for value in NO_TEXT] + [f"{value}=1" for value in NO_TEXT]:
            answer: Any = server.ask(f"/api/quotes?{query}", b"[]")
            assert answer.status in (400, 414), query[:30]
    finally:
        server.close()
