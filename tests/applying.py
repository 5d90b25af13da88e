"""Quotes and records applied by themselves, as most tests do it."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from services.apply_incoming import Applied, Counts, Position, apply_incoming
from services.incoming import Incoming
from services.pricing_state import PricingState
from storage.database import Store
from storage.quotes import Quote


def apply_quotes(
    store: Store,
    state: PricingState,
    batch: Sequence[Quote],
    *,
    source: str,
    position: Position | None = None,
    not_before: date | None = None,
    wait_for_slow: bool = False,
) -> Applied:
    """Apply quotes in one transaction."""
    return apply_incoming(
        store,
        state,
        Incoming(quotes=list(batch)),
        source=source,
        position=position,
        not_before=not_before,
        wait_for_slow=wait_for_slow,
    )


def change_records(
    store: Store,
    state: PricingState,
    kind: str,
    records: Sequence[dict[str, Any]],
    *,
    source: str,
    wait_for_slow: bool = False,
) -> Applied:
    """Apply records of one kind in one transaction."""
    incoming = Incoming(records={kind: list(records)})
    return apply_incoming(store, state, incoming, source=source, wait_for_slow=wait_for_slow)


def counts_of(applied: Applied, kind: str) -> tuple[int, int, int]:
    """How many rows of a kind were new, changed and unchanged."""
    counts: Counts = applied.of(kind)
    return counts.new, counts.changed, counts.unchanged
