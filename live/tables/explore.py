"""What the pivot is sent of a board: a row a trade and risk factor, as Arrow, with everything that can be looked at.

A message has one or two Arrow streams: the rows with text, all columns of them, and those whose numbers changed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from engine.buckets import EXPIRY_BUCKETS, MONEYNESS_BUCKETS, expiry_codes, moneyness, moneyness_codes
from engine.contracts import BoolArray, FloatArray, IntArray
from engine.measures import DAY_PNL, MEASURES
from engine.model import OptionType, Source
from engine.pricing.spot_position import SpotEngine
from engine.selection import TradeSelection
from live.boards.board import Board
from live.boards.board_groups import GROUP_COLUMNS
from live.tables.changed_rows import changed_rows
from live.tables.explore_columns import MATURITY, NUMBER_COLUMNS, ROW, TEXT_COLUMNS
from live.tables.live_table import Header, LiveTable
from live.tables.wire import encode_arrow

DEFAULT_PARAMETERS_WORD = "Default"
NOT_KNOWN = "Not known"
"""What stands for a text that is missing, so that it can be filtered like any other."""
_FIXED_NUMBERS = {"strike", "quantity", "days", "trades"}
_LIVE_NUMBERS = tuple(column for column in NUMBER_COLUMNS if column.name not in _FIXED_NUMBERS)
_LABELS = {column.name: column.label for column in NUMBER_COLUMNS}


def explore_message(board: Board, selection: TradeSelection, since: int | None, header: Header) -> bytes:
    """The wanted rows; with ``since``, those that changed after it, and ``gone``: the ids that are shown no more."""
    rows = board.rows
    wanted = rows.groups.selected(selection)[rows["group"]]
    changed = changed_rows(rows["revision"], rows["text_revision"], rows["moved_revision"], wanted, since)
    shown = rows.valued()
    header["rows"] = int(np.count_nonzero(wanted))
    header["without_value"] = int(np.count_nonzero(wanted & rows["counted"] & ~shown))
    header["currencies"] = sorted(set(rows.groups.column("currency")[np.unique(rows["group"][wanted])].tolist()))
    if len(changed.gone):
        header["gone"] = changed.gone.tolist()
    whole, numbers = changed.ids[: changed.with_text], changed.ids[changed.with_text :]
    tables = []
    if len(whole) or since is None:
        tables.append(_table(board, whole, shown, with_text=True))
    if len(numbers):
        tables.append(_table(board, numbers, shown, with_text=False))
    return encode_arrow(header, tables)


def _table(board: Board, ids: IntArray, shown: BoolArray, *, with_text: bool) -> pa.Table:
    """Rows of the pivot: what a quote moves, and what only a trade's own change does where with_text."""
    rows = board.rows
    strike, spot = rows["strike"][ids], rows["spot"][ids]
    ratio = moneyness(spot, strike, rows["option_type"][ids] == OptionType.PUT)
    columns: dict[str, pa.Array] = {ROW: pa.array(ids, pa.int32())}
    if with_text:
        columns |= _fixed(board, ids)
    columns[TEXT_COLUMNS["moneyness_bucket"]] = _coded(moneyness_codes(ratio, strike), MONEYNESS_BUCKETS)
    values: dict[str, NDArray[Any]] = {
        "without_value": (rows["counted"][ids] & ~shown[ids]).astype(np.float64),
        "spot": spot,
        "moneyness": ratio,
        **{measure.name: rows[measure.name][ids] for measure in MEASURES},
        DAY_PNL.name: rows["market_value"][ids] - rows["close_market_value"][ids],
    }
    for column in _LIVE_NUMBERS:
        columns[column.label] = _numbers(values[column.name])
    return pa.table(columns)


def _fixed(board: Board, ids: IntArray) -> dict[str, pa.Array]:
    rows = board.rows
    group = rows["group"][ids]
    days = rows["maturity"][ids] - _days_since_1970(board)
    sectors, regions = rows.groups.issuers()
    texts: dict[str, pa.Array] = {
        "trade_id": pa.array([rows.trade_ids[i] for i in ids], pa.string()).dictionary_encode(),
        **{name: _by_group(rows.groups.column(name), group) for name in GROUP_COLUMNS},
        "sector": _by_group(sectors, group),
        "issuer_region": _by_group(regions, group),
        **{name: _texts(rows[name][ids]) for name in ("contract", "option_type", "exercise_style", "priced_by")},
        "parameters": _texts(_parameters(board, ids)),
        "expiry_bucket": _coded(expiry_codes(days), EXPIRY_BUCKETS),
        "source": _texts(np.where(rows["reported"][ids], rows["priced_by"][ids], str(Source.ENGINE))),
        "reason": pa.array(rows.shown_reasons(ids), pa.string()).dictionary_encode(),
    }
    columns = {label: texts[name] for name, label in TEXT_COLUMNS.items() if name != "moneyness_bucket"}
    columns[MATURITY] = _dates(rows["maturity"][ids])
    for name, values in {
        "trades": rows["counted"][ids].astype(np.float64),
        "quantity": rows["quantity"][ids],
        "strike": rows["strike"][ids],
        "days": days,
    }.items():
        columns[_LABELS[name]] = _numbers(values)
    return columns


def _parameters(board: Board, ids: IntArray) -> list[str]:
    """Whose parameters our values were found with; none where nothing of ours depends on any."""
    rows = board.rows
    ours = board.rows["stored"][ids] & ~rows["reported"][ids] & (rows["priced_by"][ids] != SpotEngine.name)
    words = {(True, True): DEFAULT_PARAMETERS_WORD, (True, False): "The ticker's own"}
    pairs = zip(ours.tolist(), rows["by_default"][ids].tolist(), strict=True)
    return [words.get(pair, "") for pair in pairs]


def _days_since_1970(board: Board) -> float:
    return float(np.datetime64(board.as_of, "D").astype(np.int64))


def _numbers(values: FloatArray) -> pa.Array:
    """NaN is not known: null, so that the pivot leaves it out of sums and shows nothing."""
    return pa.array(values, pa.float64(), from_pandas=True)


def _dates(days: FloatArray) -> pa.Array:
    known = ~np.isnan(days)
    return pa.array(np.where(known, days, 0).astype(np.int32), pa.int32(), mask=~known).cast(pa.date32())


def _texts(values: Sequence[Any] | NDArray[Any]) -> pa.Array:
    return pa.array([value or NOT_KNOWN for value in values], pa.string()).dictionary_encode()


def _by_group(names: Sequence[Any] | NDArray[Any], group: IntArray) -> pa.Array:
    """A text that is the same for all rows of a group."""
    of_group = _texts(names)
    return pa.DictionaryArray.from_arrays(
        pa.array(np.asarray(of_group.indices)[group], pa.int32()), of_group.dictionary
    )


def _coded(codes: NDArray[np.int32], names: Sequence[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(names, pa.string()))


EXPLORE = LiveTable("explore", explore_message, Board.changed_rows, takes_selection=True)
