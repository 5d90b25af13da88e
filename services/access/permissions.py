"""Who may do what. Each service that changes something asks here first, and a refusal is written into the audit."""

from dataclasses import dataclass
from enum import StrEnum

from storage.core.change_log import changing
from storage.core.database import Store
from storage.core.storable_text import storable
from storage.people.audit import AuditEntry, append_audit


class Role(StrEnum):
    """What somebody is at the desk. Roles add up."""

    VIEWER = "viewer"
    MANAGER = "manager"
    ANALYST = "analyst"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a role allows: to look, to set the status of trades, to steer feeds, to upload files, to grant roles and
    define statuses."""

    VIEW = "view"
    TAG = "tag"
    STEER = "steer"
    UPLOAD = "upload"
    GRANT = "grant"


ROLE_OF: dict[Permission, Role] = {
    Permission.VIEW: Role.VIEWER,
    Permission.TAG: Role.MANAGER,
    Permission.STEER: Role.MANAGER,
    Permission.UPLOAD: Role.ANALYST,
    Permission.GRANT: Role.ADMIN,
}
"""The role that each permission needs. Everyone may look, whatever their roles."""

_WHAT: dict[Permission, str] = {
    Permission.VIEW: "Looking at the board",
    Permission.TAG: "Changing trade status",
    Permission.STEER: "Controlling the replay",
    Permission.UPLOAD: "Uploading files",
    Permission.GRANT: "Granting roles and defining statuses",
}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the board, by the name that the audit shows."""

    name: str
    roles: frozenset[Role] = frozenset()

    def may(self, permission: Permission) -> bool:
        return permission is Permission.VIEW or ROLE_OF[permission] in self.roles


OPERATOR = User("operator", frozenset(Role))
"""Whoever has a shell where the store can be reached: commands act under this name."""


class NotAllowed(Exception):
    """Somebody lacks a permission; the message is one sentence for people."""


def why_not(permission: Permission) -> str:
    """What somebody without a permission is told."""
    return f"{_WHAT[permission]} requires the {ROLE_OF[permission].capitalize()} role. Ask an admin for access."


def require(store: Store, user: User, permission: Permission, what: str) -> None:
    """Let somebody pass who has a permission. what: what they are about to do, for the audit.

    Raises NotAllowed; before that the refusal is in the audit, in a transaction of its own.
    """
    if user.may(permission):
        return
    reason = why_not(permission)
    with changing(store, f"refused {user.name}") as (unit, _):
        append_audit(
            unit, [AuditEntry(user.name, "refused", "permission", str(permission), reason=reason, note=storable(what))]
        )
    raise NotAllowed(reason)
