"""The forms of admins: grant roles and take them back, define statuses and take them away."""

from collections.abc import Callable

import pandas as pd
import streamlit as st

from services.access.grant_roles import grant_role, revoke_role
from services.access.note_sign_in import NOBODY
from services.access.note_sign_in import SUBJECT as SIGN_IN
from services.access.permissions import NotAllowed, Role, User
from services.access.reasons import NotPossible
from services.tagging.define_statuses import define_status, undefine_status
from storage.book.trade_statuses import BUILT_IN, DefinedStatus, count_by_status, read_statuses
from storage.people.audit import users_about
from storage.people.user_roles import GrantedRole, read_granted
from ui.identity.current_user import people_without_grant
from ui.page.outcomes import keep_outcome
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS, table_height

OUTCOME = "people_outcome"
"""The key of what came of the last change."""
_BUILT_IN = {defined.status for defined in BUILT_IN}


def roles(user: User, *, may: bool) -> None:
    """Who has which role, and the form that grants and takes back."""
    with store().read() as connection:
        granted = read_granted(connection)
        known = users_about(connection, SIGN_IN) if may else []
    others = people_without_grant()
    rows: list[dict[str, object]] = [
        {"Person": name, "Role": str(role), "Granted by": source, "When (UTC)": None}
        for name, (role, source) in others.items()
    ]
    rows += [
        {"Person": g.user_name, "Role": g.role, "Granted by": g.granted_by, "When (UTC)": g.granted_at} for g in granted
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=table_height(len(rows)),
        row_height=ROW_PIXELS,
        column_config={"When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm")},
        placeholder="",
        alt="Who has which role",
    )
    grant, revoke = st.columns(2)
    with grant, st.form("grant", clear_on_submit=False):
        names = sorted({*others, *known, *(each.user_name for each in granted)} - {NOBODY})
        name = st.selectbox("Person", names, index=None, accept_new_options=True, disabled=not may, key="grant_person")
        role = st.selectbox("Role", [str(each) for each in Role], index=1, disabled=not may, key="grant_role")
        reason = st.text_input("Reason", disabled=not may, key="grant_reason")
        if st.form_submit_button("Grant", type="primary", disabled=not may):
            _do(
                lambda: grant_role(store(), user, name or "", Role(role or Role.VIEWER), reason or ""),
                f"{name} is {role} now.",
                f"{name} was {role} already.",
            )
    with revoke, st.form("revoke"):
        held = st.selectbox(
            "Granted role",
            granted,
            format_func=lambda each: f"{each.user_name}, {each.role}",
            index=None,
            disabled=not may,
            placeholder="Choose one" if granted else "Nothing is granted",
            key="revoke_role",
        )
        why = st.text_input("Reason", disabled=not may, key="revoke_reason")
        if st.form_submit_button("Take back", disabled=not (may and granted)):
            if held is None:
                _say(False, "Choose the role to take back.")
            else:
                _revoke(user, held, why or "")


def statuses(user: User, *, may: bool) -> None:
    """The statuses of trades, and the forms that define one and take one away."""
    with store().read() as connection:
        known, counts = read_statuses(connection), count_by_status(connection)
    rows = [
        {
            "Status": each.status,
            "Trades": counts.get(each.status, 0),
            "Priced": each.is_priced,
            "Shown by default": each.is_shown,
            "Meaning": each.meaning,
        }
        for each in known
    ]
    st.dataframe(
        pd.DataFrame(rows),
        hide_index=True,
        height=table_height(len(rows)),
        row_height=ROW_PIXELS,
        column_config={"Trades": st.column_config.NumberColumn(format="localized")},
        alt="The statuses that a trade may have",
    )
    st.caption("Expired is no status: it follows from a trade's maturity.")
    define, remove = st.columns(2)
    with define, st.form("define"):
        name = st.text_input("Status", max_chars=40, disabled=not may, key="define_name")
        meaning = st.text_input("Meaning", max_chars=200, disabled=not may, key="define_meaning")
        with st.container(horizontal=True):
            is_priced = st.checkbox("Priced", True, disabled=not may, key="define_priced")
            is_shown = st.checkbox("Shown by default", True, disabled=not may, key="define_shown")
        if st.form_submit_button("Define", type="primary", disabled=not may):
            wanted = DefinedStatus(name or "", is_priced, is_shown, meaning or "")
            _do(lambda: bool(define_status(store(), user, wanted)), f"{name} is defined.", "")
    with remove, st.form("remove"):
        own = [each.status for each in known if each.status not in _BUILT_IN]
        status = st.selectbox("Defined status", own, index=None, disabled=not may, placeholder="Choose one")
        if st.form_submit_button("Take away", disabled=not (may and own)):
            if status is None:
                _say(False, "Choose the status to take away.")
            else:
                _do(lambda: _take_away(user, status), f"{status} is taken away.", "")


def _revoke(user: User, held: GrantedRole, reason: str) -> None:
    _do(
        lambda: revoke_role(store(), user, held.user_name, Role(held.role), reason),
        f"{held.user_name} is no {held.role} by a grant any more.",
        f"Somebody took {held.role} from {held.user_name} before.",
    )


def _take_away(user: User, status: str) -> bool:
    undefine_status(store(), user, status)
    return True


def _do(act: Callable[[], bool], done: str, nothing: str) -> None:
    """Do it, and say what came of it at the next run."""
    try:
        _say(True, done if act() else nothing)
    except (NotAllowed, NotPossible) as error:
        _say(False, str(error))


def _say(done: bool, words: str) -> None:
    keep_outcome(OUTCOME, done, words)
    st.rerun()
