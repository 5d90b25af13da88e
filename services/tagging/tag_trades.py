"""Managers set the status of trades, and undo it: in one transaction with the audit, and never over one another."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from services.access.permissions import Permission, User, require
from services.access.reasons import NotPossible, reason_and_note
from services.pricing.prebuild import prebuild
from services.pricing.pricing_state import PricingState
from services.pricing.unit_of_work import unit_of_work
from services.records.how_many import how_many
from services.records.incoming import Incoming
from services.writes.apply_incoming import finish, write_incoming
from storage.book.trade_statuses import read_statuses
from storage.core.database import Store
from storage.people.audit import AuditEntry, StoredAuditEntry, append_audit, read_entries
from storage.read_models.trade_history import StatusSet, statuses_at, who_set_statuses

SET, UNDO, TRADE = "set status", "undo status", "trade"
"""How the audit calls what is done here, and to what."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A trade that somebody else has changed meanwhile: what the manager saw, and who made it what it is now, and why.

    now is None when there is no such trade; then nobody set it.
    """

    trade_id: str
    seen: str
    now: str | None
    set_by: StatusSet | None


@dataclass(frozen=True, slots=True)
class TagConflicts:
    """Trades that are not what the manager saw. Nothing was changed: the manager decides."""

    conflicts: Sequence[Conflict]

    def __str__(self) -> str:
        return f"{how_many(len(self.conflicts), 'trade')} changed since you looked: nothing was set."


@dataclass(frozen=True, slots=True)
class Tagged:
    """What was done. revision is None when nothing was to be done. unchanged: trades that had the status already."""

    revision: int | None = None
    trades: list[str] = field(default_factory=list)
    audit_ids: list[int] = field(default_factory=list)
    unchanged: int = 0


@dataclass(slots=True)
class _Wish:
    """What statuses are to become. seen: as the manager saw them; overwrite: whatever they are now."""

    user: User
    action: str
    wanted: Mapping[str, str]
    seen: Mapping[str, str]
    reason: str
    note: Callable[[str], str]
    overwrite: bool

    def conflicting(self, now: Mapping[str, str]) -> list[str]:
        """The trades that are neither what was seen nor what is wanted; those that are gone even when overwriting."""
        return [
            trade_id
            for trade_id, wanted in self.wanted.items()
            if (status := now.get(trade_id)) is None
            or (not self.overwrite and status not in (self.seen[trade_id], wanted))
        ]


def tag_trades(
    store: Store,
    state: PricingState,
    user: User,
    trades: Mapping[str, str],
    status: str,
    reason: str,
    note: str = "",
    *,
    overwrite: bool = False,
) -> Tagged | TagConflicts:
    """Set the status of trades; each one that changes is an entry of the audit. trades: id -> status as the manager
    saw it.

    A trade that has the status already is left alone. Nothing is changed, and the conflicts are returned, when a trade
    is not what the manager saw (unless overwrite). Raises NotAllowed without the permission, NotPossible for a status
    that is not defined or without a reason.
    """
    require(store, user, Permission.TAG, f"set {how_many(len(trades), 'trade')} to {status}")
    said, told = reason_and_note(reason, note, "A change of status")
    wish = _Wish(user, SET, dict.fromkeys(trades, status), trades, said, lambda _: told, overwrite)
    return _carry_out(store, state, wish)


def undo_tags(
    store: Store,
    state: PricingState,
    user: User,
    audit_ids: Sequence[int],
    reason: str = "undone",
    *,
    overwrite: bool = False,
) -> Tagged | TagConflicts:
    """Give trades the status back that they had before one's own entries of the audit with these numbers.

    It is a conflict when a trade has been given another status since. Raises the same as ``tag_trades``, and
    NotPossible for entries that are another user's or no tags.
    """
    require(store, user, Permission.TAG, f"undo {how_many(len(audit_ids), 'tag')}")
    said, _ = reason_and_note(reason, "", "Undoing tags")
    with store.read() as connection:
        entries = read_entries(connection, audit_ids)
    _check_own(user, audit_ids, entries)
    seen: dict[str, str] = {}
    wanted: dict[str, str] = {}
    number: dict[str, int] = {}
    for stored in reversed(entries):  # of several entries of one trade the oldest says what it was
        entry = stored.entry
        seen.setdefault(entry.subject_key, str((entry.after or {})["trade_status"]))
        wanted[entry.subject_key] = str((entry.before or {})["trade_status"])
        number[entry.subject_key] = stored.audit_id
    wish = _Wish(user, UNDO, wanted, seen, said, lambda trade_id: f"undoes entry {number[trade_id]}", overwrite)
    return _carry_out(store, state, wish)


def _carry_out(store: Store, state: PricingState, wish: _Wish) -> Tagged | TagConflicts:
    """Look at the trades under the lock, and set those that are what the manager saw; or nothing, and say why not."""
    source = f"{wish.action} by {wish.user.name}"
    state.catch_up(store)
    foreseen = [
        {"trade_id": trade_id, "trade_status": status}
        for trade_id, status in wish.wanted.items()
        if state.trade(trade_id) is not None
    ]
    prebuild(store, state, Incoming({"trades": foreseen}), (), wait_for_slow=False)
    with unit_of_work(store, state, source) as work:
        connection = work.unit.connection
        _check_statuses(connection, wish)
        now = statuses_at(connection, list(wish.wanted))
        conflicting = wish.conflicting(now)
        changing = [trade_id for trade_id, status in wish.wanted.items() if now.get(trade_id) != status]
        if conflicting or not changing:
            work.abandon()
            return _conflicts(connection, wish, now, conflicting) if conflicting else Tagged(unchanged=len(wish.wanted))
        records = [{"trade_id": trade_id, "trade_status": wish.wanted[trade_id]} for trade_id in changing]
        written = write_incoming(work, Incoming({"trades": records}), wait_for_slow=True)
        numbers = append_audit(work.unit, [_entry(wish, trade_id, now[trade_id]) for trade_id in changing])
    finish(store, work, written, wait_for_slow=True)
    return Tagged(work.unit.revision, changing, numbers, len(wish.wanted) - len(changing))


def _conflicts(connection: Connection, wish: _Wish, now: Mapping[str, str], conflicting: Sequence[str]) -> TagConflicts:
    known = who_set_statuses(connection, [trade_id for trade_id in conflicting if trade_id in now])
    return TagConflicts([Conflict(each, wish.seen[each], now.get(each), known.get(each)) for each in conflicting])


def _entry(wish: _Wish, trade_id: str, before: str) -> AuditEntry:
    return AuditEntry(
        wish.user.name,
        wish.action,
        TRADE,
        trade_id,
        {"trade_status": before},
        {"trade_status": wish.wanted[trade_id]},
        wish.reason,
        wish.note(trade_id),
    )


def _check_statuses(connection: Connection, wish: _Wish) -> None:
    known = [defined.status for defined in read_statuses(connection)]
    unknown = sorted(set(wish.wanted.values()) - set(known))
    if unknown:
        raise NotPossible(f"Nobody has defined the status '{unknown[0]}': there are {', '.join(known)}.")


def _check_own(user: User, audit_ids: Sequence[int], entries: Sequence[StoredAuditEntry]) -> None:
    missing = set(audit_ids) - {stored.audit_id for stored in entries}
    if missing:
        raise NotPossible(f"The audit has no entry {min(missing)}: nothing was undone.")
    for stored in entries:
        if stored.entry.action not in (SET, UNDO):
            raise NotPossible(f"Entry {stored.audit_id} is no change of a status: nothing was undone.")
        if stored.entry.user_name != user.name:
            raise NotPossible(f"Entry {stored.audit_id} is of {stored.entry.user_name}: set the status instead.")
