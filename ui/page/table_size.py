"""How dense and how high the tables of a page are: as the board's, and never with empty rows below the last."""

ROW_PIXELS = 27
_HEADER_PIXELS, _BORDER_PIXELS = 31, 3


def table_height(rows: int, most: int = 620) -> int:
    """The height in pixels of a table of so many rows of ``ROW_PIXELS``; it scrolls where it would be higher."""
    return min(_HEADER_PIXELS + _BORDER_PIXELS + ROW_PIXELS * rows, most)
