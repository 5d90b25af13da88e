"""Admins grant roles to people and take them back."""

from services.access.permissions import Permission, Role, User, require
from services.access.reasons import NotPossible, one_line, reason_and_note
from storage.core.change_log import changing
from storage.core.database import Store, WriteUnit
from storage.people.audit import AuditEntry, append_audit
from storage.people.user_roles import remove_grant, roles_granted_to, write_grant

SUBJECT = "user"
_LONGEST_NAME = 200


def grant_role(store: Store, user: User, name: str, role: Role, reason: str) -> bool:
    """Give somebody a role; False when they had it already.

    Raises NotAllowed without the permission, and NotPossible for a name that cannot be one or without a reason.
    """
    require(store, user, Permission.GRANT, f"make {name} {role}")
    person, (said, _) = one_line(name), reason_and_note(reason, "", "Granting a role")
    if not person or len(person) > _LONGEST_NAME:
        raise NotPossible(f"A name has 1 to {_LONGEST_NAME} characters.")
    with changing(store, f"grant role by {user.name}") as (unit, _):
        before = roles_granted_to(unit.connection, person)
        if role in before:
            return False
        write_grant(unit, person, str(role), user.name)
        _tell(unit, user, "grant role", person, before, before | {str(role)}, said)
    return True


def revoke_role(store: Store, user: User, name: str, role: Role, reason: str) -> bool:
    """Take a granted role back; False when nobody had granted it.

    Raises NotAllowed without the permission, and NotPossible without a reason and for one's own role of admin: another
    admin must do that, so that one is left.
    """
    require(store, user, Permission.GRANT, f"take the role {role} from {name}")
    said, _ = reason_and_note(reason, "", "Taking a role back")
    if name == user.name and role is Role.ADMIN:
        raise NotPossible("You cannot take the role of admin from yourself: ask another admin.")
    with changing(store, f"revoke role by {user.name}") as (unit, _):
        before = roles_granted_to(unit.connection, name)
        if role not in before:
            return False
        remove_grant(unit, name, str(role))
        _tell(unit, user, "revoke role", name, before, before - {str(role)}, said)
    return True


def _tell(
    unit: WriteUnit, user: User, action: str, name: str, before: frozenset[str], after: frozenset[str], reason: str
) -> None:
    was, became = ({"roles": sorted(roles)} for roles in (before, after))
    append_audit(unit, [AuditEntry(user.name, action, SUBJECT, name, was, became, reason)])
