"""Saved views: whose they are, who may do what with them, what a view may hold, and what the audit tells of it."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.access.permissions import Role, User
from services.views.saved_views import (
    LONGEST_NAME,
    MOST_VIEWS,
    ViewConflict,
    ViewContent,
    ViewRefused,
    copy_view,
    delete_view,
    open_view,
    rename_view,
    save_view,
    share_view,
    update_view,
    view_content,
)
from services.views.view_content import LARGEST_PIVOT
from storage.core.change_log import changing
from storage.core.database import Store
from storage.people.audit import AuditEntry, read_audit, verify_audit
from storage.people.saved_views import add_view, read_view, views_for

VERA = User("Vera", frozenset({Role.VIEWER}))
MAX = User("Max", frozenset({Role.MANAGER}))
ADA = User("Ada", frozenset({Role.ADMIN}))
NOBODY = User("Noa")
CONTENT = ViewContent({"group_by": ["desk"], "columns": ["cash_delta"]}, ["Live"], ["EQ_VOL_HED"], "2020-03-09")
OTHER = ViewContent({"group_by": ["ticker"]})
NOT_THERE = r"^There is no such view, or it is not shared with you\.$"


def entries(store: Store) -> list[AuditEntry]:
    """The audit, the oldest first; it is whole."""
    with store.read() as connection:
        assert verify_audit(connection) is None
        return [stored.entry for stored in reversed(read_audit(connection))]


def listed(store: Store, user: User) -> list[tuple[str, str]]:
    with store.read() as connection:
        return [(view.owner, view.name) for view in views_for(connection, user.name)]


def test_a_view_comes_back_as_it_was_saved(store: Store) -> None:
    saved = save_view(store, VERA, "  Delta\n by\tdesk ", CONTENT)
    opened = open_view(store, VERA, saved.view_id)
    assert opened == saved
    assert view_content(opened.content) == CONTENT
    assert (opened.owner, opened.name, opened.is_shared, opened.version) == ("Vera", "Delta by desk", False, 1)
    assert opened.saved_at.utcoffset() is not None


def test_mine_come_first_then_what_others_share(store: Store) -> None:
    for user, name, shared in (
        (MAX, "a", True),
        (MAX, "b", False),
        (VERA, "z", False),
        (VERA, "Y", True),
        (ADA, "A", True),
    ):
        share_view(store, user, save_view(store, user, name, CONTENT).view_id, shared)
    assert listed(store, VERA) == [("Vera", "Y"), ("Vera", "z"), ("Ada", "A"), ("Max", "a")]
    assert listed(store, ADA) == [("Ada", "A"), ("Max", "a"), ("Vera", "Y")], "an admin sees no other's own either"
    assert listed(store, NOBODY) == [("Ada", "A"), ("Max", "a"), ("Vera", "Y")]


def test_whoever_has_no_role_may_save_their_own(store: Store) -> None:
    assert save_view(store, NOBODY, "mine", CONTENT).owner == "Noa"


def test_a_name_that_one_has_is_replaced_only_when_its_version_was_seen(store: Store) -> None:
    first = save_view(store, VERA, "Risk", CONTENT)
    with pytest.raises(ViewConflict, match=r"^You have a view 'Risk' already, saved by Vera on 20.* UTC: replace it,"):
        save_view(store, VERA, "Risk", OTHER)
    with pytest.raises(ViewConflict) as told:
        save_view(store, VERA, "Risk", OTHER, replace=7)
    assert told.value.view == first
    second = save_view(store, VERA, " Risk ", OTHER, replace=told.value.view.version)
    assert (second.view_id, second.version, view_content(second.content)) == (first.view_id, 2, OTHER)
    assert save_view(store, MAX, "Risk", CONTENT).view_id != first.view_id, "another's name is no conflict"
    assert listed(store, VERA) == [("Vera", "Risk")]


def test_the_second_of_two_who_save_one_view_is_told_who_was_first(store: Store) -> None:
    seen = share_view(store, VERA, save_view(store, VERA, "Risk", CONTENT).view_id, True)
    by_ada = update_view(store, ADA, seen.view_id, OTHER, seen.version)
    with pytest.raises(ViewConflict, match=r"^'Risk' is not as you opened it, saved by Ada on ") as told:
        update_view(store, VERA, seen.view_id, CONTENT, seen.version)
    assert (told.value.saved_by, told.value.view) == ("Ada", by_ada)
    assert open_view(store, VERA, seen.view_id) == by_ada, "nothing was changed"
    after = update_view(store, VERA, seen.view_id, CONTENT, told.value.view.version)
    assert (after.version, after.is_shared, view_content(after.content)) == (3, True, CONTENT)


def test_the_same_once_more_is_no_new_version_and_no_entry(store: Store) -> None:
    view = save_view(store, VERA, "Risk", CONTENT)
    assert update_view(store, VERA, view.view_id, CONTENT, 1) == view
    assert rename_view(store, VERA, view.view_id, "Risk") == view
    assert share_view(store, VERA, view.view_id, False) == view
    assert len(entries(store)) == 1


def test_a_new_name_or_sharing_is_no_new_version(store: Store) -> None:
    view = save_view(store, VERA, "Risk", CONTENT)
    share_view(store, VERA, view.view_id, True)
    renamed = rename_view(store, VERA, view.view_id, "Risk now")
    assert (renamed.view_id, renamed.version, renamed.saved_at) == (view.view_id, 1, view.saved_at)
    assert update_view(store, VERA, view.view_id, OTHER, 1).version == 2
    save_view(store, VERA, "Risk", CONTENT)
    with pytest.raises(ViewRefused, match=r"^You have a view 'Risk' already: choose another name\.$"):
        rename_view(store, VERA, view.view_id, "Risk")
    with pytest.raises(ViewRefused, match=r"^Vera has a view 'Risk' already"):
        rename_view(store, ADA, view.view_id, "Risk")


CHANGES: dict[str, Callable[[Store, User, str], Any]] = {
    "update": lambda store, user, view_id: update_view(store, user, view_id, OTHER, 1),
    "rename": lambda store, user, view_id: rename_view(store, user, view_id, "Mine now"),
    "share": lambda store, user, view_id: share_view(store, user, view_id, True),
    "unshare": lambda store, user, view_id: share_view(store, user, view_id, False),
    "delete": delete_view,
}


def test_nobody_changes_what_is_anothers(store: Store) -> None:
    own = save_view(store, VERA, "Own", CONTENT)
    shared = share_view(store, VERA, save_view(store, VERA, "Shared", CONTENT).view_id, True)
    only = r"^Only Vera or an admin may change 'Shared': copy it, and change the copy"
    for change in CHANGES.values():
        with pytest.raises(ViewRefused, match=NOT_THERE):
            change(store, MAX, own.view_id)
        with pytest.raises(ViewRefused, match=only):
            change(store, MAX, shared.view_id)
    with store.read() as connection:
        assert [read_view(connection, view.view_id) for view in (own, shared)] == [own, shared]
    refused = [entry for entry in entries(store) if entry.action == "refused"]
    told = [(entry.user_name, entry.subject_kind, entry.subject_key) for entry in refused]
    assert told == [("Max", "view", view.view_id) for _ in CHANGES for view in (own, shared)]
    assert [entry.note for entry in refused[-2:]] == ["delete a view: 'Own' of Vera", "delete a view: 'Shared' of Vera"]


def test_an_admin_changes_what_is_anothers(store: Store) -> None:
    for name, change in CHANGES.items():
        view = save_view(store, VERA, name, CONTENT)
        before = share_view(store, VERA, view.view_id, name != "share")
        change(store, ADA, before.view_id)
        with store.read() as connection:
            after = read_view(connection, before.view_id)
        assert after != before
        assert after is None or after.owner == "Vera"
        assert entries(store)[-1].user_name == "Ada"


def test_what_is_not_shared_is_neither_opened_nor_copied(store: Store) -> None:
    view = save_view(store, VERA, "Own", CONTENT)
    for user in (MAX, ADA):
        for act in (open_view, copy_view):
            with pytest.raises(ViewRefused, match=NOT_THERE):
                act(store, user, view.view_id)
    share_view(store, VERA, view.view_id, True)
    assert open_view(store, MAX, view.view_id).name == "Own"
    share_view(store, VERA, view.view_id, False)
    with pytest.raises(ViewRefused, match=NOT_THERE):
        open_view(store, MAX, view.view_id)


def test_an_id_that_nobody_has(store: Store) -> None:
    for view_id in ("", "nothing", "x" * 10_000, "\x00", "\ud800", "' OR 1=1 --"):
        for act in (open_view, copy_view, *CHANGES.values()):
            with pytest.raises(ViewRefused, match=NOT_THERE):
                act(store, VERA, view_id)
    assert entries(store) == []


def test_a_copy_is_ones_own(store: Store) -> None:
    view = share_view(store, VERA, save_view(store, VERA, "Risk", CONTENT).view_id, True)
    copy = copy_view(store, MAX, view.view_id)
    assert (copy.owner, copy.name, copy.is_shared, copy.version, copy.content) == (
        "Max",
        "Risk",
        False,
        1,
        view.content,
    )
    assert [copy_view(store, VERA, view.view_id).name for _ in range(3)] == [
        "Risk (copy)",
        "Risk (copy 2)",
        "Risk (copy 3)",
    ]
    with pytest.raises(ViewRefused, match="already: choose another name"):
        copy_view(store, VERA, view.view_id, "Risk")
    update_view(store, MAX, copy.view_id, OTHER, 1)
    assert open_view(store, VERA, view.view_id) == view, "a copy is changed alone"


def test_a_copy_of_the_longest_name_has_a_name(store: Store) -> None:
    view = save_view(store, VERA, "x" * LONGEST_NAME, CONTENT)
    assert copy_view(store, VERA, view.view_id).name == "x" * (LONGEST_NAME - 7) + " (copy)"


def test_deleted_is_gone(store: Store) -> None:
    view = save_view(store, VERA, "Risk", CONTENT)
    delete_view(store, VERA, view.view_id)
    assert listed(store, VERA) == []
    for act in (open_view, delete_view):
        with pytest.raises(ViewRefused, match=NOT_THERE):
            act(store, VERA, view.view_id)


def test_names_that_cannot_be(store: Store) -> None:
    view = save_view(store, VERA, "x" * LONGEST_NAME, CONTENT)
    acts: list[Callable[[str], object]] = [
        lambda name: save_view(store, VERA, name, CONTENT),
        lambda name: rename_view(store, VERA, view.view_id, name),
        lambda name: copy_view(store, VERA, view.view_id, name),
    ]
    for name in ("", "  \n", "\x00", "\ud800", "x" * (LONGEST_NAME + 1)):
        for act in acts:
            with pytest.raises(ViewRefused, match=r"^A view has a name of 1 to 80 characters\.$"):
                act(name)


def test_nobody_has_more_views_than_the_limit(store: Store) -> None:
    with changing(store, "test") as (unit, _):
        for number in range(MOST_VIEWS - 1):
            add_view(unit, f"id{number}", "Vera", f"view {number}", CONTENT.document())
    last = save_view(store, VERA, "the last", CONTENT)
    for act in (lambda: save_view(store, VERA, "more", CONTENT), lambda: copy_view(store, VERA, last.view_id)):
        with pytest.raises(ViewRefused, match=r"^You have 200 views, and nobody may have more: delete some first\.$"):
            act()
    assert save_view(store, VERA, "the last", OTHER, replace=1).version == 2, "a view that is there can be saved"
    assert save_view(store, MAX, "one", CONTENT).version == 1
    delete_view(store, VERA, last.view_id)
    assert save_view(store, VERA, "more", CONTENT).version == 1


def test_the_audit_tells_every_change(store: Store) -> None:
    view = save_view(store, VERA, "Risk", CONTENT)
    update_view(store, VERA, view.view_id, OTHER, 1)
    rename_view(store, VERA, view.view_id, "Risk now")
    share_view(store, VERA, view.view_id, True)
    copy = copy_view(store, MAX, view.view_id)
    share_view(store, ADA, view.view_id, False)
    delete_view(store, VERA, view.view_id)
    told = entries(store)
    assert {entry.subject_kind for entry in told} == {"view"}
    assert [(e.user_name, e.action, e.subject_key == view.view_id, e.note) for e in told] == [
        ("Vera", "save view", True, "'Risk' of Vera"),
        ("Vera", "change view", True, "'Risk' of Vera"),
        ("Vera", "rename view", True, "'Risk now' of Vera"),
        ("Vera", "share view", True, "'Risk now' of Vera"),
        ("Max", "copy view", False, "a copy of 'Risk now' of Vera"),
        ("Ada", "unshare view", True, "'Risk now' of Vera"),
        ("Vera", "delete view", True, "'Risk now' of Vera"),
    ]
    first, changed, renamed = ({**(entry.after or {})} for entry in told[:3])
    assert told[0].before is None
    assert (first["version"], first["shared"], first["statuses"], first["as_of"]) == (1, False, ["Live"], "2020-03-09")
    assert changed["pivot"] != first["pivot"]
    assert renamed == {**changed, "name": "Risk now"}
    assert told[4].subject_key == copy.view_id
    assert told[6].after is None
    assert (told[6].before or {})["name"] == "Risk now"


def test_a_change_that_fails_leaves_nothing(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    view = save_view(store, VERA, "Risk", CONTENT)
    monkeypatch.setattr("services.views.saved_views.append_audit", fail)
    for act in (
        lambda: save_view(store, VERA, "Another", CONTENT),
        lambda: update_view(store, VERA, view.view_id, OTHER, 1),
        lambda: delete_view(store, VERA, view.view_id),
    ):
        with pytest.raises(OSError, match="disk is full"):
            act()
    monkeypatch.undo()
    assert open_view(store, VERA, view.view_id) == view
    assert listed(store, VERA) == [("Vera", "Risk")]
    assert len(entries(store)) == 1


def nested(levels: int) -> dict[str, Any]:
    inner: dict[str, Any] = {}
    for _ in range(levels):
        inner = {"a": inner}
    return inner


HOSTILE: list[tuple[object, str]] = [
    (None, "A view is an object"),
    ([], "A view is an object"),
    ({}, "A view needs the configuration of its pivot"),
    ({"pivot": {}, "owner": "Ada"}, "A view has no part 'owner': it has pivot, statuses, books, as_of"),
    ({"pivot": []}, "is an object"),
    ({"pivot": {"a": "x" * LARGEST_PIVOT}}, "larger than 64 KB"),
    ({"pivot": {"a": "é" * (LARGEST_PIVOT // 2)}}, "larger than 64 KB"),
    ({"pivot": {"a": float("nan")}}, "a number that no browser can tell"),
    ({"pivot": {"a": [float("inf")]}}, "a number that no browser can tell"),
    ({"pivot": {"a": 10**5000}}, "a number that no browser can tell"),
    ({"pivot": {"a": b"bytes"}}, "no text, number, list or object"),
    ({"pivot": {"a": {1: 2}}}, "no text, number, list or object"),
    ({"pivot": {"a": {1, 2}}}, "no text, number, list or object"),
    ({"pivot": nested(100_000)}, "nested deeper than 24 levels"),
    ({"pivot": {}, "statuses": "Live"}, "The statuses of a view are a list of names"),
    ({"pivot": {}, "statuses": None}, "The statuses of a view are a list of names"),
    ({"pivot": {}, "books": [1]}, "The books of a view are a list of names"),
    ({"pivot": {}, "books": ["x"] * 501}, "at most 500 books"),
    ({"pivot": {}, "books": ["x" * 201]}, "at most 500 books, each of at most 200 characters"),
    ({"pivot": {}, "as_of": "latest"}, "a day as YYYY-MM-DD, or nothing"),
    ({"pivot": {}, "as_of": "20200309"}, "a day as YYYY-MM-DD"),
    ({"pivot": {}, "as_of": "2020-02-30"}, "a day as YYYY-MM-DD"),
    ({"pivot": {}, "as_of": 7}, "a day as YYYY-MM-DD"),
]


@pytest.mark.parametrize(("document", "words"), HOSTILE, ids=range(len(HOSTILE)))
def test_what_is_no_view_is_refused_in_words(document: object, words: str) -> None:
    with pytest.raises(ValueError, match=words) as refused:
        view_content(document)
    assert str(refused.value).endswith(".")
    assert len(str(refused.value)) < 200


def test_a_content_that_was_made_otherwise_is_not_saved(store: Store) -> None:
    view = save_view(store, VERA, "Risk", CONTENT)
    changes: list[dict[str, Any]] = [
        {"pivot": {"a": float("nan")}},
        {"pivot": {"a": "x" * LARGEST_PIVOT}},
        {"statuses": ("Live",)},
        {"as_of": "yesterday"},
    ]
    for change in changes:
        content = replace(CONTENT, **change)
        with pytest.raises(ViewRefused):
            save_view(store, VERA, "Another", content)
        with pytest.raises(ViewRefused):
            update_view(store, VERA, view.view_id, content, 1)
    assert listed(store, VERA) == [("Vera", "Risk")]


def test_whatever_text_a_pivot_has_is_kept(store: Store) -> None:
    strange = {
        "a\x00b": ["\ud800", "'; DROP TABLE saved_views; --", "<b>", "\u202e", "=1+1"],
        "c": [1, 2.5, None, True],
    }
    content = view_content({"pivot": strange, "books": ["\x00", "a", "a"]})
    view = save_view(store, VERA, "'; DROP TABLE saved_views; -- <script>", content)
    kept = open_view(store, VERA, view.view_id).content
    assert kept["pivot"] == {"a\\x00b": ["\\ud800", *strange["a\x00b"][1:]], "c": [1, 2.5, None, True]}
    assert kept["books"] == ["\\x00", "a"]
    assert json.loads(json.dumps(kept)) == kept
    assert len(entries(store)) == 1


def test_the_largest_pivot_is_kept(store: Store) -> None:
    room = LARGEST_PIVOT - len('{"a":""}')
    view = save_view(store, VERA, "Large", ViewContent({"a": "x" * room}))
    assert len(open_view(store, VERA, view.view_id).content["pivot"]["a"]) == room
    assert save_view(store, VERA, "Of two bytes", ViewContent({"a": "é" * (room // 2)})).version == 1
    with pytest.raises(ViewRefused, match="larger than 64 KB"):
        save_view(store, VERA, "Larger", ViewContent({"a": "x" * (room + 1)}))
