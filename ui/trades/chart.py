"""The day of one trade: its market value and one more measure, as lines over the quotes of the day."""

from datetime import date

import altair as alt
import streamlit as st

from engine.measures import MEASURES
from services.pricing.fallback_parameters import fallback_of
from services.queries.trade_day import TradeDay, trade_day
from services.queries.trade_detail import PRICE_UNIT, TradeDetail
from storage.connection.settings import settings
from ui.page.day_line import day_line
from ui.page.number_text import number_text
from ui.page.plain_words import plain
from ui.page.store import store

_SHARED_SECONDS = 2.0
_HEIGHT = 170
_VALUE, _CHOSEN, _FIRST = "market_value", "line", "cash_delta"
_COLOURS = ("#3b82f6", "#d29922")


def day_of_trade(detail: TradeDetail, as_of: date) -> None:
    """Two lines, and which measure the second one is."""
    units = {measure.name: measure.unit for measure in MEASURES}
    labels = {measure.name: measure.label for measure in MEASURES if measure.name != _VALUE}
    known = [*labels, "quote"]
    chosen = st.selectbox(
        "Second chart",
        known,
        index=known.index(_FIRST),
        format_func=lambda name: labels.get(name, "Quote"),
        key=_CHOSEN,
        bind="query-params",
        width=240,
    )
    day = _day(detail.trade_id, detail.ticker, as_of)
    if day.why_not:
        st.caption(plain(f"The day of {as_of}: {day.why_not}"))
        return
    both = st.columns(2, gap="small")
    for place, (column, name) in enumerate(zip(both, (_VALUE, str(chosen)), strict=True)):
        label = labels.get(name, "Market value" if name == _VALUE else "Quote")
        unit = detail.in_currency(units.get(name, PRICE_UNIT))
        column.altair_chart(_line(day, name, label, unit, _COLOURS[place]), width="stretch", alt=f"{label} on {as_of}")
    how = "Repriced at each minute's last quote with the terms and parameters in force at that time."
    st.caption(f"{as_of}, UTC. {how}")


@st.cache_data(ttl=_SHARED_SECONDS, max_entries=64, show_spinner=False)
def _day(trade_id: str, ticker: str, as_of: date) -> TradeDay:
    """Computed once for all who look at the same within a moment."""
    with store().read() as connection:
        return trade_day(connection, trade_id, ticker, as_of, fallback_of(settings()))


def _line(day: TradeDay, name: str, label: str, unit: str, colour: str) -> alt.LayerChart:
    decimals = next((measure.decimals for measure in MEASURES if measure.name == name), 2)
    last = day.frame[name].dropna()
    title = f"{label} {number_text(float(last.iloc[-1]), decimals)} {unit}" if len(last) else f"{label}: not known"
    return day_line(
        day.frame, name, title=title, label=label, colour=colour, decimals=decimals, height=_HEIGHT, ticks=5
    )
