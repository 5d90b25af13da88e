"""Who uses the page: somebody who has signed in or, where there is no sign-in, a demo identity that they choose."""

from ipaddress import ip_address

import streamlit as st

from services.access.permissions import NotAllowed, Role, User
from storage.connection.settings import settings
from storage.people.user_roles import roles_granted_to
from ui.identity.sign_in import let_in, signed_in_user
from ui.identity.sign_in_setup import must_sign_in
from ui.page.store import store

DEMO_PEOPLE: dict[str, Role] = {
    "Vera": Role.VIEWER,
    "Max": Role.MANAGER,
    "Ana": Role.ANALYST,
    "Ada": Role.ADMIN,
}
"""Name -> the role that each has without a grant."""
ACCESS_BLOCKED = "Access is blocked: this server is reachable from other machines and has no sign-in."
PERSON = "person"
"""In the address."""
_WHO = "who"
"""In the session. It is no widget's key: Streamlit forgets a widget that a run, cut short by a click, did not draw."""


def current_user() -> User:
    """Who uses this page: their name, and the roles that they have at this moment.

    Raises NotAllowed when people must sign in, and nobody has, or no more.
    """
    if must_sign_in():
        return signed_in_user()
    name = str(st.session_state.get(_WHO, next(iter(DEMO_PEOPLE))))
    with store().read() as connection:
        granted = roles_granted_to(connection, name)
    return User(name, frozenset({DEMO_PEOPLE[name], *map(Role, granted)}))


def choose_identity() -> bool:
    """Show in the sidebar who one is, and let one choose; False, with words on the page, where that is not allowed.

    Where people must sign in there is nothing to choose: False for everyone who has not, or has no role.
    """
    if must_sign_in():
        return let_in()
    if not demo_is_open():
        st.error(
            "How to fix: set up the sign-in (`docs/people.md`). For this machine alone, start the server with "
            "`--server.address 127.0.0.1`. Where everyone who reaches it may choose who they are, start it with "
            "`DELTABOARD_DEMO_IDENTITY=true` in its environment.",
            title=ACCESS_BLOCKED,
            icon=":material/no_accounts:",
        )
        return False
    people = list(DEMO_PEOPLE)
    if _WHO not in st.session_state:
        asked = st.query_params.get(PERSON)
        st.session_state[_WHO] = asked if asked in people else people[0]
    with st.sidebar.container(key="identity"):
        name = st.selectbox(
            "Demo identity",
            people,
            index=people.index(st.session_state[_WHO]),
            help="There is no sign-in: choose who you are, to see what each role may do.",
        )
        st.session_state[_WHO] = name
        roles = ", ".join(sorted(map(str, current_user().roles)))
        st.caption(f":orange[:material/theater_comedy:] {roles}. Demo, no sign-in")
    if st.query_params.get(PERSON) or name != people[0]:
        # By hand, at every run: at a change of page a bound widget is dropped, and a reload would forget who.
        st.query_params[PERSON] = name
    return True


def is_known() -> bool:
    """Whether the user may be told which pages there are: one with a role, or with a demo identity."""
    if not must_sign_in():
        return demo_is_open()
    try:
        return bool(signed_in_user().roles)
    except NotAllowed:
        return False


def demo_is_open() -> bool:
    """Whether everyone who reaches this server may choose who they are."""
    return is_loopback(st.get_option("server.address")) or settings().demo_identity


def people_without_grant() -> dict[str, tuple[Role, str]]:
    """Name -> the role that somebody has without a grant, and where from; what claims say is not known here."""
    if must_sign_in():
        return dict.fromkeys(settings().admin_names, (Role.ADMIN, "setting"))
    return {name: (role, "demo") for name, role in DEMO_PEOPLE.items()}


def is_loopback(address: str | None) -> bool:
    """Whether a server at this address is reached from its own machine alone. None: it listens everywhere."""
    if address == "localhost":
        return True
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False
