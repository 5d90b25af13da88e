"""What each page needs of Streamlit's front end and of ours, by the address of the page.

A test opens every page and fails where it loads what is not said here.
"""

from dataclasses import dataclass

_EVERYWHERE = ("Html", "Selectbox", "Button")


@dataclass(frozen=True, slots=True)
class EarlyTable:
    """A live table that panels of a page will ask for. owner: the key of the panel that has it alone, at a pace."""

    table: str
    owner: str = ""
    pace: float | None = None


@dataclass(frozen=True, slots=True)
class Pieces:
    """streamlit: kinds of widgets, as Streamlit's build names them. panels: live panels; pivot: the pivot's engine."""

    streamlit: tuple[str, ...]
    panels: bool = False
    pivot: bool = False
    tables: tuple[EarlyTable, ...] = ()


_BOARD = (EarlyTable("nodes"), EarlyTable("market"), EarlyTable("trades", "panel_trades"))
_PIVOT = (EarlyTable("explore", "explore", 0.5),)


PIECES = {
    "": Pieces((*_EVERYWHERE, "BidiComponent", "ArrowVegaLiteChart"), panels=True, tables=_BOARD),
    "start": Pieces((*_EVERYWHERE, "PageLink", "BidiComponent"), panels=True, pivot=True),
    "explore": Pieces((*_EVERYWHERE, "MenuButton", "BidiComponent"), panels=True, pivot=True, tables=_PIVOT),
    "trades": Pieces((*_EVERYWHERE, "TextInput", "Multiselect", "Checkbox", "DataFrame", "TextArea")),
    "trade": Pieces((*_EVERYWHERE, "TextInput", "PageLink")),
    "upload": Pieces((*_EVERYWHERE, "ButtonGroup", "FileUploader")),
    "not-included": Pieces((*_EVERYWHERE, "DataFrame")),
    "audit": Pieces((*_EVERYWHERE, "Multiselect", "DateInput", "TextInput")),
    "people": Pieces((*_EVERYWHERE, "DataFrame", "TextInput", "Checkbox")),
}
"""Page -> what it needs."""
