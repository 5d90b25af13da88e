"""The one store of the web process, for pages."""

import streamlit as st

from services.pricing.fallback_parameters import fallback_of
from services.queries.day_history import DayHistories
from storage.connection.settings import settings
from storage.core.database import Store


@st.cache_resource
def store() -> Store:
    """The store that DATABASE_URL names; its connections are shared by all sessions."""
    return Store.of(settings())


@st.cache_resource
def day_histories() -> DayHistories:
    """The day lines of that store."""
    return DayHistories(store(), fallback_of(settings()))
