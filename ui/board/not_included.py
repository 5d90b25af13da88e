"""What feeds and files brought that the board leaves out, as tables: messages set aside, files refused."""

import pandas as pd
from sqlalchemy import Connection

from storage.feeds.dead_letters import read_dead_letters
from storage.feeds.loaded_files import REFUSED, read_loaded_files

_LETTER_COLUMNS = ("Topic", "Partition", "Offset", "Received", "Kind", "Column", "Value", "Reason", "Id", "Attempts")


def messages_set_aside(connection: Connection, limit: int = 1000) -> pd.DataFrame:
    """The messages that wait to be fixed, the oldest first, without their bytes."""
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
