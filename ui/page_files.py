"""Where the pages are, for links and the navigation."""

from pathlib import Path

PAGES = Path(__file__).resolve().parent.parent / "pages"
