"""Who has signed in, by what they are called and may do? Read from the claims of an identity token."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from services.access.permissions import Role
from services.access.reasons import one_line
from storage.connection.settings import Settings

LONGEST_NAME = 200
_TELLING_APART = ("provider", "iss", "sub", "iat", "nonce", "sid")

Claims = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class SignIn:
    """One time that somebody signed in. key: tells it from every other; ends_at: until when, in seconds since 1970.

    roles: those of the claim and of the settings, without what an admin has granted.
    """

    key: str
    name: str
    roles: frozenset[Role]
    ends_at: float


class NotKnown(Exception):
    """The claims do not say who it is; the message says why and what to do."""


def read_claims(claims: Claims, settings: Settings) -> SignIn:
    """Who signed in. Raises NotKnown."""
    name = _name(claims, settings)
    roles = _claimed_roles(claims, settings)
    if name in settings.admin_names:
        roles |= {Role.ADMIN}
    if settings.everyone_views:
        roles |= {Role.VIEWER}
    return SignIn(key_of(claims), name, frozenset(roles), _end(claims, settings))


def key_of(claims: Claims) -> str:
    """What tells one sign-in from every other, of the same person too."""
    telling = json.dumps([claims.get(name) for name in _TELLING_APART], default=str)
    return hashlib.sha256(telling.encode()).hexdigest()


def claim_named(claims: Claims, name: str) -> Any:
    """The claim of this name, or the one that its points lead to; None where there is none.

    A name with points may be that of a claim itself: https://example.com/roles.
    """
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def _name(claims: Claims, settings: Settings) -> str:
    claim = settings.name_claim
    said = claim_named(claims, claim)
    name = one_line(said) if isinstance(said, str) else ""
    if not name:
        raise NotKnown(
            f"The identity provider does not say your {claim}: whoever runs Deltaboard must let it put the claim "
            f"{claim} into the identity token, or name another with DELTABOARD_NAME_CLAIM."
        )
    if len(name) > LONGEST_NAME:
        raise NotKnown(f"Your {claim} is longer than the {LONGEST_NAME} characters that a name may have here.")
    if claim == "email" and claims.get("email_verified") is False:
        raise NotKnown(
            f"The identity provider has not verified that {name} is your address, so it could be anybody's: "
            "confirm the address there, and sign in again."
        )
    return name


def _claimed_roles(claims: Claims, settings: Settings) -> set[Role]:
    said = claim_named(claims, settings.roles_claim)
    values = {said} if isinstance(said, str) else {v for v in said if isinstance(v, str)} if _is_list(said) else set()
    role_of: Mapping[str, str] = settings.roles_of or {str(role): str(role) for role in Role}
    return {Role(role_of[value]) for value in values if value in role_of}


def _is_list(said: object) -> bool:
    return isinstance(said, (list, tuple))


def _end(claims: Claims, settings: Settings) -> float:
    """Until when it holds: Streamlit itself would let it go on for 30 days, whatever the token says."""
    claim, more = ("exp", 0.0) if settings.session_hours is None else ("iat", settings.session_hours * 3600)
    said = claims.get(claim)
    if isinstance(said, bool) or not isinstance(said, (int, float)) or not math.isfinite(said):
        raise NotKnown(f"The identity token has no {claim} claim, so nobody knows until when your sign-in holds.")
    return said + more
