"""What stands on the page instead of the board: sign in, sign in again, no role yet, a set-up that is not right."""

from collections.abc import Sequence
from datetime import UTC, datetime

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from ui.identity.sign_in_setup import DEFAULT, providers

_WIDTH = 420


def sign_in_page() -> None:
    """Nobody has signed in."""
    with _card("Deltaboard"):
        st.markdown("A live risk board for an equity-options book.")
        st.markdown("It shows nothing before you sign in: what you may see and do depends on who you are.")
        _sign_in_buttons("Sign in")


def ended_page(name: str, ends_at: float, *, signed_out: bool) -> None:
    """A sign-in whose time has passed, or that somebody ended in another tab."""
    until = datetime.fromtimestamp(ends_at, UTC)
    with _card("Your sign-in has ended"):
        if signed_out:
            st.markdown(f"{_exact(name)} has signed out in another tab.")
        else:
            st.markdown(f"{_exact(name)} was signed in until {until:%Y-%m-%d %H:%M} UTC.")
        st.markdown("What was saved is saved. Sign in again to go on.")
        _sign_in_buttons("Sign in again")


def no_role_page(name: str, admins: Sequence[str]) -> bool:
    """Somebody is known and has no role; True when they want to sign out."""
    with _card("You have no role here yet"):
        st.markdown(f"You are signed in as {_exact(name)}. Deltaboard knows you, but nobody has given you a role.")
        st.markdown("An admin can grant you one on the page People, under exactly this name.")
        if admins:
            st.markdown(f"Admins here: {', '.join(map(_exact, admins))}")
        st.markdown("Then reload this page.")
        return sign_out_button()


def not_known_page(reason: str) -> bool:
    """The identity token does not say who it is; True when they want to sign out."""
    with _card("You cannot be let in"):
        st.text(reason)
        return sign_out_button()


def set_up_page(faults: Sequence[str]) -> None:
    """The sign-in cannot work; nobody gets in."""
    with _card("The sign-in is not set up right"):
        st.markdown("Nobody can sign in before whoever runs Deltaboard has fixed it in `.streamlit/secrets.toml`:")
        for fault in faults:
            st.text(f"• {fault}")
        st.markdown("docs/people.md says how. Then start the web server again.")


def sign_out_button() -> bool:
    """True when somebody wants to sign out, from the click on."""
    return _from_the_click_on(
        "signing_out", st.button("Sign out", key="sign_out", icon=":material/logout:", width="stretch")
    )


def _from_the_click_on(wish: str, clicked: bool) -> bool:
    """Whether a button was clicked in this session. A run that begins right after that of the click drops what the
    browser has not been sent yet, and so where it was to go: the click must not be lost with it."""
    if clicked:
        st.session_state[wish] = True
    return bool(st.session_state.get(wish))


def _card(title: str) -> DeltaGenerator:
    outside = st.container(horizontal_alignment="center", key="sign_in_page")
    card = outside.container(border=True, width=_WIDTH)
    card.subheader(title, anchor=False)
    return card


def _sign_in_buttons(words: str) -> None:
    names = providers()
    for provider in names:
        label = words if len(names) == 1 else f"{words} with {'the default' if provider == DEFAULT else provider}"
        key = f"sign_in_{provider}"
        clicked = st.button(label, key=key, type="primary", width="stretch", icon=":material/login:")
        if _from_the_click_on(f"signing_in_{provider}", clicked):
            st.login(None if provider == DEFAULT else provider)


def _exact(name: str) -> str:
    """A name as it is, whatever Markdown would make of its signs."""
    return "`" + name.replace("`", "'") + "`"
