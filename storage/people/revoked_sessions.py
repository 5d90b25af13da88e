"""The sign-ins that people ended by signing out, for as long as a copy of their cookie could still be shown."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, insert, select

from storage.core.database import WriteUnit
from storage.core.desk_schema import ended_sign_ins

KEPT = timedelta(days=32)
"""As long as Streamlit takes the cookie, and a little more."""


def write_ended(unit: WriteUnit, key: str) -> bool:
    """Note that a sign-in has ended, and forget those that no cookie can bring back; False: it had ended before.

    key: that of services.access.read_claims. It tells sign-ins apart and lets nobody in.
    """
    unit.connection.execute(delete(ended_sign_ins).where(ended_sign_ins.c.ended_at < unit.now - KEPT))
    known = select(ended_sign_ins.c.sign_in).where(ended_sign_ins.c.sign_in == key)
    if unit.connection.execute(known).first() is not None:
        return False
    unit.connection.execute(insert(ended_sign_ins).values(sign_in=key, ended_at=unit.now, revision=unit.revision))
    return True


def read_ended(connection: Connection, after: int) -> list[tuple[int, str, datetime]]:
    """What ended after a revision, in order: the revision of each, its key, and when."""
    ended = ended_sign_ins.c
    query = select(ended.revision, ended.sign_in, ended.ended_at).where(ended.revision > after).order_by(ended.revision)
    return [(row.revision, row.sign_in, row.ended_at) for row in connection.execute(query)]
