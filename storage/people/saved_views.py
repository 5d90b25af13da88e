"""The views that people saved: pivots under a name, their owner's alone or shared with everyone."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from storage.core.database import WriteUnit
from storage.core.desk_schema import saved_views


@dataclass(frozen=True, slots=True)
class ListedView:
    """A view without what it shows. version: how often its content was saved; saved_at: when that was last (UTC)."""

    view_id: str
    owner: str
    name: str
    is_shared: bool
    version: int
    saved_at: datetime


@dataclass(frozen=True, slots=True)
class SavedView(ListedView):
    """A view with what it shows; `services.views.saved_views.view_content` says what the content means."""

    content: dict[str, Any]


_LISTED = [saved_views.c[name] for name in ("view_id", "owner", "name", "is_shared", "version", "saved_at")]


def read_view(connection: Connection, view_id: str) -> SavedView | None:
    """The view of an id, whoever may see it; None where there is none."""
    return _first(connection, saved_views.c.view_id == view_id)


def view_named(connection: Connection, owner: str, name: str) -> SavedView | None:
    """Somebody's own view of a name; None where they have none."""
    return _first(connection, (saved_views.c.owner == owner) & (saved_views.c.name == name))


def views_for(connection: Connection, user_name: str) -> list[ListedView]:
    """What somebody may open: their own views, then those that others share, each by name."""
    query = select(*_LISTED).where(or_(saved_views.c.owner == user_name, saved_views.c.is_shared))
    found = [ListedView(**row) for row in connection.execute(query).mappings()]
    # Not by the database: the two of them order letters differently.
    return sorted(found, key=lambda view: (view.owner != user_name, view.name.casefold(), view.name, view.owner))


def visible_views(connection: Connection, user_name: str, view_ids: Iterable[str]) -> dict[str, SavedView]:
    """Id -> view, for those of these ids that somebody may open."""
    query = select(saved_views).where(
        saved_views.c.view_id.in_(sorted(set(view_ids))), or_(saved_views.c.owner == user_name, saved_views.c.is_shared)
    )
    return {row["view_id"]: SavedView(**row) for row in connection.execute(query).mappings()}


def names_of(connection: Connection, owner: str) -> set[str]:
    """The names of somebody's own views."""
    return set(connection.execute(select(saved_views.c.name).where(saved_views.c.owner == owner)).scalars())


def count_views(connection: Connection, owner: str) -> int:
    """How many views somebody has."""
    query = select(func.count()).select_from(saved_views).where(saved_views.c.owner == owner)
    return int(connection.execute(query).scalar_one())


def add_view(unit: WriteUnit, view_id: str, owner: str, name: str, content: Mapping[str, Any]) -> SavedView:
    """Keep a new view: its first version, its owner's alone."""
    view = SavedView(view_id, owner, name, False, 1, unit.now, dict(content))
    unit.connection.execute(insert(saved_views).values(_row(view)))
    return view


def write_view(unit: WriteUnit, view: SavedView) -> None:
    """Write a view over the one of its id."""
    unit.connection.execute(update(saved_views).where(saved_views.c.view_id == view.view_id).values(_row(view)))


def remove_view(unit: WriteUnit, view_id: str) -> None:
    unit.connection.execute(delete(saved_views).where(saved_views.c.view_id == view_id))


def _first(connection: Connection, condition: Any) -> SavedView | None:
    row = connection.execute(select(saved_views).where(condition)).mappings().first()
    return None if row is None else SavedView(**row)


def _row(view: SavedView) -> dict[str, Any]:
    return {column.name: getattr(view, column.name) for column in saved_views.columns}
