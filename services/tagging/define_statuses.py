"""Admins define what statuses a trade may have beside Live and Terminated."""

from dataclasses import asdict

from services.access.permissions import Permission, User, require
from services.access.reasons import NotPossible, one_line
from services.records.how_many import how_many
from storage.book.trade_statuses import DefinedStatus, count_by_status, read_statuses, remove_status, write_status
from storage.core.change_log import changing
from storage.core.database import Store, WriteUnit
from storage.people.audit import AuditEntry, append_audit

SUBJECT = "status"
_LONGEST_NAME, _LONGEST_MEANING = 40, 200
_RESERVED = {"live", "terminated", "expired", "all"}
"""Built in, derived from the maturity, or a word of the filters."""


def define_status(store: Store, user: User, defined: DefinedStatus) -> DefinedStatus:
    """Define a status, or define a known one anew; returns it as it is stored.

    Raises NotAllowed without the permission, and NotPossible for a name that cannot be one, and when it should be
    priced otherwise than before while trades have it.
    """
    require(store, user, Permission.GRANT, f"define the status {defined.status}")
    name, meaning = one_line(defined.status), one_line(defined.meaning)
    if not name or len(name) > _LONGEST_NAME:
        raise NotPossible(f"A status has a name of 1 to {_LONGEST_NAME} characters.")
    if name.casefold() in _RESERVED:
        raise NotPossible(f"'{name}' has a meaning of its own here: choose another name.")
    if len(meaning) > _LONGEST_MEANING:
        raise NotPossible(f"The meaning of a status has at most {_LONGEST_MEANING} characters: say it shorter.")
    wanted = DefinedStatus(name, defined.is_priced, defined.is_shown, meaning)
    with changing(store, f"define status by {user.name}") as (unit, change):
        before = _known(unit, name)
        if before == wanted:
            return wanted
        if before is not None and before.status != name:
            raise NotPossible(f"There is a status '{before.status}' already: write it the same way.")
        used = count_by_status(unit.connection).get(name, 0)
        if before is not None and before.is_priced != wanted.is_priced and used:
            many = how_many(used, "trade is", "trades are")
            raise NotPossible(f"{many} {name}: whether they are priced can change when no trade is.")
        write_status(unit, wanted)
        change.static = change.reload = True  # whoever prices or shows trades reads the statuses again
        _tell(unit, user, "define status", name, before, wanted)
    return wanted


def undefine_status(store: Store, user: User, status: str) -> None:
    """Take a status away that no trade has.

    Raises NotAllowed without the permission, and NotPossible when there is none, it is built in, or trades have it.
    """
    require(store, user, Permission.GRANT, f"remove the status {status}")
    with changing(store, f"remove status by {user.name}") as (unit, change):
        before = _known(unit, status)
        if before is None or status.casefold() in _RESERVED:
            raise NotPossible(f"'{status}' is not a status that somebody defined.")
        used = count_by_status(unit.connection).get(status, 0)
        if used:
            many = how_many(used, "trade is", "trades are")
            raise NotPossible(f"{many} {status}: give them another status first.")
        remove_status(unit, status)
        change.static = change.reload = True
        _tell(unit, user, "remove status", status, before, None)


def _known(unit: WriteUnit, name: str) -> DefinedStatus | None:
    """The status of this name, in whatever letter case it was defined."""
    same = (known for known in read_statuses(unit.connection) if known.status.casefold() == name.casefold())
    return next(same, None)


def _tell(
    unit: WriteUnit, user: User, action: str, name: str, before: DefinedStatus | None, after: DefinedStatus | None
) -> None:
    was, became = (None if each is None else asdict(each) for each in (before, after))
    append_audit(unit, [AuditEntry(user.name, action, SUBJECT, name, was, became)])
