"""Values that were taken and hardly can be meant."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "questioned_values",
        sa.Column("question_id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        *(
            sa.Column(name, sa.String(), nullable=False)
            for name in ("source", "place", "instrument", "column_name", "value", "reason")
        ),
    )
