"""What the board does not include, and why: trades without a value, and what the feeds brought that was not taken."""

import streamlit as st

from services.exports.export_kinds import WithoutValueAsked
from services.pricing.fallback_parameters import DEFAULTS_IN_WORDS, fallback_parameters_table, old_parameters_table
from services.queries.without_value import trades_without_value
from storage.connection.settings import settings
from storage.feeds.questioned_values import questioned_frame
from storage.market.quotes import newest_as_of
from storage.read_models.read_models import as_of_dates, rejections_frame
from ui.board.not_included import messages_set_aside, refused_files
from ui.board.toolbar import as_of_control
from ui.board.view_state import mirrored_view
from ui.links.export_menu import export_menu
from ui.links.reason_tables import listed, table, title
from ui.links.trade_links import trade_addresses
from ui.page.number_text import how_many_text
from ui.page.store import store

asked, days_old = mirrored_view().as_of, settings().questioned_parameter_days
with store().read() as connection:
    dates = as_of_dates(connection)
    as_of = asked or newest_as_of(connection) or next(iter(dates), None)
    without = trades_without_value(connection, as_of) if as_of else None
    by_default = fallback_parameters_table(connection, as_of) if as_of else None
    old = old_parameters_table(connection, as_of, days_old) if as_of else None
    letters = messages_set_aside(connection)
    files = refused_files(connection)
    rejections = rejections_frame(connection)
    questioned = questioned_frame(connection)

with st.container(horizontal=True, vertical_alignment="center"):
    st.subheader("Not included", anchor=False, width="content")
    if dates:
        as_of_control(dates)
if as_of is None or without is None:
    st.info("There are no quotes yet, so nothing is priced. Upload quotes or start a feed.")
elif without.empty:
    st.success(f"Every trade has a value as of {as_of}.")
else:
    with st.container(horizontal=True, vertical_alignment="center"):
        some = how_many_text(len(without), "trade", "trades")
        they = "It is" if len(without) == 1 else "They are"
        st.caption(f"{some} could not be valued as of {as_of}. {they} excluded from all totals.")
        export_menu(WithoutValueAsked(as_of), "without")
    shown = without.rename(columns=title)
    shown.insert(1, "Open", trade_addresses(shown["Trade"]))
    table(shown, "Trades without a value, with reasons", 620)

if by_default is not None and not by_default.empty:
    st.subheader("Default parameters", anchor=False)
    some = how_many_text(len(by_default), "trade is", "trades are")
    st.caption(f"{some} priced with {DEFAULTS_IN_WORDS}, because the ticker had no parameters on {as_of}.")
    shown = by_default.rename(columns=title)
    shown.insert(1, "Open", trade_addresses(shown["Trade"]))
    table(shown, "Trades with default parameters, with how to fix it")

if old is not None and not old.empty:
    st.subheader("Old parameters", anchor=False)
    since = how_many_text(days_old, "day", "days")
    st.caption(f"Options on these tickers have parameters of {since} before {as_of}, or older ones. Load newer ones.")
    table(old.rename(columns=title), "Tickers with old parameters")

listed(
    "Messages set aside",
    letters,
    "Every message of a feed was taken.",
    "These messages could not be taken; their feed has gone on. `python -m ingestion dead-letters show ID` shows "
    "one. When its cause is fixed, `python -m ingestion dead-letters retry ID` takes it; with `--all` it takes "
    "all that wait. `python -m ingestion dead-letters list` has this list.",
)
listed(
    "Files refused",
    files,
    "No watched file was refused.",
    "Nothing of these files was loaded. Correct a file and save it: it is read again.",
)
listed(
    "Refused by the store",
    rejections.rename(columns=title),
    "Nothing that a feed brought was refused.",
    "These rows of feeds were not taken. Correct them where they come from, and send them again.",
)
listed(
    "Questioned values",
    questioned.rename(columns=title),
    "No value that came looks like a slip.",
    "These values were taken and count. Where one is a slip, correct it where it comes from, and send it again.",
)
