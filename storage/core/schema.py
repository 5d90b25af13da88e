"""The tables of the store and their keys: the same on SQLite and PostgreSQL."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Date,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    false,
)

from engine.measures import MEASURE_NAMES
from storage.core.instants import UtcDateTime

metadata = MetaData()

store_state = Table(
    "store_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("revision", BigInteger, nullable=False),
    Column("static_revision", BigInteger, nullable=False),
    Column("quotes_revision", BigInteger, nullable=False),
    Column("reported_revision", BigInteger, nullable=False, server_default="0"),
)
"""One row. Every writer raises ``revision`` first and holds the row until it commits: revisions have no gaps and their
order is the order of commits. The others are the revisions of the last change to trades or static data, to quotes, and
to reported sensitivities."""

trades = Table(
    "trades",
    metadata,
    Column("trade_id", String, primary_key=True),
    Column("ticker", String, nullable=False, index=True),
    Column("book", String, nullable=False),
    Column("product", String, nullable=False),
    Column("quantity", Float, nullable=False),
    Column("strike", Float),
    Column("maturity", Date),
    Column("option_type", String),
    Column("exercise_style", String),
    Column("contract_multiplier", Float, nullable=False),
    Column("trade_status", String, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

books = Table(
    "books",
    metadata,
    Column("book", String, primary_key=True),
    Column("desk", String, nullable=False),
    Column("business_unit", String, nullable=False),
    Column("region", String, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

instruments = Table(
    "instruments",
    metadata,
    Column("ticker", String, primary_key=True),
    Column("name", String, nullable=False),
    Column("sector", String, nullable=False),
    Column("region", String, nullable=False),
    Column("currency", String, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

pricing_parameters = Table(
    "pricing_parameters",
    metadata,
    Column("as_of_date", Date, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("implied_vol", Float, nullable=False),
    Column("risk_free_rate", Float, nullable=False),
    Column("dividend_yield", Float, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
)

record_versions = Table(
    "record_versions",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("kind", String, primary_key=True),
    Column("record_key", String, primary_key=True),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("record", JSON, nullable=False),
    Column("place", String, nullable=False, server_default=""),
    Column("step", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Index("ix_record_versions_record", "kind", "record_key", "revision"),
)
"""Every version of every trade, book, instrument and parameter row: nothing here is changed. The tables above have the
newest that holds. place: where in its source it was, a line of a file or an offset of a topic. step: 0 for the last
version of a record in a revision, -1 for the one before it, and so on."""

quotes = Table(
    "quotes",
    metadata,
    Column("as_of_date", Date, primary_key=True),
    Column("instrument", String, primary_key=True),
    Column("quote", Float, nullable=False),
    Column("observed_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Index("ix_quotes_instrument", "instrument", "as_of_date"),
)
"""The newest observation of each instrument on each as-of date: today's price, and each earlier day's close."""

quote_versions = Table(
    "quote_versions",
    metadata,
    Column("instrument", String, primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("observed_at", UtcDateTime, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("quote", Float, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("place", String, nullable=False, server_default=""),
    Column("is_late", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
)
"""Every quote that came, also those that correct another of the same instant: nothing here is changed. ``quotes`` has
the newest that holds. is_late: it came when its date was over, and prices nothing. revision 0: it came before the store
noted revisions of quotes. place and step: as of ``record_versions``.

The key is all there is to find a quote by: a tick writes one row of one tree for each."""

withdrawals = Table(
    "withdrawals",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("step", Integer, primary_key=True, autoincrement=False, server_default="0"),
    Column("recorded_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("of_revision", BigInteger, index=True),
    Column("of_source", String),
    Column("from_date", Date),
    Index("ix_withdrawals_source", "of_source", "revision"),
)
"""Versions that hold no more from a revision on, a row for all of them: those that ``of_revision`` wrote (the undo of
an upload), or the quotes of ``of_source`` for ``from_date`` and later that came before (a restart of the replay).
source: who took them back."""

sensitivities = Table(
    "sensitivities",
    metadata,
    Column("as_of_date", Date, primary_key=True),
    Column("risk_factor", String, primary_key=True),
    Column("trade_id", String, primary_key=True),
    *(Column(name, Float) for name in MEASURE_NAMES),
    Column("spot", Float),
    Column("observed_at", UtcDateTime, nullable=False),
    Column("priced_by", String, nullable=False),
    Column("parameters_source", String, nullable=False),
    Column("source", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
    sqlite_with_rowid=False,
    postgresql_with={"fillfactor": "50"},
)
"""Measures of a trade at an as-of date: ours (``source`` is "engine"), or as others reported them. Then ``source``
says who, and a measure that was not given is NULL. Rows of earlier dates are the closes that P&L compares with.

The key begins with what a tick touches, a date and an underlying, and in SQLite the rows lie in its order: a tick
writes a few pages that lie together. In PostgreSQL half of each page is left free, so that the next version of a row
finds room beside the old one and no index need be told.
"""

priced_with = Table(
    "priced_with",
    metadata,
    Column("as_of_date", Date, primary_key=True),
    Column("ticker", String, primary_key=True),
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("implied_vol", Float, nullable=False),
    Column("risk_free_rate", Float, nullable=False),
    Column("dividend_yield", Float, nullable=False),
    Column("parameters_source", String, nullable=False),
    sqlite_with_rowid=False,
)
"""The values of the parameters that the trades on an underlying were priced with at an as-of date, from a revision on:
a row only where they are others than before."""

pricing_failures = Table(
    "pricing_failures",
    metadata,
    Column("as_of_date", Date, primary_key=True),
    Column("trade_id", String, primary_key=True),
    Column("risk_factor", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("detail", String, nullable=False),
    Column("revision", BigInteger, nullable=False),
)
"""Trades without a value at an as-of date, and why."""

rejections = Table(
    "rejections",
    metadata,
    Column("rejection_id", Integer, primary_key=True, autoincrement=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("place", String, nullable=False),
    Column("column_name", String, nullable=False),
    Column("value", String, nullable=False),
    Column("reason", String, nullable=False),
)
"""What a feed brought and the store did not take, with its place in the source and the reason."""

questioned_values = Table(
    "questioned_values",
    metadata,
    Column("question_id", Integer, primary_key=True, autoincrement=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("place", String, nullable=False),
    Column("instrument", String, nullable=False),
    Column("column_name", String, nullable=False),
    Column("value", String, nullable=False),
    Column("reason", String, nullable=False),
)
"""What was taken and can hardly be meant, with its place in the source and the reason."""

feeds = Table(
    "feeds",
    metadata,
    Column("feed", String, primary_key=True),
    Column("cursor", JSON, nullable=False),
    Column("owner", String),
    Column("wanted_state", String, nullable=False),
    Column("wanted_speed", Float),
    Column("restarts_wanted", Integer, nullable=False),
    Column("state", String, nullable=False),
    Column("speed", Float),
    Column("detail", String, nullable=False),
    Column("lag_seconds", Float),
    Column("started_at", UtcDateTime),
    Column("seen_at", UtcDateTime),
    Column("process_id", Integer),
    Column("host", String),
    Column("late_quotes", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
)
"""Each feed: where it is (``cursor``, written in the transaction of the data it stands for), which sidecar owns it,
what people want of it, and what it last said of itself. A speed that is missing means as fast as it goes."""

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("dead_letter_id", Integer, primary_key=True, autoincrement=True),
    Column("received_at", UtcDateTime, nullable=False),
    Column("consumer_group", String, nullable=False),
    Column("topic", String, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("message_offset", BigInteger, nullable=False),
    Column("message_key", LargeBinary),
    Column("message", LargeBinary),
    Column("kind", String, nullable=False),
    Column("deserializer", String, nullable=False),
    Column("column_name", String, nullable=False),
    Column("value", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("settled_at", UtcDateTime),
    Index("ix_dead_letters_place", "consumer_group", "topic", "partition", "message_offset"),
    Index("ix_dead_letters_state", "state"),
)
"""Messages that could not be taken, whole, with the place they came from and the reason; ``state`` says whether one
still waits or was taken after all."""

partition_offsets = Table(
    "partition_offsets",
    metadata,
    Column("consumer_group", String, primary_key=True),
    Column("topic", String, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next_offset", BigInteger),
    Column("owner", String, nullable=False),
)
"""Where a consumer group is in each partition: written in the transaction of the messages before ``next_offset`` (NULL:
none yet), by the sidecar that owns the partition and by nobody else."""

loaded_files = Table(
    "loaded_files",
    metadata,
    Column("path", String, primary_key=True),
    Column("content_hash", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("loaded_at", UtcDateTime, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("detail", String, nullable=False),
)
"""The content that each watched file last had when it was read, and what came of it: written with its rows."""

changes = Table(
    "changes",
    metadata,
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("committed_at", UtcDateTime, nullable=False),
    Column("source", String, nullable=False),
    Column("as_of_date", Date),
    Column("observed_at", UtcDateTime),
    Column("reload", Boolean, nullable=False),
    Column("size", BigInteger, nullable=False),
)
"""The change log: one entry a revision. ``reload``: the change is too wide for a delta (static data, a restart of the
replay): whoever follows takes a fresh snapshot."""

change_rows = Table(
    "change_rows",
    metadata,
    Column("revision", BigInteger, primary_key=True),
    Column("table_name", String, primary_key=True),
    Column("as_of_date", Date, primary_key=True),
    Column("rows", LargeBinary, nullable=False),
)
"""The changed rows of an entry, a table and as-of date each, as an Arrow IPC stream."""

background_tasks = Table(
    "background_tasks",
    metadata,
    Column("process", String, primary_key=True),
    Column("task", String, primary_key=True),
    Column("state", String, nullable=False),
    Column("reason", String, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("beat_at", UtcDateTime),
    Column("reported_at", UtcDateTime, nullable=False),
)
"""How the supervised threads and tasks of each process are, as it last said of itself."""
