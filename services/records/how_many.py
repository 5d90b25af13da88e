"""How many, in words that whoever reads them cannot misread, whatever their language.

What services say is read on pages, in answers, in logs and in the audit, long after it was written. A comma or a point
between thousands is a decimal sign to somebody; a no-break space is none to anybody, and terminals show it as a space.
"""

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"


def grouped(count: float) -> str:
    """A number without decimals, its thousands apart: 30 000 000."""
    return f"{count:,.0f}".replace(",", NO_BREAK_SPACE)


def how_many(count: int, one: str, many: str = "") -> str:
    """A number of things: 1 row, 2 rows, 1 250 rows. many: where it is more than an s that one lacks."""
    return f"{grouped(count)} {one if count == 1 else many or f'{one}s'}"
