"""What the board leaves out, as tables: trades without a value, rows refused, messages set aside, files refused."""

from datetime import date

import pandas as pd
from sqlalchemy import Connection

from live.board import NOT_PRICED_YET
from services.trade_story import how_to_mend
from storage.dead_letters import read_dead_letters
from storage.loaded_files import REFUSED, read_loaded_files
from storage.read_models import unvalued_frame

_LETTER_COLUMNS = ("Topic", "Partition", "Offset", "Received", "Kind", "Column", "Value", "Reason", "Id", "Attempts")


def trades_without_value(connection: Connection, as_of: date) -> pd.DataFrame:
    """Trades that are priced, by their status, and have no value at a date: trade_id, ticker, book, reason, detail,
    how_to_mend.

    One that was never priced at this date has no failure either: it is listed as not priced yet.
    """
    listed = unvalued_frame(connection, as_of)
    listed["reason"] = listed["reason"].fillna(NOT_PRICED_YET)
    listed["detail"] = listed["detail"].fillna("nothing has priced it at this date")
    listed["how_to_mend"] = [how_to_mend(*row) for row in zip(listed["reason"], listed["ticker"], strict=True)]
    return listed.sort_values(["reason", "trade_id"], ignore_index=True)


def messages_set_aside(connection: Connection, limit: int = 1000) -> pd.DataFrame:
    """The messages that wait to be mended, the oldest first, without their bytes."""
    rows = [
        (
            stored.letter.topic,
            stored.letter.partition,
            stored.letter.message_offset,
            stored.received_at,
            stored.letter.kind,
            stored.letter.column_name,
            stored.letter.value,
            stored.letter.reason,
            stored.dead_letter_id,
            stored.attempts,
        )
        for stored in read_dead_letters(connection, None, limit)
    ]
    return pd.DataFrame(rows, columns=list(_LETTER_COLUMNS))


def refused_files(connection: Connection) -> pd.DataFrame:
    """The watched files whose newest content was refused, the last one first: Path, When, Detail."""
    refused = [file for file in read_loaded_files(connection).values() if file.outcome == REFUSED]
    rows = [(file.path, file.loaded_at, file.detail) for file in refused]
    return pd.DataFrame(rows, columns=["Path", "When", "Detail"]).sort_values("When", ascending=False)
