"""Who a sign-in is: the name, the roles and the end, by the claims of an identity token and the settings."""

from typing import Any

import pytest

from services.access.permissions import Role
from services.access.read_claims import NotKnown, SignIn, read_claims
from storage.connection.settings import Settings

CLAIMS = {"iss": "https://idp.example", "sub": "17", "email": "kim@desk.example", "iat": 1000, "exp": 4600}


def read(claims: dict[str, Any] | None = None, **chosen: Any) -> SignIn:
    return read_claims({**CLAIMS, **(claims or {})}, Settings(**chosen))


@pytest.mark.parametrize(
    ("claims", "chosen", "name"),
    [
        ({}, {}, "kim@desk.example"),
        ({"email_verified": True}, {}, "kim@desk.example"),
        ({"preferred_username": " Kim\n Lee\x00 "}, {"name_claim": "preferred_username"}, "Kim Lee"),
        ({"person": {"login": "kim"}}, {"name_claim": "person.login"}, "kim"),
    ],
)
def test_the_name(claims: dict[str, Any], chosen: dict[str, Any], name: str) -> None:
    assert read(claims, **chosen).name == name


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"email": None}, "does not say your email"),
        ({"email": ["kim@desk.example"]}, "does not say your email"),
        ({"email": " \n"}, "does not say your email"),
        ({"email": "k" * 201}, "longer than the 200"),
        ({"email_verified": False}, "has not verified that kim@desk.example is your address"),
        ({"exp": None}, "no exp claim"),
        ({"exp": "tomorrow"}, "no exp claim"),
        ({"exp": True}, "no exp claim"),
        ({"exp": float("inf")}, "no exp claim"),
    ],
)
def test_who_is_not_known(claims: dict[str, Any], said: str) -> None:
    with pytest.raises(NotKnown, match=said):
        read(claims)


@pytest.mark.parametrize(
    ("claims", "chosen", "roles"),
    [
        ({}, {}, set()),
        ({"roles": ["manager", "analyst", "board", 7, None]}, {}, {"manager", "analyst"}),
        ({"roles": "admin"}, {}, {"admin"}),
        ({"roles": {"admin": True}}, {}, set()),
        ({"roles": ["heads", "admin"]}, {"roles_of": "heads=manager"}, {"manager"}),
        (
            {"groups": ["cn=heads,ou=desk", "Quants "]},
            {"roles_claim": "groups", "roles_of": "cn=heads,ou=desk=manager; Quants=analyst"},
            {"manager"},
        ),
        ({"realm_access": {"roles": ["viewer"]}}, {"roles_claim": "realm_access.roles"}, {"viewer"}),
        ({"realm_access": ["viewer"]}, {"roles_claim": "realm_access.roles"}, set()),
        (
            {"https://desk.example/roles": ["viewer"]},
            {"roles_claim": "https://desk.example/roles"},
            {"viewer"},
        ),
        ({}, {"admins": "ada@desk.example,  kim@desk.example "}, {"admin"}),
        ({}, {"admins": "im@desk.example, kim@desk.example.org"}, set()),
        (
            {"roles": ["manager"]},
            {"everyone_views": True, "admins": "kim@desk.example"},
            {"viewer", "manager", "admin"},
        ),
    ],
)
def test_the_roles(claims: dict[str, Any], chosen: dict[str, Any], roles: set[str]) -> None:
    assert read(claims, **chosen).roles == {Role(role) for role in roles}


def test_the_end() -> None:
    assert read().ends_at == 4600
    assert read(session_hours=12).ends_at == 1000 + 12 * 3600
    with pytest.raises(NotKnown, match="no iat claim"):
        read({"iat": None}, session_hours=12)


def test_two_sign_ins_of_one_person_are_two() -> None:
    assert read().key == read({"email": "kim@elsewhere.example"}).key
    assert len({read(change).key for change in ({}, {"iat": 1001}, {"nonce": "n"}, {"sub": "18"}, {"iss": "x"})}) == 5


@pytest.mark.parametrize("wrong", ["heads", "=manager", "heads=boss", "heads=manager; quants"])
def test_a_mapping_that_is_none_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"value=role|viewer"):
        Settings(roles_of=wrong)
