"""Where the pages are, for links and the navigation."""

from functools import cache
from pathlib import Path

PAGES = Path(__file__).resolve().parents[2] / "pages"
FIRST_PAGE, EXPLORE_PAGE = PAGES / "risk_board.py", PAGES / "explore.py"


def page_address(page: Path) -> str:
    """The path of a page, behind that at which Streamlit serves."""
    return "" if page == FIRST_PAGE else page.stem.replace("_", "-")


@cache
def page_addresses() -> frozenset[str]:
    """The paths of all pages."""
    return frozenset(map(page_address, PAGES.glob("*.py")))
