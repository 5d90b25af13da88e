"""Set the status of the selected trades: the form, what was done and its undo, and who else changed them meanwhile."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from services.permissions import NotAllowed, Permission, User, why_not
from services.pricing_state import PricingState
from services.reasons import NOTE_LENGTH, NotPossible
from services.tag_trades import SET, UNDO, Conflict, TagConflicts, Tagged, tag_trades, undo_tags
from storage.audit import newest_act
from storage.trade_statuses import DefinedStatus
from ui.number_text import count_text, how_many_text
from ui.store import store
from ui.table_size import ROW_PIXELS, table_height
from ui.trade_table import list_again
from ui.writing import writing

_TOLD_IN_WORDS = 3
_SAID, _CONFLICT = "tag_said", "tag_conflict"
_REASONS = ["Matured", "Sold or closed out", "Booked twice", "Booked by mistake", "Novated", "Disputed"]

Act = Callable[[PricingState, User, Mapping[str, str], bool], Tagged]
"""Does what was asked for, for these trades as they were seen (id -> status); True: over what others did, too."""


@dataclass(frozen=True, slots=True)
class _Undecided:
    """What was asked for and refused, because trades are not what was seen. seen: id -> status, of all."""

    user_name: str
    refused: TagConflicts
    words: str
    seen: Mapping[str, str]
    act: Act


def tag_form(user: User, selected: Mapping[str, str], statuses: list[DefinedStatus]) -> None:
    """The form for what is selected. Without the permission it is there and disabled, and says why."""
    may = user.may(Permission.TAG)
    if not may:
        st.info(why_not(user, Permission.TAG), icon=":material/lock:")
    count = how_many_text(len(selected), "trade")
    with st.form("tag", border=True):
        names = [defined.status for defined in statuses]
        meanings = {defined.status: defined.meaning for defined in statuses}
        status = st.selectbox("New status", names, index=1, disabled=not may, help=_help(meanings))
        reason = st.selectbox(
            "Reason",
            _REASONS,
            index=None,
            accept_new_options=True,
            placeholder="Choose one or write your own",
            disabled=not may,
        )
        note = st.text_area("Note", max_chars=NOTE_LENGTH, height=80, placeholder="Optional", disabled=not may)
        words = f"Set status of {count}" if selected else "Select trades first"
        if st.form_submit_button(
            words, key="set_status", type="primary", disabled=not (may and selected), width="stretch"
        ):

            def act(state: PricingState, doer: User, seen: Mapping[str, str], _: bool) -> Tagged:
                return tag_trades(store(), state, doer, seen, status, reason or "", note or "")

            _carry_out(user, f"set to {status}", selected, act)
    _last_tags(user, may)


def what_was_done() -> None:
    """Say what came of the last change, once."""
    said = st.session_state.pop(_SAID, None)
    if said is not None:
        kind, words = said
        (st.success if kind == "done" else st.error)(words, icon=":material/check:" if kind == "done" else None)


def decide_conflicts(user: User) -> None:
    """Show the trades that somebody else changed meanwhile, and let the manager who asked decide about them."""
    undecided: _Undecided | None = st.session_state.get(_CONFLICT)
    if undecided is None or undecided.user_name != user.name:
        return
    conflicts = undecided.refused.conflicts
    theirs = {conflict.trade_id for conflict in conflicts}
    others = {trade_id: status for trade_id, status in undecided.seen.items() if trade_id not in theirs}
    with st.container(border=True, key="conflict"):
        st.warning(f"{undecided.refused} What shall be done?", icon=":material/group:")
        for conflict in conflicts[:_TOLD_IN_WORDS]:
            st.text(_told(conflict))
        rows = [
            {
                "Trade": conflict.trade_id,
                "You saw": conflict.seen,
                "It is now": conflict.now or "not there",
                "Set by": conflict.set_by.by if conflict.set_by else "",
                "When (UTC)": conflict.set_by.at if conflict.set_by else None,
                "Why": conflict.set_by.reason if conflict.set_by else "",
                "Note": conflict.set_by.note if conflict.set_by else "",
            }
            for conflict in conflicts
        ]
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            height=table_height(len(rows), 250),
            row_height=ROW_PIXELS,
            column_config={"When (UTC)": st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss")},
            alt="Trades that somebody else changed",
        )
        with st.container(horizontal=True):
            # What is shown here has been seen now: whoever changes one of these once more is a conflict again.
            every = {**others, **{each.trade_id: each.now for each in conflicts if each.now is not None}}
            if len(every) > len(others) and st.button(f"Set all {count_text(len(every))}, theirs too", key="overwrite"):
                _carry_out(user, undecided.words, every, undecided.act, theirs_too=True)
            if others and st.button(f"Set the other {count_text(len(others))}, leave theirs", key="others"):
                _carry_out(user, undecided.words, others, undecided.act)
            if st.button("Leave all as they are", key="leave"):
                del st.session_state[_CONFLICT]
                list_again()
                st.rerun()


def _last_tags(user: User, may: bool) -> None:
    """What this person did last, and its undo."""
    with store().read() as connection:
        last = newest_act(connection, user.name, (SET, UNDO))
    if not last or last[0].entry.action == UNDO:
        return
    seen = {stored.entry.subject_key: str((stored.entry.after or {})["trade_status"]) for stored in last}
    became = ", ".join(sorted(set(seen.values())))
    count = how_many_text(len(last), "trade")
    with st.container(border=True, key="last_tags"):
        st.caption(f"Your last: {count} set to {became} at {last[0].recorded_at:%H:%M:%S} UTC, {last[0].entry.reason}.")
        if st.button(f"Undo {count}", key="undo", disabled=not may, icon=":material/undo:"):

            def act(state: PricingState, doer: User, chosen: Mapping[str, str], theirs_too: bool) -> Tagged:
                wanted = [stored.audit_id for stored in last if stored.entry.subject_key in chosen]
                return undo_tags(store(), state, doer, wanted, overwrite=theirs_too)

            _carry_out(user, "given back the status of before", seen, act)


def _carry_out(user: User, words: str, seen: Mapping[str, str], act: Act, *, theirs_too: bool = False) -> None:
    """Do it, keep what came of it for the next run, and run the page again on what the store then says."""
    st.session_state.pop(_CONFLICT, None)
    try:
        with writing() as state:
            tagged = act(state, user, seen, theirs_too)
    except TagConflicts as refused:
        st.session_state[_CONFLICT] = _Undecided(user.name, refused, words, seen, act)
    except (NotAllowed, NotPossible) as error:
        st.session_state[_SAID] = ("refused", str(error))
    else:
        count = how_many_text(len(tagged.trades), "trade")
        already = f" {count_text(tagged.unchanged)} had it already." if tagged.unchanged else ""
        st.session_state[_SAID] = ("done", f"{count} {words}.{already}{_entries(tagged)}")
        list_again()
    st.rerun()


def _told(conflict: Conflict) -> str:
    """A conflict as a sentence: plain text, because the reason is somebody's own words."""
    if conflict.now is None or conflict.set_by is None:
        return f"{conflict.trade_id} is not there any more."
    who = conflict.set_by
    why = f": {who.reason}" if who.reason else ""
    return f"{conflict.trade_id} is {conflict.now} since {who.at:%Y-%m-%d %H:%M:%S} UTC, set by {who.by}{why}"


def _entries(tagged: Tagged) -> str:
    if not tagged.audit_ids:
        return ""
    first, last = count_text(tagged.audit_ids[0]), count_text(tagged.audit_ids[-1])
    return f" Audit entry {first}." if first == last else f" Audit entries {first} to {last}."


def _help(meanings: Mapping[str, str]) -> str:
    return "\n".join(f"- **{status}**: {meaning}" for status, meaning in meanings.items() if meaning)
