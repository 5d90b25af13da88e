"""The statuses that a trade may have: Live, Terminated, and those that an admin has defined."""

from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, insert, select, update

from engine.model import TradeStatus
from storage.core.database import WriteUnit
from storage.core.desk_schema import trade_statuses
from storage.core.schema import trades


@dataclass(frozen=True, slots=True)
class DefinedStatus:
    """is_priced: whether its trades are priced on. is_shown: whether views that do not filter show them."""

    status: str
    is_priced: bool
    is_shown: bool
    meaning: str


BUILT_IN: tuple[DefinedStatus, ...] = (
    DefinedStatus(TradeStatus.LIVE.value, True, True, "In the book."),
    DefinedStatus(TradeStatus.TERMINATED.value, False, False, "Ended before its maturity; nothing is deleted."),
)


def read_statuses(connection: Connection) -> list[DefinedStatus]:
    """All statuses: the built-in ones, then the defined ones by name."""
    rows = connection.execute(select(trade_statuses).order_by(trade_statuses.c.status))
    return [*BUILT_IN, *(DefinedStatus(row.status, row.is_priced, row.is_shown, row.meaning) for row in rows)]


def read_unpriced(connection: Connection) -> frozenset[str]:
    """The statuses whose trades are not priced."""
    return frozenset(defined.status for defined in read_statuses(connection) if not defined.is_priced)


def shown_statuses(connection: Connection) -> tuple[str, ...]:
    """The statuses that views show which do not filter."""
    return tuple(defined.status for defined in read_statuses(connection) if defined.is_shown)


def write_status(unit: WriteUnit, defined: DefinedStatus) -> None:
    """Define a status, or define it anew."""
    values = {"is_priced": defined.is_priced, "is_shown": defined.is_shown, "meaning": defined.meaning}
    known = update(trade_statuses).where(trade_statuses.c.status == defined.status).values(**values)
    if not unit.connection.execute(known).rowcount:
        unit.connection.execute(insert(trade_statuses).values(status=defined.status, **values))


def remove_status(unit: WriteUnit, status: str) -> None:
    unit.connection.execute(delete(trade_statuses).where(trade_statuses.c.status == status))


def count_by_status(connection: Connection) -> dict[str, int]:
    """Status -> how many trades have it."""
    query = select(trades.c.trade_status, func.count()).group_by(trades.c.trade_status)
    return {row[0]: row[1] for row in connection.execute(query)}
