"""One's own start page: saved views side by side, each live, looking again every few seconds, or paused."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from services.access.permissions import Permission, User, require
from services.views.saved_views import ViewRefused
from storage.core.change_log import changing
from storage.core.database import Store
from storage.people.audit import AuditEntry, append_audit
from storage.people.saved_views import SavedView, visible_views
from storage.people.start_pages import read_start_page, write_start_page

SUBJECT = "start page"
MOST_WIDGETS = 12
LEAST_SECONDS, MOST_SECONDS = 1.0, 3600.0
LEAST_HEIGHT, MOST_HEIGHT = 200, 1200
Width = Literal["half", "full"]
Mode = Literal["live", "periodic", "paused"]


@dataclass(frozen=True, slots=True)
class Widget:
    """A view on a start page. mode: what it begins as; seconds: how often a periodic one looks again; height: in
    pixels."""

    view_id: str
    width: Width = "half"
    mode: Mode = "live"
    seconds: float = 5.0
    height: int = 400


@dataclass(frozen=True, slots=True)
class PlacedWidget:
    """A widget with its view; None: it was deleted, or is not shared any more."""

    widget: Widget
    view: SavedView | None


def start_page_of(store: Store, user: User) -> list[PlacedWidget]:
    """The widgets of somebody's start page in their order; empty where they have made none."""
    require(store, user, Permission.VIEW, "open the start page")
    with store.read() as connection:
        widgets = [_widget(document) for document in read_start_page(connection, user.name)]
        views = visible_views(connection, user.name, [widget.view_id for widget in widgets])
    return [PlacedWidget(widget, views.get(widget.view_id)) for widget in widgets]


def save_start_page(store: Store, user: User, widgets: Sequence[Widget]) -> None:
    """Put these widgets in the place of those that somebody had; in one transaction with its entry of the audit.

    A widget whose view has gone since may stay. Raises ViewRefused for too many, for one that cannot be, and for a new
    one of a view that one may not open.
    """
    require(store, user, Permission.VIEW, "save the start page")
    if len(widgets) > MOST_WIDGETS:
        raise ViewRefused(f"A start page has at most {MOST_WIDGETS} widgets: take one away first.")
    try:
        documents = [asdict(_widget(asdict(widget))) for widget in widgets]
    except ValueError as error:
        raise ViewRefused(str(error)) from error
    with changing(store, f"start page by {user.name}") as (unit, _):
        before = read_start_page(unit.connection, user.name)
        if before == documents:
            return
        allowed = {document["view_id"] for document in before}
        allowed |= visible_views(unit.connection, user.name, [widget.view_id for widget in widgets]).keys()
        if any(widget.view_id not in allowed for widget in widgets):
            raise ViewRefused("One of these views is not there, or is not shared with you: take it away.")
        write_start_page(unit, user.name, documents)
        was, became = ({"widgets": page} for page in (before, documents))
        append_audit(unit, [AuditEntry(user.name, "save start page", SUBJECT, user.name, was, became)])


def _widget(document: Mapping[str, Any]) -> Widget:
    """The widget that a document tells. Raises ValueError with a sentence for people."""
    widget = Widget(**document)
    if not isinstance(widget.view_id, str) or not widget.view_id.isalnum():
        raise ValueError("A widget shows a saved view: choose one.")
    if widget.width not in get_args(Width) or widget.mode not in get_args(Mode):
        raise ValueError(f"A widget is {' or '.join(get_args(Width))}, and {', '.join(get_args(Mode))}.")
    if not _between(widget.seconds, LEAST_SECONDS, MOST_SECONDS):
        raise ValueError(f"A widget looks again every {LEAST_SECONDS:g} to {MOST_SECONDS:g} seconds.")
    if not _between(widget.height, LEAST_HEIGHT, MOST_HEIGHT):
        raise ValueError(f"A widget is {LEAST_HEIGHT} to {MOST_HEIGHT} pixels high.")
    return widget


def _between(value: object, least: float, most: float) -> bool:
    """Whether it is a number from least to most; NaN is between nothing."""
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most
