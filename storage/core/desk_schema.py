"""The tables of what people do: who may do what, what they have done, what they uploaded, which views they saved."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.core.instants import UtcDateTime
from storage.core.schema import metadata

__all__ = [
    "audit_entries",
    "column_mappings",
    "ended_sign_ins",
    "metadata",
    "saved_views",
    "start_pages",
    "trade_statuses",
    "upload_batches",
    "upload_rows",
    "user_roles",
]

audit_entries = Table(
    "audit_entries",
    metadata,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("user_name", String, nullable=False),
    Column("action", String, nullable=False),
    Column("subject_kind", String, nullable=False),
    Column("subject_key", String, nullable=False),
    Column("before", JSON),
    Column("after", JSON),
    Column("reason", String, nullable=False),
    Column("note", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("previous_hash", String, nullable=False),
    Column("hash", String, nullable=False),
    Index("ix_audit_entries_subject", "subject_kind", "subject_key", "audit_id"),
)
"""Everything that people changed, and what they were refused: numbered without gaps, each row with the hash of the one
before. The database refuses to change or delete a row."""

user_roles = Table(
    "user_roles",
    metadata,
    Column("user_name", String, primary_key=True),
    Column("role", String, primary_key=True),
    Column("granted_by", String, nullable=False),
    Column("granted_at", UtcDateTime, nullable=False),
)
"""The roles that an admin has granted."""

ended_sign_ins = Table(
    "ended_sign_ins",
    metadata,
    Column("sign_in", String, primary_key=True),
    Column("ended_at", UtcDateTime, nullable=False),
    Column("revision", BigInteger, nullable=False, index=True),
)
"""The sign-ins that somebody ended by signing out, by a hash that lets nobody in. revision: that of the sign-out. By it
a web server asks for what is new alone."""

trade_statuses = Table(
    "trade_statuses",
    metadata,
    Column("status", String, primary_key=True),
    Column("is_priced", Boolean, nullable=False),
    Column("is_shown", Boolean, nullable=False),
    Column("meaning", String, nullable=False),
)
"""The statuses that an admin has defined beside Live and Terminated. is_shown: in views that do not filter."""

upload_batches = Table(
    "upload_batches",
    metadata,
    Column("batch_id", Integer, primary_key=True, autoincrement=True),
    Column("uploaded_at", UtcDateTime, nullable=False),
    Column("user_name", String, nullable=False),
    Column("file_name", String, nullable=False),
    Column("content_hash", String, nullable=False, index=True),
    Column("kind", String, nullable=False),
    Column("mode", String, nullable=False),
    Column("counts", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("undone_at", UtcDateTime),
    Column("undone_by", String),
)
"""Every upload that changed something. mode: all or nothing, or the good rows."""

upload_rows = Table(
    "upload_rows",
    metadata,
    Column("batch_id", Integer, primary_key=True),
    Column("record_key", String, primary_key=True),
    Column("line", Integer, nullable=False),
    Column("previous", JSON),
)
"""The rows that an upload wrote, and what each was before (NULL: it was not there)."""

column_mappings = Table(
    "column_mappings",
    metadata,
    Column("mapping", String, primary_key=True),
    Column("kind", String, nullable=False),
    Column("columns", JSON, nullable=False),
    Column("saved_by", String, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)
"""How the columns of somebody's files are called here, under a name: column of the file -> our column."""

saved_views = Table(
    "saved_views",
    metadata,
    Column("view_id", String, primary_key=True),
    Column("owner", String, nullable=False),
    Column("name", String, nullable=False),
    Column("is_shared", Boolean, nullable=False),
    Column("content", JSON, nullable=False),
    Column("version", Integer, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
    UniqueConstraint("owner", "name"),
)
"""Pivots under a name: their owner's, or shared with everyone. version: how often it was saved, so that of two people
who change one view the second is told."""

start_pages = Table(
    "start_pages",
    metadata,
    Column("user_name", String, primary_key=True),
    Column("widgets", JSON, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)
"""What each person's own start page is made of, in its order."""
