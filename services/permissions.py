"""Who may do what. Each service that changes something asks here first, and a refusal is written into the audit."""

from dataclasses import dataclass
from enum import StrEnum

from storage.audit import AuditEntry, append_audit
from storage.change_log import changing
from storage.database import Store
from storage.storable_text import storable


class Role(StrEnum):
    """What somebody is at the desk. Roles add up."""

    VIEWER = "viewer"
    MANAGER = "manager"
    ANALYST = "analyst"
    ADMIN = "admin"


class Permission(StrEnum):
    """What a role allows: to look, to set the status of trades, to upload files, to grant roles and define statuses."""

    VIEW = "view"
    TAG = "tag"
    UPLOAD = "upload"
    GRANT = "grant"


ROLE_OF: dict[Permission, Role] = {
    Permission.VIEW: Role.VIEWER,
    Permission.TAG: Role.MANAGER,
    Permission.UPLOAD: Role.ANALYST,
    Permission.GRANT: Role.ADMIN,
}
"""The role that each permission needs. Everyone may look, whatever their roles."""

_TO_DO: dict[Permission, str] = {
    Permission.VIEW: "look at the board",
    Permission.TAG: "set the status of trades",
    Permission.UPLOAD: "upload files",
    Permission.GRANT: "grant roles and define statuses",
}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who uses the board, by the name that the audit shows."""

    name: str
    roles: frozenset[Role] = frozenset()

    def may(self, permission: Permission) -> bool:
        return permission is Permission.VIEW or ROLE_OF[permission] in self.roles


class NotAllowed(Exception):
    """Somebody lacks a permission; the message is one sentence for people."""


def why_not(user: User, permission: Permission) -> str:
    """What somebody without a permission is told."""
    role = ROLE_OF[permission]
    article = "an" if role[0] in "aeiou" else "a"
    return f"Only {article} {role} may {_TO_DO[permission]}, and {user.name} is none: an admin can grant the role."


def require(store: Store, user: User, permission: Permission, what: str) -> None:
    """Let somebody pass who has a permission. what: what they are about to do, for the audit.

    Raises NotAllowed; before that the refusal is in the audit, in a transaction of its own.
    """
    if user.may(permission):
        return
    reason = why_not(user, permission)
    with changing(store, f"refused {user.name}") as (unit, _):
        append_audit(
            unit, [AuditEntry(user.name, "refused", "permission", str(permission), reason=reason, note=storable(what))]
        )
    raise NotAllowed(reason)
