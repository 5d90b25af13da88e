"""The first schema: trades and static data, quotes, sensitivities, feeds, the change log."""

import sqlalchemy as sa
from alembic import op

from storage.core.instants import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "books",
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("desk", sa.String(), nullable=False),
        sa.Column("business_unit", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("book"),
    )
    op.create_table(
        "change_rows",
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("table_name", sa.String(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("revision", "table_name", "as_of_date"),
    )
    if op.get_context().dialect.name == "postgresql":
        # Arrow's floats do not shrink: to compress them costs more than all else that a tick writes.
        op.execute("ALTER TABLE change_rows ALTER COLUMN rows SET STORAGE EXTERNAL")
    op.create_table(
        "changes",
        sa.Column("revision", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("committed_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=True),
        sa.Column("observed_at", UtcDateTime(), nullable=True),
        sa.Column("reload", sa.Boolean(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("revision"),
    )
    op.create_table(
        "feeds",
        sa.Column("feed", sa.String(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("owner", sa.String(), nullable=True),
        sa.Column("wanted_state", sa.String(), nullable=False),
        sa.Column("wanted_speed", sa.Float(), nullable=True),
        sa.Column("restarts_wanted", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("speed", sa.Float(), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("lag_seconds", sa.Float(), nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=True),
        sa.Column("seen_at", UtcDateTime(), nullable=True),
        sa.Column("process_id", sa.Integer(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("late_quotes", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("feed"),
    )
    op.create_table(
        "instruments",
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("sector", sa.String(), nullable=False),
        sa.Column("region", sa.String(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("ticker"),
    )
    op.create_table(
        "pricing_failures",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("risk_factor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "trade_id"),
    )
    op.create_table(
        "pricing_parameters",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("implied_vol", sa.Float(), nullable=False),
        sa.Column("risk_free_rate", sa.Float(), nullable=False),
        sa.Column("dividend_yield", sa.Float(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "ticker"),
    )
    op.create_table(
        "quote_history",
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("quote", sa.Float(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("instrument", "observed_at"),
    )
    op.create_index("ix_quote_history_as_of", "quote_history", ["as_of_date", "instrument"], unique=False)
    op.create_table(
        "quotes",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("instrument", sa.String(), nullable=False),
        sa.Column("quote", sa.Float(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "instrument"),
    )
    op.create_table(
        "record_versions",
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("record_key", sa.String(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("revision", "kind", "record_key"),
    )
    op.create_index("ix_record_versions_record", "record_versions", ["kind", "record_key", "revision"], unique=False)
    op.create_table(
        "rejections",
        sa.Column("rejection_id", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("column_name", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("rejection_id"),
    )
    op.create_table(
        "sensitivities",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("risk_factor", sa.String(), nullable=False),
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("unit_price", sa.Float(), nullable=True),
        sa.Column("market_value", sa.Float(), nullable=False),
        sa.Column("delta_shares", sa.Float(), nullable=False),
        sa.Column("cash_delta", sa.Float(), nullable=False),
        sa.Column("cash_gamma_1pct", sa.Float(), nullable=False),
        sa.Column("vega_1pt", sa.Float(), nullable=False),
        sa.Column("theta_1d", sa.Float(), nullable=False),
        sa.Column("rho_1bp", sa.Float(), nullable=False),
        sa.Column("dividend_rho_1bp", sa.Float(), nullable=False),
        sa.Column("spot", sa.Float(), nullable=True),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.Column("priced_by", sa.String(), nullable=False),
        sa.Column("parameters_source", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "risk_factor", "trade_id"),
        sqlite_with_rowid=False,
        postgresql_with={"fillfactor": "50"},
    )
    op.create_table(
        "store_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("static_revision", sa.BigInteger(), nullable=False),
        sa.Column("quotes_revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "trades",
        sa.Column("trade_id", sa.String(), nullable=False),
        sa.Column("ticker", sa.String(), nullable=False),
        sa.Column("book", sa.String(), nullable=False),
        sa.Column("product", sa.String(), nullable=False),
        sa.Column("quantity", sa.Float(), nullable=False),
        sa.Column("strike", sa.Float(), nullable=True),
        sa.Column("maturity", sa.Date(), nullable=True),
        sa.Column("option_type", sa.String(), nullable=True),
        sa.Column("exercise_style", sa.String(), nullable=True),
        sa.Column("contract_multiplier", sa.Float(), nullable=False),
        sa.Column("trade_status", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("trade_id"),
    )
    op.create_index(op.f("ix_trades_ticker"), "trades", ["ticker"], unique=False)
    op.execute("INSERT INTO store_state (id, revision, static_revision, quotes_revision) VALUES (1, 0, 0, 0)")


def downgrade() -> None:

    op.drop_index(op.f("ix_trades_ticker"), table_name="trades")
    op.drop_table("trades")
    op.drop_table("store_state")
    op.drop_table("sensitivities")
    op.drop_table("rejections")
    op.drop_index("ix_record_versions_record", table_name="record_versions")
    op.drop_table("record_versions")
    op.drop_table("quotes")
    op.drop_index("ix_quote_history_as_of", table_name="quote_history")
    op.drop_table("quote_history")
    op.drop_table("pricing_parameters")
    op.drop_table("pricing_failures")
    op.drop_table("instruments")
    op.drop_table("feeds")
    op.drop_table("changes")
    op.drop_table("change_rows")
    op.drop_table("books")
