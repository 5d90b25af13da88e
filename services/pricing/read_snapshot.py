"""The snapshot of a store as of a date: what a full revaluation starts from."""

from datetime import date

from immutables import Map
from sqlalchemy import Connection

from engine.snapshot.book import BookSnapshot
from engine.snapshot.market import MarketSnapshot
from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, Parameters
from engine.valuation.cube import Snapshot
from storage.book.records import read_plain_records
from storage.book.trade_statuses import read_unpriced
from storage.core.database import Store
from storage.market.quotes import quotes_as_known


def read_snapshot(
    store: Store, connection: Connection, as_of: date, fallback: Parameters = ARTICLE_DEFAULTS
) -> Snapshot:
    """Read trades, statuses, parameters and quotes as the transaction of this connection sees them.

    fallback: what an underlying without parameters is priced with.
    """
    spots = {instrument: quote.quote for instrument, quote in quotes_as_known(connection, as_of).items()}
    return Snapshot(
        BookSnapshot.of(read_plain_records(connection, "trades"), read_unpriced(connection)),
        MarketSnapshot(as_of, Map(spots), ParameterHistory(read_plain_records(connection, "parameters"), fallback)),
        store.revisions(connection).revision,
    )
