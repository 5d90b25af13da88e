"""Start pages: each person's own, of views that they may open; what a widget may be; what the audit tells."""

from dataclasses import replace
from typing import Any

import pytest

from services.access.permissions import Role, User
from services.views.saved_views import ViewContent, ViewRefused, delete_view, save_view, share_view
from services.views.start_page import MOST_WIDGETS, Widget, save_start_page, start_page_of
from storage.core.database import Store
from storage.people.audit import read_audit, verify_audit

VERA = User("Vera", frozenset({Role.VIEWER}))
MAX = User("Max", frozenset({Role.MANAGER}))
ADA = User("Ada", frozenset({Role.ADMIN}))


def view_of(store: Store, user: User, name: str, *, shared: bool = False) -> str:
    view = save_view(store, user, name, ViewContent({"group_by": [name]}))
    return share_view(store, user, view.view_id, shared).view_id


def shown(store: Store, user: User) -> list[tuple[str, str | None]]:
    return [(placed.widget.view_id, placed.view and placed.view.name) for placed in start_page_of(store, user)]


def test_nothing_was_saved(store: Store) -> None:
    assert start_page_of(store, VERA) == []


def test_a_start_page_comes_back_in_its_order_to_whoever_made_it(store: Store) -> None:
    own, theirs = view_of(store, VERA, "own"), view_of(store, MAX, "theirs", shared=True)
    widgets = [
        Widget(theirs, "full", "periodic", 2.5, 500),
        Widget(own, "half", "paused", 5.0, 300),
        Widget(theirs),
    ]
    save_start_page(store, VERA, widgets)
    assert [placed.widget for placed in start_page_of(store, VERA)] == widgets
    assert shown(store, VERA) == [(theirs, "theirs"), (own, "own"), (theirs, "theirs")]
    assert start_page_of(store, MAX) == []
    save_start_page(store, VERA, widgets[::-1][:2])
    assert [placed.widget for placed in start_page_of(store, VERA)] == widgets[::-1][:2]
    save_start_page(store, VERA, [])
    assert start_page_of(store, VERA) == []


def test_a_view_that_is_gone_or_no_longer_shared_is_kept_and_told(store: Store) -> None:
    deleted, unshared, there = (view_of(store, MAX, name, shared=True) for name in ("a", "b", "c"))
    widgets = [Widget(deleted), Widget(unshared), Widget(there)]
    save_start_page(store, VERA, widgets)
    delete_view(store, MAX, deleted)
    share_view(store, MAX, unshared, False)
    assert shown(store, VERA) == [(deleted, None), (unshared, None), (there, "c")]
    save_start_page(store, VERA, widgets[::-1])
    assert shown(store, VERA) == [(there, "c"), (unshared, None), (deleted, None)], "others can be changed beside them"
    share_view(store, MAX, unshared, True)
    assert shown(store, VERA)[1] == (unshared, "b")


def test_a_view_that_one_may_not_open_cannot_be_put_there(store: Store) -> None:
    theirs = view_of(store, MAX, "theirs")
    for user in (VERA, ADA):
        own = view_of(store, user, "own")
        save_start_page(store, user, [Widget(own)])
        for view_id in (theirs, "ab12"):
            with pytest.raises(ViewRefused, match=r"^One of these views is not there, or is not shared with you"):
                save_start_page(store, user, [Widget(own), Widget(view_id)])
        assert shown(store, user) == [(own, "own")]


def test_a_page_has_at_most_twelve_widgets(store: Store) -> None:
    view_id = view_of(store, VERA, "own")
    save_start_page(store, VERA, [Widget(view_id)] * MOST_WIDGETS)
    with pytest.raises(ViewRefused, match=r"^A start page has at most 12 widgets: take one away first\.$"):
        save_start_page(store, VERA, [Widget(view_id)] * (MOST_WIDGETS + 1))
    assert len(start_page_of(store, VERA)) == MOST_WIDGETS


CANNOT_BE: list[tuple[dict[str, Any], str]] = [
    ({"view_id": ""}, "shows a saved view"),
    ({"view_id": None}, "shows a saved view"),
    ({"view_id": "\x00"}, "shows a saved view"),
    ({"width": "third"}, "half or full"),
    ({"mode": "stopped"}, "live, periodic, paused"),
    ({"mode": None}, "live, periodic, paused"),
    ({"seconds": float("nan")}, "every 1 to 3600 seconds"),
    ({"seconds": float("inf")}, "every 1 to 3600 seconds"),
    ({"seconds": 0.1}, "every 1 to 3600 seconds"),
    ({"seconds": True}, "every 1 to 3600 seconds"),
    ({"seconds": "5"}, "every 1 to 3600 seconds"),
    ({"height": 199}, "200 to 1200 pixels"),
    ({"height": 10**400}, "200 to 1200 pixels"),
]


def test_widgets_that_cannot_be(store: Store) -> None:
    view_id = view_of(store, VERA, "own")
    for changes, words in CANNOT_BE:
        with pytest.raises(ViewRefused, match=words):
            save_start_page(store, VERA, [replace(Widget(view_id), **changes)])
    assert start_page_of(store, VERA) == []


def test_the_audit_tells_what_a_page_became(store: Store) -> None:
    view_id = view_of(store, VERA, "own")
    save_start_page(store, VERA, [Widget(view_id, "full", "periodic", 2.5)])
    save_start_page(store, VERA, [Widget(view_id, "full", "periodic", 2.5)])
    save_start_page(store, VERA, [])
    with store.read() as connection:
        assert verify_audit(connection) is None
        told = [stored.entry for stored in read_audit(connection) if stored.entry.subject_kind == "start page"]
    widget = {"view_id": view_id, "width": "full", "mode": "periodic", "seconds": 2.5, "height": 400}
    assert [(e.user_name, e.action, e.subject_key, e.before, e.after) for e in reversed(told)] == [
        ("Vera", "save start page", "Vera", {"widgets": []}, {"widgets": [widget]}),
        ("Vera", "save start page", "Vera", {"widgets": [widget]}, {"widgets": []}),
    ], "the same once more is no entry"
