"""Views under a name: save, open, rename, copy, share and delete them. Each change is in the audit, in its transaction.

Everyone may save views of their own. Others may open a view that is shared, and copy it. Its owner and admins may
change it. An admin too opens only what is shared: sharing somebody's view is an act that the audit tells.
"""

import hashlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from services.access.permissions import Permission, Role, User, require
from services.access.reasons import one_line
from services.views.view_content import ViewContent, view_content
from storage.core.change_log import changing
from storage.core.database import Store, WriteUnit
from storage.core.storable_text import storable
from storage.people.audit import AuditEntry, AuditFilter, append_audit, read_audit
from storage.people.saved_views import (
    SavedView,
    add_view,
    count_views,
    names_of,
    read_view,
    remove_view,
    view_named,
    write_view,
)

__all__ = [
    "LONGEST_NAME",
    "MOST_VIEWS",
    "ViewConflict",
    "ViewContent",
    "ViewRefused",
    "copy_view",
    "delete_view",
    "may_change",
    "open_view",
    "rename_view",
    "save_view",
    "share_view",
    "update_view",
    "view_content",
]

SUBJECT = "view"
SAVE, CHANGE = "save view", "change view"
LONGEST_NAME, MOST_VIEWS = 80, 200
_NOT_THERE = "There is no such view, or it is not shared with you."


class ViewRefused(Exception):
    """What somebody asked for cannot be done; the message is one sentence for people."""


class ViewConflict(ViewRefused):
    """There is another version than was seen. view: as it is now; saved_by: who saved that, where the audit tells."""

    def __init__(self, words: str, view: SavedView, saved_by: str) -> None:
        super().__init__(words)
        self.view, self.saved_by = view, saved_by


class _Refusal(Exception):
    """Why somebody may not, to be written into the audit when the transaction is over."""

    def __init__(self, view: SavedView, words: str) -> None:
        super().__init__(words)
        self.view, self.words = view, words


def may_change(user: User, view_owner: str) -> bool:
    """Whether somebody may change, share, rename and delete the views of an owner."""
    return user.name == view_owner or Role.ADMIN in user.roles


def open_view(store: Store, user: User, view_id: str) -> SavedView:
    """The view of an id, to look at. Raises ViewRefused when there is none, or it is somebody else's and not shared."""
    require(store, user, Permission.VIEW, "open a view")
    with store.read() as connection:
        view = read_view(connection, storable(view_id))
    if view is None or not _may_open(user, view):
        raise ViewRefused(_NOT_THERE)
    return view


def save_view(store: Store, user: User, name: str, content: ViewContent, *, replace: int | None = None) -> SavedView:
    """Save a view of one's own under a name; returns it. replace: the version of the one that it shall take the place
    of.

    Raises ViewConflict when one has a view of that name already, and none or another version is to be replaced; and
    ViewRefused for a name or a content that cannot be, or too many views.
    """
    said, document = _name(name), _document(content)
    with _changing(store, user, f"save the view {said}") as unit:
        before = view_named(unit.connection, user.name, said)
        if before is None:
            return _added(unit, user, said, document, SAVE)
        if before.version != replace:
            raise _conflict(unit, before, f"You have a view '{said}' already", "replace it, or choose another name")
        return _written(unit, user, before, document)


def update_view(store: Store, user: User, view_id: str, content: ViewContent, version: int) -> SavedView:
    """Save what a view shows now over what it showed; returns it. version: the one that was opened.

    Raises ViewConflict when somebody has saved it since, and ViewRefused when it is not there, not one's to change, or
    the content cannot be.
    """
    document = _document(content)
    with _changing(store, user, "save a view") as unit:
        before = _to_change(unit, user, view_id)
        if before.version != version:
            words = f"'{before.name}' is not as you opened it"
            raise _conflict(unit, before, words, "save yours over it, save yours under another name, or open theirs")
        return _written(unit, user, before, document)


def rename_view(store: Store, user: User, view_id: str, name: str) -> SavedView:
    """Give a view another name; links to it stay. Raises ViewRefused, also when its owner has one of that name."""
    said = _name(name)
    with _changing(store, user, "rename a view") as unit:
        before = _to_change(unit, user, view_id)
        if said == before.name:
            return before
        if view_named(unit.connection, before.owner, said) is not None:
            whose = "You have" if before.owner == user.name else f"{before.owner} has"
            raise ViewRefused(f"{whose} a view '{said}' already: choose another name.")
        return _put(unit, user, "rename view", before, replace(before, name=said))


def share_view(store: Store, user: User, view_id: str, shared: bool) -> SavedView:
    """Let everyone open a view, or its owner alone. Raises ViewRefused."""
    with _changing(store, user, "share a view") as unit:
        before = _to_change(unit, user, view_id)
        if before.is_shared == shared:
            return before
        action = "share view" if shared else "unshare view"
        return _put(unit, user, action, before, replace(before, is_shared=shared))


def copy_view(store: Store, user: User, view_id: str, name: str | None = None) -> SavedView:
    """A view that one may open, once more as one's own; returns the copy. name: None, for the same or one like it.

    Raises ViewRefused.
    """
    asked = None if name is None else _name(name)
    with _changing(store, user, "copy a view") as unit:
        source = read_view(unit.connection, storable(view_id))
        if source is None or not _may_open(user, source):
            raise ViewRefused(_NOT_THERE)
        taken = names_of(unit.connection, user.name)
        if asked in taken:
            raise ViewRefused(f"You have a view '{asked}' already: choose another name.")
        note = f"a copy of '{source.name}' of {source.owner}"
        return _added(unit, user, asked or _free_name(source.name, taken), source.content, "copy view", note)


def delete_view(store: Store, user: User, view_id: str) -> None:
    """Delete a view for good. Raises ViewRefused."""
    with _changing(store, user, "delete a view") as unit:
        before = _to_change(unit, user, view_id)
        remove_view(unit, before.view_id)
        _tell(unit, user, "delete view", before, None)


@contextmanager
def _changing(store: Store, user: User, what: str) -> Iterator[WriteUnit]:
    """A transaction of somebody's change to views; that they may not is written into the audit after it."""
    require(store, user, Permission.VIEW, what)
    try:
        with changing(store, f"view by {user.name}") as (unit, _):
            yield unit
    except _Refusal as refused:
        with changing(store, f"refused {user.name}") as (unit, _):
            note = f"{what}: {_whose(refused.view)}"
            entry = AuditEntry(
                user.name, "refused", SUBJECT, refused.view.view_id, reason=refused.words, note=one_line(note)
            )
            append_audit(unit, [entry])
        raise ViewRefused(refused.words) from None


def _to_change(unit: WriteUnit, user: User, view_id: str) -> SavedView:
    """The view that somebody is about to change, when they may."""
    view = read_view(unit.connection, storable(view_id))
    if view is None:
        raise ViewRefused(_NOT_THERE)
    if not may_change(user, view.owner):
        own = f"Only {view.owner} or an admin may change '{view.name}': copy it, and change the copy."
        raise _Refusal(view, own if view.is_shared else _NOT_THERE)
    return view


def _may_open(user: User, view: SavedView) -> bool:
    return view.is_shared or view.owner == user.name


def _name(name: str) -> str:
    said = one_line(name)
    if not said or len(said) > LONGEST_NAME:
        raise ViewRefused(f"A view has a name of 1 to {LONGEST_NAME} characters.")
    return said


def _document(content: ViewContent) -> dict[str, Any]:
    """The content as it is stored, looked through once more: it may come from anywhere."""
    try:
        return view_content(content.document()).document()
    except ValueError as error:
        raise ViewRefused(str(error)) from error


def _free_name(name: str, taken: set[str]) -> str:
    """The name, or the next one like it that is not taken."""
    number = 1
    free = name
    while free in taken:
        ending = " (copy)" if number == 1 else f" (copy {number})"
        free = name[: LONGEST_NAME - len(ending)].rstrip() + ending
        number += 1
    return free


def _added(
    unit: WriteUnit, user: User, name: str, document: dict[str, Any], action: str, note: str | None = None
) -> SavedView:
    if count_views(unit.connection, user.name) >= MOST_VIEWS:
        raise ViewRefused(f"You have {MOST_VIEWS} views, and nobody may have more: delete some first.")
    view = add_view(unit, secrets.token_hex(8), user.name, name, document)
    _tell(unit, user, action, None, view, note)
    return view


def _written(unit: WriteUnit, user: User, before: SavedView, document: dict[str, Any]) -> SavedView:
    """The next version of a view; the same content is none."""
    if before.content == document:
        return before
    after = replace(before, content=document, version=before.version + 1, saved_at=unit.now)
    return _put(unit, user, CHANGE, before, after)


def _put(unit: WriteUnit, user: User, action: str, before: SavedView, after: SavedView) -> SavedView:
    write_view(unit, after)
    _tell(unit, user, action, before, after)
    return after


def _conflict(unit: WriteUnit, view: SavedView, what: str, choices: str) -> ViewConflict:
    """Who saved it when, from the audit: of a view itself only the owner is known."""
    told = read_audit(
        unit.connection, AuditFilter(actions=(SAVE, CHANGE, "copy view"), subject_kinds=(SUBJECT,), text=view.view_id)
    )
    saved_by = next((each.entry.user_name for each in told if each.entry.subject_key == view.view_id), view.owner)
    when = f"{view.saved_at:%Y-%m-%d %H:%M:%S} UTC"
    return ViewConflict(f"{what}, saved by {saved_by} on {when}: {choices}.", view, saved_by)


def _whose(view: SavedView) -> str:
    return f"'{view.name}' of {view.owner}"


def _tell(
    unit: WriteUnit,
    user: User,
    action: str,
    before: SavedView | None,
    after: SavedView | None,
    note: str | None = None,
) -> None:
    subject = after or before
    assert subject is not None, "something was there before or is there now"
    was, became = (None if view is None else _audited(view) for view in (before, after))
    words = _whose(subject) if note is None else note
    append_audit(unit, [AuditEntry(user.name, action, SUBJECT, subject.view_id, was, became, note=words)])


def _audited(view: SavedView) -> dict[str, Any]:
    """A view as the audit tells it: of the pivot, which may be long, the SHA-256 of its JSON in one fixed form."""
    pivot = json.dumps(view.content["pivot"], sort_keys=True, separators=(",", ":"))
    return {
        "name": view.name,
        "owner": view.owner,
        "shared": view.is_shared,
        "version": view.version,
        **{part: view.content[part] for part in ("statuses", "books", "as_of")},
        "pivot": hashlib.sha256(pivot.encode()).hexdigest(),
    }
