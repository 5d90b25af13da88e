"""What a writing process holds of the store at a revision."""

from dataclasses import dataclass, field
from datetime import date

from immutables import Map

from engine.snapshot.book import BookSnapshot
from engine.snapshot.parameters import ParameterHistory
from engine.valuation.pricer_build import Key
from engine.valuation.underlying_pricer import UnderlyingPricer
from storage.market.quotes import Quote

UNREAD = -1


@dataclass(frozen=True, slots=True)
class StoreSnapshot:
    """Trades, parameters, quotes and what else decides what is priced. Immutable: a transaction makes the next one.

    quotes: as-of date -> instrument -> newest quote on or before it, of the dates that were asked for. reported: as-of
    date -> risk factor -> trades whose sensitivity was reported from outside, likewise. priced: the dates that we
    priced. persisted: the pricers whose failures the store has. static_revision, quotes_revision, reported_revision:
    where the store stood when each part was read; ``UNREAD`` where it was not.
    """

    book: BookSnapshot = field(default_factory=BookSnapshot)
    parameters: ParameterHistory = field(default_factory=ParameterHistory)
    quotes: Map[date, Map[str, Quote]] = field(default_factory=Map)
    reported: Map[date, Map[str, frozenset[str]]] = field(default_factory=Map)
    priced: frozenset[date] = frozenset()
    newest: date | None = None
    persisted: Map[Key, UnderlyingPricer] = field(default_factory=Map)
    static_revision: int = UNREAD
    quotes_revision: int = UNREAD
    reported_revision: int = UNREAD
