"""People: who has which role, and which statuses a trade may have. Admins change both."""

import streamlit as st

from services.access.permissions import Permission, why_not
from ui.admin.people_forms import OUTCOME, roles, statuses
from ui.identity.current_user import current_user
from ui.page.outcomes import show_outcome

st.subheader("People", anchor=False)
user = current_user()
may = user.may(Permission.GRANT)
show_outcome(OUTCOME)
if not may:
    st.info(why_not(Permission.GRANT), icon=":material/lock:")
with st.container(key="beside_statuses"):
    people, kinds = st.columns(2, gap="medium")
with people:
    st.markdown("**Roles**")
    roles(user, may=may)
with kinds:
    st.markdown("**Statuses of trades**")
    statuses(user, may=may)
