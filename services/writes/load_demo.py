"""Fill an empty store with the demo book, priced at the last real close before the replay."""

from pathlib import Path

from sqlalchemy import func, select

from services.pricing.pricing_state import PricingState
from services.writes.load_file import LoadedFile, load_file
from storage.core.database import Store
from storage.core.schema import quotes, record_versions, trades

DEMO_FILES: tuple[tuple[str, str], ...] = (
    ("books", "books.csv"),
    ("instruments", "instruments.csv"),
    ("parameters", "pricing_parameters.csv"),
    ("trades", "trades.csv"),
    ("quotes", "market_data_closes.csv"),
)
"""Kind and file, in the order of loading: with the quotes the demo is complete."""


def is_empty(store: Store) -> bool:
    """Whether a store has neither trades nor quotes; those of a demo whose loading was cut short do not count."""
    with store.read() as connection:
        quoted = connection.execute(select(func.count()).select_from(quotes)).scalar_one()
        sources = set(connection.execute(select(trades.c.source).distinct()).scalars())
    return not quoted and sources <= {_source(name) for _, name in DEMO_FILES}


def holds_another_book(store: Store) -> bool:
    """Whether a store has trades, and never had those of the demo."""
    versions = record_versions.c
    ours = select(versions.revision).where(versions.kind == "trades", versions.source == _source("trades.csv"))
    with store.read() as connection:
        has_trades = connection.execute(select(trades.c.trade_id).limit(1)).first() is not None
        return has_trades and connection.execute(ours.limit(1)).first() is None


def load_demo(store: Store, folder: Path) -> list[LoadedFile]:
    """Load the demo files of a folder. Raises OSError when one is missing."""
    state = PricingState()
    return [load_file(store, state, kind, folder / name, source=_source(name)) for kind, name in DEMO_FILES]


def _source(name: str) -> str:
    return f"demo file {name}"
