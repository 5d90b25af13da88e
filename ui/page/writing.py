"""How pages write: one at a time, with what is known of the store kept in memory between them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Lock

import streamlit as st

from services.pricing.pricing_state import PricingState
from storage.connection.settings import settings


@dataclass
class _Writer:
    state: PricingState
    lock: Lock = field(default_factory=Lock)


@st.cache_resource
def _writer() -> _Writer:
    return _Writer(PricingState.of(settings()))


@contextmanager
def writing() -> Iterator[PricingState]:
    """The state to apply changes with; nobody else in this process has it meanwhile."""
    writer = _writer()
    with writer.lock:
        yield writer.state
