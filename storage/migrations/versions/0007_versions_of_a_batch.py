"""Several versions of a record in one revision, and the newest quote of an instrument by key."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_KEY = ["revision", "kind", "record_key", "step"]


def upgrade() -> None:
    op.create_index("ix_quotes_instrument", "quotes", ["instrument", "as_of_date"])
    if op.get_bind().dialect.name == "postgresql":
        op.add_column("record_versions", sa.Column("step", sa.Integer(), nullable=False, server_default="0"))
        op.drop_constraint("record_versions_pkey", "record_versions")
        op.create_primary_key("record_versions_pkey", "record_versions", _KEY)
        return
    # SQLite cannot change a key.
    op.rename_table("record_versions", "record_versions_before")
    op.drop_index("ix_record_versions_record")
    op.create_table(
        "record_versions",
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("place", sa.String(), nullable=False, server_default=""),
        sa.Column("step", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint(*_KEY),
    )
    columns = "revision, kind, record_key, recorded_at, source, record, place"
    op.execute(f"INSERT INTO record_versions ({columns}) SELECT {columns} FROM record_versions_before")
    op.drop_table("record_versions_before")
    op.create_index("ix_record_versions_record", "record_versions", ["kind", "record_key", "revision"])
