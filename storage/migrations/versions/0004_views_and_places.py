"""Views that people save, their start pages, and the place in its source that a version of a record came from."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "saved_views",
        sa.Column("view_id", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("is_shared", sa.Boolean(), nullable=False),
        sa.Column("content", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("view_id"),
        sa.UniqueConstraint("owner", "name"),
    )
    op.create_table(
        "start_pages",
        sa.Column("user_name", sa.String(), nullable=False),
        sa.Column("widgets", sa.JSON(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("user_name"),
    )
    op.add_column("record_versions", sa.Column("place", sa.String(), nullable=False, server_default=""))
