"""Streamlit has what our use of its undocumented names stands on; each failure says what an upgrade has taken away."""

import importlib
import inspect
import re
from functools import cache
from importlib.metadata import version
from pkgutil import iter_modules

import pytest

import live.components.streamlit_internals as internals
from live.components.front_end import FrontEnd
from storage.connection.settings import ROOT

INTERNALS = "live/components/streamlit_internals.py"
NAMES = {
    "static_folder": ("streamlit.file_util", "get_static_dir"),
    "came_by_history": ("streamlit.runtime.scriptrunner", "get_script_run_ctx"),
    "came_by_history: is_history_navigation": (
        "streamlit.runtime.scriptrunner_utils.script_run_context",
        "ScriptRunContext.is_history_navigation",
    ),
    "sessions": ("streamlit.runtime", "get_instance"),
    "sessions: exists": ("streamlit.runtime", "exists"),
    "sessions: list_sessions": ("streamlit.runtime.session_manager", "SessionManager.list_sessions"),
    "secrets_are_read": ("streamlit", "secrets.load_if_toml_exists"),
    "sign_in_origin": ("streamlit.auth_util", "get_origin_from_redirect_uri"),
    "sign_in_cookie": ("streamlit.auth_util", "get_cookie_with_chunks"),
    "sign_in_cookie: decode_signed_value": (
        "streamlit.web.server.starlette.starlette_app_utils",
        "decode_signed_value",
    ),
    "sign_in_cookie: USER_COOKIE_NAME": (
        "streamlit.web.server.starlette.starlette_server_config",
        "USER_COOKIE_NAME",
    ),
}
"""What needs it -> the module and the name in it."""


def said(what: str, of: str) -> str:
    return f"Streamlit {version('streamlit')} {what}: see {of} in {INTERNALS}"


@pytest.mark.parametrize("of", NAMES)
def test_the_name_is_there(of: str) -> None:
    module, path = NAMES[of]
    try:
        found = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError):
        pytest.fail(said(f"has no {module}.{path} any more", of))


def test_the_runtime_has_its_session_manager() -> None:
    from streamlit.runtime import Runtime

    assert "self._session_mgr =" in inspect.getsource(Runtime), said("names its session manager otherwise", "sessions")


def test_a_cookie_is_read_as_streamlit_writes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.web.server.starlette import starlette_app_utils, starlette_server_config

    monkeypatch.setattr(internals, "auth_section", lambda: {"cookie_secret": "s" * 32})
    name = starlette_server_config.USER_COOKIE_NAME
    signed = starlette_app_utils.create_signed_value("s" * 32, name, '{"is_logged_in": true}').decode()
    wanted = said("signs its cookie otherwise", "sign_in_cookie")
    assert internals.sign_in_cookie({name: signed}) == b'{"is_logged_in": true}', wanted
    assert internals.sign_in_cookie({name: signed[:-2] + "xx"}) is None
    assert internals.sign_in_cookie({}) is None


@cache
def routes_of_streamlit() -> set[str]:
    """All that the modules of Streamlit's server name as a route."""
    package = importlib.import_module("streamlit.web.server.starlette")
    modules = [importlib.import_module(f"{package.__name__}.{found.name}") for found in iter_modules(package.__path__)]
    return {
        value
        for module in modules
        for name, value in vars(module).items()
        if "ROUTE_" in name and isinstance(value, str)
    }


@pytest.mark.parametrize(
    ("path", "of"),
    [
        *((internals.HOST_CONFIG, "HOST_CONFIG"), (internals.STREAM, "STREAM")),
        *((internals.SIGN_IN, "SIGN_IN"), (internals.SIGNED_IN, "SIGNED_IN"), (internals.SIGN_OUT, "SIGN_OUT")),
        *((path, "ASKS_NOBODY") for path in internals.ASKS_NOBODY),
    ],
)
def test_the_route_is_there(path: str, of: str) -> None:
    found = any(route.startswith(path.strip("/")) for route in routes_of_streamlit())
    assert found, said(f"does not answer at {path} any more", of)


def test_the_shell_is_as_the_preload_wants_it() -> None:
    page = FrontEnd().page
    assert internals.IN_EVERY_SHELL in page, said("has another page", "IN_EVERY_SHELL")
    assert page.count(b"</head>") == 1
    scripts = FrontEnd().folder.glob("static/js/*.js")
    asks = any("__streamlit" in path.read_text(encoding="utf-8") for path in scripts)
    assert asks, said("does not look at window.__streamlit any more", "beforehand")


def test_the_page_has_all_that_the_style_sheet_names() -> None:
    """The page's density stands on names in Streamlit's markup: see live/assets/page/page.css."""
    style = (ROOT / "live" / "assets" / "page" / "page.css").read_text(encoding="utf-8")
    named = set(re.findall(r"\bst[A-Z]\w+", style)) | set(re.findall(r"data-test-connection-state|data-stale", style))
    built = "".join(path.read_text(encoding="utf-8") for path in FrontEnd().folder.glob("static/js/*.js"))
    gone = sorted(name for name in named if name not in built)
    assert not gone, f"Streamlit {version('streamlit')} has no {', '.join(gone)} any more: see page/page.css"
