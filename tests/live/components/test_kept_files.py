"""Files from memory: what is answered is what is on the disk, and the browser may keep it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from live.components.kept_files import IMMUTABLE, KeptFile, KeptFolder
from live.components.panels import ASSETS_FOLDER, ASSETS_URL, asset_address, asset_names
from live.components.pivot_engine import ENGINE_SCRIPT, engine_address
from live.serving.hub import Hub
from live.serving.routes import routes
from storage.connection.settings import settings
from storage.core.database import Store
from tests.fixtures.open_gate import everyone

TEXT = "const row = 'a row of a long file';\n" * 200


def ask(app: Any, address: str = "/", encoding: str = "gzip, br", method: str = "GET") -> httpx.Response:
    """What an application answers to one request."""

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://board") as client:
            return await client.request(method, address, headers={"accept-encoding": encoding})

    return asyncio.run(asked())


@pytest.fixture
def live_routes(small_store: Store) -> Iterator[Starlette]:
    """The live routes, for everyone."""
    hub = Hub(Store(small_store.url.render_as_string(hide_password=False)), settings())
    yield Starlette(routes=routes(hub, settings(), everyone))
    hub.close()


def test_a_file_is_the_same_compressed_and_plain(tmp_path: Path) -> None:
    (tmp_path / "rows.js").write_text(TEXT)
    kept = KeptFile.read(tmp_path / "rows.js", "no-cache")
    plain, small = ask(kept, encoding="identity"), ask(kept)
    assert plain.text == small.text == TEXT
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert int(small.headers["content-length"]) < len(TEXT) / 10
    assert plain.headers["vary"] == small.headers["vary"] == "accept-encoding"
    assert plain.headers["content-type"] == "text/javascript"
    assert ask(kept, method="HEAD").content == b""


def test_fonts_are_not_compressed_again(tmp_path: Path) -> None:
    (tmp_path / "letters.woff2").write_bytes(b"letters" * 1000)
    assert KeptFile.read(tmp_path / "letters.woff2", "no-cache").compressed is None


def test_a_folder_has_its_own_files_alone(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    (tmp_path / "js").mkdir()
    (tmp_path / "js" / "a.js").write_text("a")
    folder = KeptFolder(tmp_path / "js", "no-cache")
    assert folder.names == ["a.js"]
    assert "../secret.txt" not in folder
    with pytest.raises(KeyError):
        folder.read("../secret.txt")


def test_the_browser_keeps_our_files(live_routes: Starlette) -> None:
    assert len(asset_names()) > 40
    for name in asset_names():
        answer = ask(live_routes, asset_address(name))
        assert answer.content == (ASSETS_FOLDER / name).read_bytes()
        assert answer.headers["cache-control"] == f"private, {IMMUTABLE}"
    assert ask(live_routes, engine_address(ENGINE_SCRIPT)).headers["cache-control"] == f"private, {IMMUTABLE}"


@pytest.mark.parametrize(
    "address",
    [
        f"{ASSETS_URL}/000000000000/panels/panel.js",
        f"{ASSETS_URL}/panels/panel.js",
        asset_address("missing.js"),
        asset_address("..%2Fpanels.py"),
        asset_address("%2e%2e/panels.py"),
    ],
)
def test_nothing_else_is_kept_under_an_address(live_routes: Starlette, address: str) -> None:
    """Of another version either: it would be kept for a year as what it is not."""
    answer = ask(live_routes, address)
    assert answer.status_code == 404
    assert "immutable" not in answer.headers.get("cache-control", "")
