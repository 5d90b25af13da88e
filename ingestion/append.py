"""Append from Python: ``append_quotes([("2020-05-01", "AAPL", 310.0)])``, on the store of the settings."""

import os
import threading
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import SecretStr

from services.pricing.pricing_state import PricingState
from services.writes.append import Appended, Row, append
from storage.connection.settings import Settings, settings
from storage.core.database import Store

_lock = threading.Lock()
_opened: tuple[SecretStr, Store, PricingState] | None = None
_of_parent: list[object] = []


def append_quotes(rows: Iterable[Row] | Row, *, source: str = "append", atomic: bool = False) -> Appended:
    """Append quotes: rows of AsOfDate, Instrument, Quote, or one such row.

    A row is a tuple in this order, or a mapping with these names. A date without a time means the newest price of
    that date. The good rows go in and are priced when this returns; the answer names the bad ones. atomic: nothing goes
    in when one is bad. Raises StoreUnreadable, or what SQLAlchemy raises, when the store is away.
    """
    return _append("quotes", rows, source, atomic)


def append_trades(rows: Iterable[Row] | Row, *, source: str = "append", atomic: bool = False) -> Appended:
    """Append trades, as ``append_quotes`` does: TradeId, Ticker, Book, Product, Quantity, Strike, Maturity, OptionType,
    ExerciseStyle, ContractMultiplier, TradeStatus, Side."""
    return _append("trades", rows, source, atomic)


def append_sensitivities(rows: Iterable[Row] | Row, *, source: str = "append", atomic: bool = False) -> Appended:
    """Append sensitivities that were computed elsewhere, as ``append_quotes`` does: AsOfDate, TradeId, RiskFactor,
    MarketValue, then the other measures, of which None is not known. source: what the board shows as theirs."""
    return _append("sensitivities", rows, source, atomic)


def _append(kind: str, rows: Iterable[Row] | Row, source: str, atomic: bool) -> Appended:
    known = settings()
    with _lock:
        store, state = _open(known)
        return append(
            store,
            state,
            kind,
            _rows(rows),
            source=source,
            atomic=atomic,
            future_tolerance_seconds=known.future_tolerance_seconds,
        )


def _rows(rows: Iterable[Row] | Row) -> Iterable[Row]:
    """Rows, where one row by itself is a list of it."""
    if isinstance(rows, Mapping):
        return [rows]
    found: list[Any] = list(rows)
    alone = bool(found) and not any(isinstance(row, (Mapping, list, tuple)) for row in found)
    return [found] if alone else found


def _open(known: Settings) -> tuple[Store, PricingState]:
    """The store of the settings, opened once, and what is known of it."""
    global _opened
    if _opened is None or _opened[0] != known.database_url:
        if _opened is not None:
            _opened[1].close()
        store = Store.of(known)
        store.migrate()
        state = PricingState.of(known)
        _opened = (known.database_url, store, state)
    return _opened[1], _opened[2]


def _start_anew() -> None:
    """In a forked child: its parent's connections are not its own. They are kept, because closing them ends the
    parent's."""
    global _lock, _opened
    _of_parent.append(_opened)
    _lock, _opened = threading.Lock(), None


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)
