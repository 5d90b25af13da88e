"""Who came, who left and who was not let in: in the audit, once for each sign-in."""

import threading
from collections.abc import Callable

from services.access.permissions import User
from storage.core.change_log import changing
from storage.core.database import Store
from storage.people.audit import AuditEntry, append_audit
from storage.people.revoked_sessions import write_ended

SUBJECT = "sign-in"
NOBODY = "unknown"
"""The name of who has signed in while the identity token does not say who they are."""
_MOST_KEPT = 10_000
_noted: dict[tuple[str, str], None] = {}
_lock = threading.Lock()


def note_signed_in(store: Store, key: str, user: User) -> None:
    """Somebody with a role is let in. key: that of their sign-in."""
    _once(key, "signed in", lambda: _write(store, _entry(user.name, "signed in", sorted(map(str, user.roles)))))


def note_signed_out(store: Store, key: str, name: str) -> None:
    """Somebody has signed out: their sign-in is over on every web server, and after a restart."""
    with changing(store, f"signed out {name}") as (unit, _):
        if write_ended(unit, key):
            append_audit(unit, [_entry(name, "signed out")])


def note_not_let_in(store: Store, key: str, name: str, reason: str, note: str = "") -> None:
    """Somebody has signed in and is not let in, for the reason that they are told."""
    _once(key, "refused", lambda: _write(store, _entry(name, "refused", reason=reason, note=note)))


def _write(store: Store, entry: AuditEntry) -> None:
    with changing(store, f"{entry.action} {entry.user_name}") as (unit, _):
        append_audit(unit, [entry])


def _entry(name: str, action: str, roles: list[str] | None = None, reason: str = "", note: str = "") -> AuditEntry:
    after = None if roles is None else {"roles": roles}
    return AuditEntry(name, action, SUBJECT, name, after=after, reason=reason, note=note)


def _once(key: str, action: str, write: Callable[[], None]) -> None:
    """A person has many tabs, and each comes here at every click. The web server remembers what it has noted."""
    with _lock:
        if (key, action) in _noted:
            return
        write()
        _noted[(key, action)] = None
        while len(_noted) > _MOST_KEPT:
            del _noted[next(iter(_noted))]
