"""Every way in: reported sensitivities, dead letters, the places of consumer groups, watched files."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_MEASURES = (
    "unit_price",
    "market_value",
    "delta_shares",
    "cash_delta",
    "cash_gamma_1pct",
    "vega_1pt",
    "theta_1d",
    "rho_1bp",
    "dividend_rho_1bp",
)


def upgrade() -> None:
    op.add_column("store_state", sa.Column("reported_revision", sa.BigInteger(), nullable=False, server_default="0"))
    _let_measures_be_unknown()
    op.create_table(
        "dead_letters",
        sa.Column("dead_letter_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("consumer_group", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("message_offset", sa.BigInteger(), nullable=False),
        sa.Column("message_key", sa.LargeBinary(), nullable=True),
        sa.Column("message", sa.LargeBinary(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("deserializer", sa.String(), nullable=False),
        sa.Column("column_name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("settled_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("dead_letter_id"),
    )
    place = ["consumer_group", "topic", "partition", "message_offset"]
    op.create_index("ix_dead_letters_place", "dead_letters", place)
    op.create_index("ix_dead_letters_state", "dead_letters", ["state"])
    op.create_table(
        "partition_offsets",
        sa.Column("consumer_group", sa.String(), nullable=False),
        sa.Column("topic", sa.String(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=True),
        sa.Column("owner", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("consumer_group", "topic", "partition"),
    )
    op.create_table(
        "loaded_files",
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("content_hash", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("modified_ns", sa.BigInteger(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("path"),
    )


def _let_measures_be_unknown() -> None:
    """Whoever reports a sensitivity need not know every measure. SQLite changes a column by writing the table anew."""
    if op.get_context().dialect.name == "postgresql":
        for name in _MEASURES:
            op.alter_column("sensitivities", name, nullable=True)
        return
    op.rename_table("sensitivities", "sensitivities_before")
    op.create_table(
        "sensitivities",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("risk_factor", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.Float(), nullable=True) for name in _MEASURES),
        sa.Column("spot", sa.Float(), nullable=True),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("priced_by", sa.String(), nullable=False),
        sa.Column("parameters_source", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "risk_factor", "trade_id"),
        sqlite_with_rowid=False,
    )
    op.execute("INSERT INTO sensitivities SELECT * FROM sensitivities_before")
    op.drop_table("sensitivities_before")
