"""What each person's own start page is made of."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, insert, select, update

from storage.core.database import WriteUnit
from storage.core.desk_schema import start_pages


def read_start_page(connection: Connection, user_name: str) -> list[dict[str, Any]]:
    """The widgets of somebody's start page in their order, as they were written; none where nothing was saved."""
    query = select(start_pages.c.widgets).where(start_pages.c.user_name == user_name)
    return list(connection.execute(query).scalar() or [])


def write_start_page(unit: WriteUnit, user_name: str, widgets: Sequence[Mapping[str, Any]]) -> None:
    """Put these widgets in the place of those that somebody had."""
    values = {"widgets": [dict(widget) for widget in widgets], "saved_at": unit.now}
    known = update(start_pages).where(start_pages.c.user_name == user_name).values(values)
    if not unit.connection.execute(known).rowcount:
        unit.connection.execute(insert(start_pages).values(user_name=user_name, **values))
