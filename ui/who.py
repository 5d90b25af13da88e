"""Who uses the page. Today everyone chooses: a demo identity, plainly marked, on a server of this machine alone."""

from ipaddress import ip_address

import streamlit as st

from services.permissions import Role, User
from storage.settings import settings
from storage.user_roles import roles_granted_to
from ui.store import store

DEMO_PEOPLE: dict[str, Role] = {
    "Vera": Role.VIEWER,
    "Max": Role.MANAGER,
    "Ana": Role.ANALYST,
    "Ada": Role.ADMIN,
}
"""Name -> the role that each has without a grant."""
_KEY = "person"
"""In the address."""
_WHO = "who"
"""In the session. It is no widget's key: Streamlit forgets a widget that a run, cut short by a click, did not draw."""


def current_user() -> User:
    """Who uses this page: their name, and the roles that they have at this moment."""
    name = str(st.session_state.get(_WHO, next(iter(DEMO_PEOPLE))))
    with store().read() as connection:
        granted = roles_granted_to(connection, name)
    return User(name, frozenset({DEMO_PEOPLE[name], *map(Role, granted)}))


def choose_identity() -> bool:
    """Show in the sidebar who one is, and let one choose; False, with words on the page, where that is not allowed."""
    address = st.get_option("server.address")
    if not is_loopback(address) and not settings().demo_identity:
        st.error(
            "This server can be reached from other machines, and there is no sign-in: anyone could be anyone. "
            "Start it with `--server.address 127.0.0.1`, or, if everyone who reaches it may choose who they are, with "
            "`DELTABOARD_DEMO_IDENTITY=true` in its environment.",
            title="Nobody is signed in",
            icon=":material/no_accounts:",
        )
        return False
    people = list(DEMO_PEOPLE)
    if _WHO not in st.session_state:
        asked = st.query_params.get(_KEY)
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
    if st.query_params.get(_KEY) or name != people[0]:
        # By hand, at every run: at a change of page a bound widget is dropped, and a reload would forget who.
        st.query_params[_KEY] = name
    return True


def is_loopback(address: str | None) -> bool:
    """Whether a server at this address is reached from its own machine alone. None: it listens everywhere."""
    if address == "localhost":
        return True
    try:
        return address is not None and ip_address(address).is_loopback
    except ValueError:
        return False
