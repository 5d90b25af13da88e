"""The sign-ins that people ended by signing out: they stay over after a restart, and on every web server."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ended_sign_ins",
        sa.Column("sign_in", sa.String(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False, index=True),
        sa.PrimaryKeyConstraint("sign_in"),
    )
