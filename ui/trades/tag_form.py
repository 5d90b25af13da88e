"""Set the status of the selected trades: the form, what was done and its undo, and who else changed them meanwhile."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from engine.measures import MEASURES
from services.access.permissions import NotAllowed, Permission, User, why_not
from services.access.reasons import NOTE_LENGTH, NotPossible
from services.pricing.pricing_state import PricingState
from services.tagging.tag_effect import EFFECT_MEASURES, TagEffect, tag_effect
from services.tagging.tag_trades import SET, UNDO, Conflict, TagConflicts, Tagged, tag_trades, undo_tags
from services.tagging.trade_selection import NamedTrades, Selection
from storage.book.trade_statuses import DefinedStatus
from storage.people.audit import newest_act
from ui.page.number_text import count_text, how_many_text, number_text
from ui.page.outcomes import keep_outcome
from ui.page.plain_words import plain
from ui.page.store import store
from ui.page.table_size import ROW_PIXELS, table_height
from ui.page.writing import writing
from ui.trades.table import list_again

_TOLD_IN_WORDS = 3
_MOST_LISTED = 500
_ASK_ABOVE = 20
"""So many trades are set at a click; of more the effect is shown first."""
OUTCOME = "tag_outcome"
"""The key of what came of the last change."""
_CONFLICT, _ASKED = "tag_conflict", "tag_asked"
UNDONE = "restored"
_REASONS = ["Matured", "Sold or closed out", "Booked twice", "Booked by mistake", "Novated", "Disputed"]

Act = Callable[[PricingState, User, Mapping[str, str], bool], Tagged | TagConflicts]
"""Does what was asked for, for these trades as they were seen (id -> status); True: over what others did, too."""


@dataclass(frozen=True, slots=True)
class _Undecided:
    """What was asked for and refused, because trades are not what was seen. conflicts: the first of them, of count.
    every, others: the selection with the conflicts as they are now, and without them."""

    user_name: str
    said: str
    conflicts: Sequence[Conflict]
    count: int
    words: str
    every: Selection
    others: Selection
    act: Act


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for and is to be confirmed."""

    user_name: str
    selection: Selection
    status: str
    reason: str
    note: str


def tag_form(user: User, selected: Selection, statuses: list[DefinedStatus]) -> None:
    """The form for what is selected. Without the permission it is there and disabled, and says why."""
    may = user.may(Permission.TAG)
    if not may:
        st.info(why_not(Permission.TAG), icon=":material/lock:")
    count = how_many_text(selected.count, "trade")
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
        words = f"Set status of {count}" if selected.count else "Select trades first"
        is_asked = st.form_submit_button(
            words, key="set_status", type="primary", disabled=not (may and selected.count), width="stretch"
        )
    if is_asked:
        asked = _Asked(user.name, selected, status, reason or "", note or "")
        if selected.count > _ASK_ABOVE and asked.reason.strip():
            st.session_state[_ASKED] = asked
        else:
            _set_status(user, asked)
    _confirm(user)
    _last_tags(user, may)


def _set_status(user: User, asked: _Asked) -> None:
    """Do what was asked for."""

    def act(state: PricingState, doer: User, seen: Mapping[str, str], _: bool) -> Tagged | TagConflicts:
        return tag_trades(store(), state, doer, seen, asked.status, asked.reason, asked.note)

    _carry_out(user, f"set to {asked.status}", asked.selection, act)


def _confirm(user: User) -> None:
    """Show the effect of what was asked for, where that is to be confirmed."""
    asked: _Asked | None = st.session_state.get(_ASKED)
    if asked is not None and asked.user_name == user.name:
        _confirmation(user, asked)


def _not_asked() -> None:
    st.session_state.pop(_ASKED, None)


@st.dialog("Set status", icon=":material/checklist:", on_dismiss=_not_asked)
def _confirmation(user: User, asked: _Asked) -> None:
    with store().read() as connection:
        effect = tag_effect(connection, asked.selection, asked.status)
    st.markdown(plain(f"Set {how_many_text(asked.selection.count, 'trade')} to {asked.status}, {asked.reason}?"))
    for line in _effect_lines(effect):
        st.markdown(f"- {plain(line)}")
    with st.container(horizontal=True):
        words = f"Set {how_many_text(effect.changing, 'trade')}"
        if st.button(words, key="confirm_tags", type="primary", disabled=not effect.changing):
            _not_asked()
            _set_status(user, asked)
        if st.button("Cancel", key="cancel_tags"):
            _not_asked()
            st.rerun()


def _effect_lines(effect: TagEffect) -> list[str]:
    """What changes, a sentence each."""
    lines = [f"{how_many_text(effect.changing, 'trade changes', 'trades change')} their status."]
    if effect.unchanged:
        lines.append(f"{how_many_text(effect.unchanged, 'trade has', 'trades have')} it already.")
    if effect.leaving:
        lines.append(f"{how_many_text(effect.leaving, 'trade leaves', 'trades leave')} the totals of the board.")
    labels = {measure.name: measure.label for measure in MEASURES}
    for currency, values in effect.sums.items():
        told = ", ".join(
            f"{labels[name]} {number_text(value, 0)} {currency}"
            for name, value in zip(EFFECT_MEASURES, values, strict=True)
        )
        lines.append(f"Leaving with them: {told}.")
    if effect.without_value:
        lines.append(f"{how_many_text(effect.without_value, 'of them has', 'of them have')} no value: no sum has it.")
    if effect.entering:
        lines.append(f"{how_many_text(effect.entering, 'trade returns', 'trades return')} to the totals of the board.")
    return lines


def decide_conflicts(user: User) -> None:
    """Show the trades that somebody else changed meanwhile, and let the manager who asked decide about them."""
    undecided: _Undecided | None = st.session_state.get(_CONFLICT)
    if undecided is None or undecided.user_name != user.name:
        return
    conflicts = undecided.conflicts
    with st.container(border=True, key="conflict"):
        st.warning(plain(f"{undecided.said} What shall be done?"), icon=":material/group:")
        for conflict in conflicts[:_TOLD_IN_WORDS]:
            st.text(_conflict_text(conflict))
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
        if undecided.count > len(conflicts):
            st.caption(f"The first {count_text(len(conflicts))} of {count_text(undecided.count)} are listed.")
        with st.container(horizontal=True):
            # What is shown here has been seen now: whoever changes one of these once more is a conflict again.
            every, others = undecided.every, undecided.others
            if every.count > others.count and st.button(
                f"Set all {count_text(every.count)}, theirs too", key="overwrite"
            ):
                _carry_out(user, undecided.words, every, undecided.act, theirs_too=True)
            if others.count and st.button(f"Set the other {count_text(others.count)}, leave theirs", key="others"):
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
        entry, at = last[0].entry, last[0].recorded_at
        st.caption(plain(f"Last change: {count} \u2192 {became} at {at:%H:%M:%S} UTC ({entry.reason})"))
        if st.button(f"Undo {count}", key="undo", disabled=not may, icon=":material/undo:"):

            def act(
                state: PricingState, doer: User, chosen: Mapping[str, str], theirs_too: bool
            ) -> Tagged | TagConflicts:
                wanted = [stored.audit_id for stored in last if stored.entry.subject_key in chosen]
                return undo_tags(store(), state, doer, wanted, overwrite=theirs_too)

            _carry_out(user, UNDONE, NamedTrades(seen), act)


def _carry_out(user: User, words: str, selection: Selection, act: Act, *, theirs_too: bool = False) -> None:
    """Do it, keep what came of it for the next run, and run the page again on what the store then says."""
    st.session_state.pop(_CONFLICT, None)
    with store().read() as connection:
        revision = store().revisions(connection).static_revision
        seen = selection.seen(connection)
    try:
        with writing() as state:
            outcome = act(state, user, seen, theirs_too)
    except (NotAllowed, NotPossible) as error:
        keep_outcome(OUTCOME, False, str(error))
        st.rerun()
    if isinstance(outcome, TagConflicts):
        now = {each.trade_id: each.now for each in outcome.conflicts}
        st.session_state[_CONFLICT] = _Undecided(
            user.name,
            str(outcome),
            outcome.conflicts[:_MOST_LISTED],
            len(outcome.conflicts),
            words,
            selection.decided(now, revision, theirs_too=True),
            selection.decided(now, revision, theirs_too=False),
            act,
        )
    else:
        count = how_many_text(len(outcome.trades), "trade")
        already = f" {count_text(outcome.unchanged)} had it already." if outcome.unchanged else ""
        done = f"Undone: {count} restored to their previous status." if words == UNDONE else f"{count} {words}."
        keep_outcome(OUTCOME, True, f"{done}{already}{_entries(outcome)}")
        list_again()
    st.rerun()


def _conflict_text(conflict: Conflict) -> str:
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
    return "\n".join(f"- **{plain(status)}**: {plain(meaning)}" for status, meaning in meanings.items() if meaning)
