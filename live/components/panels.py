"""Mounts one live panel in a page.

`live_panel(kind, ...)` puts a panel where it is called: `status`, `figures`, `market`, `summary` or `trades`. Its
numbers do not pass through Streamlit: the panel fetches them over the websocket of the same server. Python gives it the
as-of date, the filters and the selection, and hears when the user selects something else.
"""

import hashlib
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import streamlit as st

from engine.measures import DAY_PNL, MEASURES

ASSETS_FOLDER = Path(__file__).parent.parent / "assets"
ASSETS_URL = "/deltaboard/assets"
PANELS_SCRIPT, FILE_LINKS_SCRIPT, EVERY_PAGE_SCRIPT = (
    "built/panel.js",
    "built/file_links.js",
    "built/every_page.js",
)
"""What components mount, and what runs on every page: each is one file with all modules that it imports, which
`npm run build` writes."""
PAGE_STYLE = "page/page.css"
"""What every page looks like beyond Streamlit's theme."""

PanelKind = Literal["status", "figures", "market", "summary", "trades"]


class Filters(TypedDict):
    """Which trades count; an empty list means all."""

    statuses: list[str]
    books: list[str]


class Selection(TypedDict):
    """What is selected: a node of the tree by its path, or a ticker."""

    path: NotRequired[list[str]]
    ticker: NotRequired[str]


class MeasureText(TypedDict):
    """How a measure is shown."""

    name: str
    label: str
    decimals: int
    help: str


MEASURE_TEXTS: list[MeasureText] = [
    {"name": measure.name, "label": measure.label, "decimals": measure.decimals, "help": measure.help}
    for measure in (*MEASURES, DAY_PNL)
]


@cache
def asset_names() -> tuple[str, ...]:
    """The files that run in the browser, by their paths below the folder of all."""
    paths = (path for path in ASSETS_FOLDER.rglob("*") if path.is_file())
    return tuple(sorted(path.relative_to(ASSETS_FOLDER).as_posix() for path in paths))


@cache
def assets_version() -> str:
    """A hash over what runs in the browser, so that a new version is never mixed with a cached one."""
    digest = hashlib.sha256()
    for name in asset_names():
        digest.update(name.encode() + b"\0" + (ASSETS_FOLDER / name).read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def asset_address(name: str) -> str:
    """Where the browser has a file of ours from: what an address stands for never changes, so it may be kept."""
    return f"{ASSETS_URL}/{assets_version()}/{name}"


def script_of(name: str) -> str:
    """The script of a component of ours: it mounts what a file of ours exports."""
    text = (ASSETS_FOLDER / "panels" / "component.js").read_text(encoding="utf-8")
    return text.replace("{address}", asset_address(name))


PANEL = st.components.v2.component("deltaboard_panel", js=script_of(PANELS_SCRIPT), isolate_styles=False)


def selection_of(value: Any) -> Selection | None:
    """The selection in a panel's state, without what makes each click a new value; None when nothing is selected."""
    if not isinstance(value, Mapping):
        return None
    if value.get("path"):
        return {"path": [str(part) for part in value["path"]]}
    return {"ticker": str(value["ticker"])} if value.get("ticker") else None


def live_panel(
    kind: PanelKind,
    *,
    key: str,
    height: int,
    as_of: str = "latest",
    filters: Filters | None = None,
    selection: Selection | None = None,
    not_included_url: str | None = None,
    on_selection_change: Callable[[Selection | None], None] | None = None,
) -> Selection | None:
    """A live panel of the given height in pixels; returns what the user last selected in it.

    `selection` is what is selected on the page, whichever panel it came from: pass the same to all of them.
    `on_selection_change` is called with the new selection before the page runs again.
    """

    def changed() -> None:
        if on_selection_change is not None:
            on_selection_change(selection_of(st.session_state[key].get("selection")))

    result = PANEL(
        key=key,
        data={
            "panel": kind,
            "key": key,
            "height": height,
            "as_of": as_of,
            "filters": filters or {"statuses": [], "books": []},
            "selection": selection,
            "measures": MEASURE_TEXTS,
            "not_included_url": not_included_url,
        },
        height=height,
        on_selection_change=changed,
    )
    return selection_of(result.get("selection"))
