"""The snapshot of a store as of a date: what a full revaluation starts from."""

from datetime import date

from immutables import Map
from sqlalchemy import Connection

from engine.snapshot.book import BookSnapshot
from engine.snapshot.market import MarketSnapshot
from engine.snapshot.parameters import ARTICLE_DEFAULTS, ParameterHistory, Parameters
from engine.valuation.cube import Snapshot
from storage.book.records_at import records_known
from storage.book.trade_statuses import read_unpriced
from storage.core.database import Store
from storage.core.known_at import KnownAt
from storage.market.quotes import quotes_as_known


def read_snapshot(
    store: Store,
    connection: Connection,
    as_of: date,
    fallback: Parameters = ARTICLE_DEFAULTS,
    *,
    known_at: KnownAt = None,
) -> Snapshot:
    """Read trades, parameters and quotes as they were known, as the transaction of this connection sees them.

    fallback: what an underlying without parameters is priced with. Which statuses are priced is as it is now.
    """
    spots = {instrument: quote.quote for instrument, quote in quotes_as_known(connection, as_of, known_at).items()}
    parameters = ParameterHistory(records_known(connection, "parameters", known_at), fallback)
    return Snapshot(
        BookSnapshot.of(records_known(connection, "trades", known_at), read_unpriced(connection)),
        MarketSnapshot(as_of, Map(spots), parameters),
        known_at if isinstance(known_at, int) else store.revisions(connection).revision,
    )
