"""Every answer says what the browser must not do: run foreign code, guess types, show a page in a foreign frame."""

import asyncio
from typing import Any

import pytest
from starlette.responses import HTMLResponse, PlainTextResponse, Response

from live.components.front_end import FrontEnd
from ui.asgi.security_headers import SecurityHeaders, content_policy


def headers_of(response: Response) -> dict[str, str]:
    said: list[Any] = []

    async def send(message: Any) -> None:
        said.append(message)

    asyncio.run(SecurityHeaders(response, FrontEnd())({"type": "http", "method": "GET"}, None, send))  # type: ignore[arg-type]
    return {name.decode(): value.decode() for name, value in said[0]["headers"]}


@pytest.mark.parametrize("response", [HTMLResponse("<p>"), PlainTextResponse("no", 401), Response(status_code=204)])
def test_every_answer_has_them(response: Response) -> None:
    headers = headers_of(response)
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert "img-src 'self' data: blob:" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"


def test_an_answer_that_is_stricter_keeps_its_own() -> None:
    headers = headers_of(Response(headers={"Content-Security-Policy": "default-src 'none'", "Referrer-Policy": "x"}))
    assert headers["content-security-policy"] == "default-src 'none'"
    assert headers["referrer-policy"] == "x"


def test_scripts_that_stand_in_a_page_are_known_by_their_hash_alone() -> None:
    policy = content_policy(b"<script>one</script><script src='x'></script><script>\ntwo</script>")
    scripts = next(part for part in policy.split("; ") if part.startswith("script-src"))
    assert scripts.count("'sha256-") == 2
    assert "unsafe-inline" not in scripts
    assert "unsafe-eval" not in scripts.replace("wasm-unsafe-eval", "")


def test_the_page_of_streamlit_may_run_its_own_script() -> None:
    page = (FrontEnd().folder / "index.html").read_bytes()
    assert headers_of(Response())["content-security-policy"] == content_policy(page)
    assert "'sha256-" in content_policy(page)
