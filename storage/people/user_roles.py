"""The roles that an admin has granted to people."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from storage.core.database import WriteUnit
from storage.core.desk_schema import user_roles


@dataclass(frozen=True, slots=True)
class GrantedRole:
    user_name: str
    role: str
    granted_by: str
    granted_at: datetime


def read_granted(connection: Connection) -> list[GrantedRole]:
    """Everything that is granted, by name and role."""
    query = select(user_roles).order_by(user_roles.c.user_name, user_roles.c.role)
    return [GrantedRole(*row) for row in connection.execute(query)]


def roles_granted_to(connection: Connection, user_name: str) -> frozenset[str]:
    """The roles of somebody; none for a name that nobody has granted anything."""
    query = select(user_roles.c.role).where(user_roles.c.user_name == user_name)
    return frozenset(connection.execute(query).scalars())


def write_grant(unit: WriteUnit, user_name: str, role: str, granted_by: str) -> None:
    """Note a role that the person did not have."""
    row = {"user_name": user_name, "role": role, "granted_by": granted_by, "granted_at": unit.now}
    unit.connection.execute(insert(user_roles).values(**row))


def remove_grant(unit: WriteUnit, user_name: str, role: str) -> None:
    unit.connection.execute(delete(user_roles).where(user_roles.c.user_name == user_name, user_roles.c.role == role))
