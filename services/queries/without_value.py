"""The trades that no total has, each with its reason and how to fix it."""

from datetime import date

import pandas as pd
from sqlalchemy import Connection

from engine.measures import camel_case
from services.queries.trade_detail import NOT_PRICED_YET, how_to_fix
from storage.read_models.read_models import unvalued_frame


def trades_without_value(connection: Connection, as_of: date) -> pd.DataFrame:
    """Trades that are priced, by their status, and have no value at a date: trade_id, ticker, book, reason, detail,
    how_to_fix.

    One that was never priced at this date has no failure either: it is listed as not priced yet.
    """
    listed = unvalued_frame(connection, as_of)
    listed["reason"] = listed["reason"].fillna(NOT_PRICED_YET)
    listed["detail"] = listed["detail"].fillna("nothing has priced it at this date")
    listed["how_to_fix"] = [how_to_fix(*row) for row in zip(listed["reason"], listed["ticker"], strict=True)]
    return listed.sort_values(["reason", "trade_id"], ignore_index=True)


def without_value_table(connection: Connection, as_of: date) -> pd.DataFrame:
    """The same with names of columns as files have them."""
    return trades_without_value(connection, as_of).rename(columns=camel_case)
