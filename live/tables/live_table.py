"""What a live table is, and the message that its rows become."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.contracts import FloatArray, IntArray
from engine.selection import TradeSelection
from live.boards.board import Board
from live.tables.changed_rows import ChangedRows
from live.tables.wire import ROW_COLUMN, TextColumn, encode

Text = dict[str, TextColumn]
Header = dict[str, Any]


@dataclass(frozen=True, slots=True)
class LiveTable:
    """One table of a board over the socket.

    message: builds what a viewer is sent: a snapshot when ``since`` is None, else what changed after that revision.
    rows: at most how many rows such a message has, or has to look at one by one.
    takes_selection: whether its viewers select trades; of one that does not, all viewers share the messages.
    """

    name: str
    message: Callable[[Board, TradeSelection, int | None, Header], bytes]
    rows: Callable[[Board, int | None], int]
    takes_selection: bool


def encoded(
    header: Header,
    changed: ChangedRows,
    total: int,
    text: Callable[[IntArray], Text],
    columns: Mapping[str, FloatArray],
) -> bytes:
    """The message of the rows that changed. total: of the table. text: gives the text columns of some rows."""
    ids, with_text = changed.ids, changed.with_text
    sent: dict[str, FloatArray] = {name: values[ids] for name, values in columns.items()}
    if header["kind"] == "delta" or len(ids) < total:
        sent = {ROW_COLUMN: ids.astype(np.float64), **sent}
    if with_text or header["kind"] == "snapshot":
        header["text"] = text(ids[:with_text])
    if with_text and with_text < len(ids):
        header["text_rows"] = with_text
    if len(changed.gone):
        header["gone"] = changed.gone.tolist()
    return encode(header, sent)
