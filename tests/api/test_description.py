"""The OpenAPI description and the page: what they say is what the routes do."""

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from api.bodies import CONTENT_TYPES
from api.docs_page import docs_page
from api.openapi import EXAMPLES, openapi
from services.records.record_kinds import RECORD_KINDS
from storage.connection.settings import Settings
from storage.core.database import Store
from tests.api.serving import Server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    store = Store(f"sqlite:///{tmp_path}/store.sqlite")
    store.migrate()
    running = Server(store)
    yield running
    running.close()
    store.close()


def references_of(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references_of(value)
    elif isinstance(part, list):
        for value in part:
            yield from references_of(value)


def test_every_kind_and_column_is_described() -> None:
    described = openapi(Settings())  # type: ignore[call-arg]
    assert list(described["paths"]) == [f"/api/{kind}" for kind in RECORD_KINDS]
    for kind in RECORD_KINDS.values():
        schema = described["components"]["schemas"][kind.name]
        assert list(schema["properties"]) == [column.name for column in kind.columns]
        assert schema["required"] == [column.name for column in kind.columns if column.required]
        content = described["paths"][f"/api/{kind.name}"]["post"]["requestBody"]["content"]
        assert tuple(content) == CONTENT_TYPES


def test_every_reference_leads_somewhere() -> None:
    described = openapi(Settings())  # type: ignore[call-arg]
    found = set(references_of(described))
    assert found == {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert described["security"] == [{"token": []}]


def test_what_is_answered_is_what_is_described(server: Server) -> None:
    schemas = openapi(Settings())["components"]["schemas"]  # type: ignore[call-arg]
    answer = server.append("quotes", [{}]).json
    assert set(answer) == set(schemas["Appended"]["required"])
    failure = schemas["Appended"]["properties"]["failures"]["items"]["properties"]
    assert set(answer["failures"][0]) == set(failure)
    assert set(server.ask("/api/quotes", "{").json) <= set(schemas["Refused"]["properties"])


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_the_examples_are_right(server: Server, kind: str) -> None:
    answer = server.append(kind, EXAMPLES[kind])
    assert (answer.status, answer.json["refused"], answer.json["left_aside"]) == (200, 0, [])


def test_the_page_needs_no_script_and_nothing_from_elsewhere(server: Server) -> None:
    answer = server.ask("/api/docs", method="GET", token=None)
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'unsafe-inline'")
    assert not re.search(r"<script|<img|<link|@import|url\(|src=", answer.text)
    assert set(re.findall(r'href="([^"]+)"', answer.text)) == {"openapi.json", *(f"#{kind}" for kind in RECORD_KINDS)}
    assert "prefers-color-scheme: dark" in answer.text
    for kind in RECORD_KINDS.values():
        assert f"POST /api/{kind.name}" in answer.text
        assert all(column.meaning in unescape(answer.text) for column in kind.columns)


def test_the_pages_examples_are_right(server: Server) -> None:
    """Each curl command, its body taken off the page."""
    text = unescape(server.ask("/api/docs", method="GET", token=None).text)
    found = re.findall(
        r"curl http://127\.0\.0\.1:\d+/api/(\w+) [^<]*?Content-Type: (\S+)\" \\\n"
        r"  (?:-d|--data-binary \$)\s?'(.*?)'\n?<",
        text,
        re.S,
    )
    assert len(found) == 3 + len(RECORD_KINDS)
    for kind, content_type, body in found:
        answer = server.ask(f"/api/{kind}", body.replace("\\n", "\n"), content_type=content_type)
        assert (answer.status, json.dumps(answer.json["failures"])) == (200, "[]")


def test_an_address_from_the_request_becomes_text() -> None:
    page = docs_page("http://<b>x/", Settings())  # type: ignore[call-arg]
    assert "<b>" not in page
    assert "curl http://&lt;b&gt;x/api/quotes" in page


def test_the_short_address_leads_to_the_page(server: Server) -> None:
    answer = server.ask("/api", method="GET", token=None)
    assert (answer.status, answer.headers["Location"]) == (307, "/api/docs")
