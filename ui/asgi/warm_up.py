"""What the web server does beside its start, so that nobody is the first to whom a page takes long."""

import gc
import importlib
import pkgutil

import altair as alt
import pandas as pd

import ui
from live.components.front_end import FrontEnd
from ui.asgi.page_chunks import PIECES


def warm_up(front_end: FrontEnd) -> None:
    """Import what pages import, draw a chart, read and compress the files that pages ask for.

    What is there by then stays for good: the collections of garbage after each run need not look at it.
    """
    for module in pkgutil.walk_packages(ui.__path__, "ui."):
        if module.name != "ui.navigation":  # which is run, not imported
            importlib.import_module(module.name)
    alt.Chart(pd.DataFrame({"x": [0.0], "y": [0.0]})).mark_line().encode(x="x:Q", y="y:Q").to_dict()
    for name in {name for pieces in PIECES.values() for name in front_end.scripts(pieces.streamlit)}:
        front_end.files.read(name.removeprefix("static/"))
    gc.collect()
    gc.freeze()
