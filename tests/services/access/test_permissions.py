"""Roles, what they allow, and who may grant them; each refusal is in the audit."""

import pytest

from services.access.grant_roles import grant_role, revoke_role
from services.access.permissions import NotAllowed, Permission, Role, User, require
from services.access.reasons import NotPossible
from storage.core.database import Store
from storage.people.audit import read_audit, verify_audit
from storage.people.user_roles import read_granted, roles_granted_to

ADA = User("Ada", frozenset({Role.ADMIN}))
MAX = User("Max", frozenset({Role.MANAGER}))


@pytest.mark.parametrize(
    ("roles", "allowed"),
    [
        ((), {"view"}),
        (("viewer",), {"view"}),
        (("manager",), {"view", "tag", "steer"}),
        (("analyst",), {"view", "upload"}),
        (("admin",), {"view", "grant"}),
        (("manager", "analyst"), {"view", "tag", "steer", "upload"}),
        (("viewer", "manager", "analyst", "admin"), {"view", "tag", "steer", "upload", "grant"}),
    ],
)
def test_roles_add_up(roles: tuple[str, ...], allowed: set[str]) -> None:
    user = User("Kim", frozenset(map(Role, roles)))
    assert {str(permission) for permission in Permission if user.may(permission)} == allowed


def test_a_refusal_is_in_the_audit(store: Store) -> None:
    require(store, MAX, Permission.TAG, "set 3 trades")
    with pytest.raises(NotAllowed, match=r"^Uploading files requires the Analyst role\. Ask an admin for access\.$"):
        require(store, MAX, Permission.UPLOAD, "upload trades.csv")
    with store.read() as connection:
        found = read_audit(connection)
        assert verify_audit(connection) is None
    assert len(found) == 1
    entry = found[0].entry
    assert (entry.user_name, entry.action, entry.subject_key, entry.note) == (
        "Max",
        "refused",
        "upload",
        "upload trades.csv",
    )


def test_an_admin_grants_and_takes_back(store: Store) -> None:
    assert grant_role(store, ADA, " Kim\n Lee ", Role.MANAGER, "joins the desk")
    assert not grant_role(store, ADA, "Kim Lee", Role.MANAGER, "again"), "it is there already"
    assert grant_role(store, ADA, "Kim Lee", Role.ANALYST, "uploads")
    with store.read() as connection:
        assert roles_granted_to(connection, "Kim Lee") == {"manager", "analyst"}
        assert [(g.user_name, g.role, g.granted_by) for g in read_granted(connection)] == [
            ("Kim Lee", "analyst", "Ada"),
            ("Kim Lee", "manager", "Ada"),
        ]
    assert revoke_role(store, ADA, "Kim Lee", Role.MANAGER, "left the desk")
    assert not revoke_role(store, ADA, "Kim Lee", Role.MANAGER, "left the desk")
    with store.read() as connection:
        assert roles_granted_to(connection, "Kim Lee") == {"analyst"}
        told = [stored.entry for stored in read_audit(connection)]
        assert verify_audit(connection) is None
    assert [(e.action, e.subject_key, e.after, e.reason) for e in told] == [
        ("revoke role", "Kim Lee", {"roles": ["analyst"]}, "left the desk"),
        ("grant role", "Kim Lee", {"roles": ["analyst", "manager"]}, "uploads"),
        ("grant role", "Kim Lee", {"roles": ["manager"]}, "joins the desk"),
    ]


def test_nobody_else_may(store: Store) -> None:
    for act in (grant_role, revoke_role):
        with pytest.raises(NotAllowed):
            act(store, MAX, "Max", Role.ADMIN, "because")
    with store.read() as connection:
        assert read_granted(connection) == []
        assert [stored.entry.note for stored in read_audit(connection)] == [
            "take the role admin from Max",
            "make Max admin",
        ]


def test_what_cannot_be(store: Store) -> None:
    with pytest.raises(NotPossible, match="needs a reason"):
        grant_role(store, ADA, "Kim", Role.VIEWER, " ")
    with pytest.raises(NotPossible, match="A name has"):
        grant_role(store, ADA, " \x00", Role.VIEWER, "new")
    grant_role(store, ADA, "Ada", Role.ADMIN, "for good")
    with pytest.raises(NotPossible, match="ask another admin"):
        revoke_role(store, ADA, "Ada", Role.ADMIN, "tired")
