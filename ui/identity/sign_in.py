"""Lets in who has signed in and has a role; everybody else is told why not, and what to do."""

import math
import time

import streamlit as st

from services.access.note_sign_in import NOBODY, note_not_let_in, note_signed_in
from services.access.permissions import NotAllowed, Role, User
from services.access.read_claims import Claims, NotKnown, SignIn, key_of, read_claims
from services.access.reasons import NOTE_LENGTH, one_line
from storage.connection.settings import settings
from storage.people.user_roles import read_granted
from ui.identity.sign_in_pages import (
    ended_page,
    no_role_page,
    not_known_page,
    set_up_page,
    sign_in_page,
    sign_out_button,
)
from ui.identity.sign_in_setup import faults
from ui.identity.signed_in import claims_of_page, is_over, user_of
from ui.page.store import store

_LONGEST_LOOK_AWAY = 60.0


def signed_in_user() -> User:
    """Who has signed in, with the roles of this moment. Raises NotAllowed when nobody has, or no more."""
    claims = claims_of_page()
    try:
        sign_in = None if claims is None else read_claims(claims, settings())
    except NotKnown as error:
        raise NotAllowed(str(error)) from error
    if sign_in is None or is_over(store(), sign_in):
        raise NotAllowed("You are not signed in any more: reload the page to sign in again.")
    return user_of(store(), sign_in)


def let_in() -> bool:
    """Show in the sidebar who has signed in; False, with words on the page, for everybody else."""
    wrong = faults()
    if wrong:
        set_up_page(wrong)
        return False
    claims = claims_of_page()
    if claims is None:
        sign_in_page()
        return False
    try:
        sign_in = read_claims(claims, settings())
    except NotKnown as error:
        _refuse_unknown(claims, str(error))
        return False
    if is_over(store(), sign_in):
        ended_page(sign_in.name, sign_in.ends_at, signed_out=sign_in.ends_at > time.time())
        return False
    user = user_of(store(), sign_in)
    if not user.roles:
        note_not_let_in(store(), sign_in.key, user.name, "signed in, and has no role")
        if no_role_page(user.name, _admins()):
            _sign_out()
        return False
    note_signed_in(store(), sign_in.key, user)
    with st.sidebar.container(key="identity"):
        st.text(user.name)
        st.caption(", ".join(sorted(map(str, user.roles))))
        if sign_out_button():
            _sign_out()
    _look_again(sign_in)
    return True


def _refuse_unknown(claims: Claims, reason: str) -> None:
    note_not_let_in(store(), key_of(claims), NOBODY, reason, one_line(f"sub {claims.get('sub')}")[:NOTE_LENGTH])
    if not_known_page(reason):
        _sign_out()


def _sign_out() -> None:
    """The browser asks for Streamlit's address of signing out, where ui.asgi.gate ends the sign-in on this server."""
    st.logout()
    st.stop()


def _admins() -> list[str]:
    with store().read() as connection:
        granted = {each.user_name for each in read_granted(connection) if each.role == Role.ADMIN}
    return sorted(granted | set(settings().admin_names))


def _look_again(sign_in: SignIn) -> None:
    """Run the page again when the sign-in ends: it must not stand there until somebody clicks.

    One look is made at the end, and others at least once a minute: a look may be lost with a connection, and somebody
    may have signed out elsewhere.
    """

    def look() -> None:
        if is_over(store(), sign_in):
            st.rerun()

    left = max(sign_in.ends_at - time.time(), 0.0) + 0.5
    st.fragment(look, run_every=left / math.ceil(left / _LONGEST_LOOK_AWAY))()
