"""What stands in the place of a day's lines that cannot be drawn."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

import ui.board.day_charts
from services.queries.day_history import HISTORY_MEASURES, DayHistory
from ui.page.plain_words import plain


def page() -> None:
    from datetime import date

    from ui.board.day_charts import day_charts
    from ui.board.view_state import ViewState

    day_charts(ViewState(path=("EMEA",)), date(2020, 3, 9))


def history(points: int, *currencies: str) -> DayHistory:
    frame = pd.DataFrame(np.full((points, len(HISTORY_MEASURES)), np.nan), columns=list(HISTORY_MEASURES))
    times = [datetime(2020, 3, 9, 14, minute, tzinfo=UTC) for minute in range(points)]
    frame.insert(0, "observed_at", pd.to_datetime(times, utc=True))
    return DayHistory(frame, 0, currencies)


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (history(0), ["EMEA: no ticks on 2020-03-09, so there is no line to draw."]),
        (history(2, "EUR", "USD"), ["EMEA: no lines, for EUR and USD are different currencies."]),
    ],
    ids=["no ticks", "several currencies"],
)
def test_it_says_why_there_is_no_line(monkeypatch: pytest.MonkeyPatch, found: DayHistory, said: list[str]) -> None:
    monkeypatch.setattr(ui.board.day_charts, "_history", lambda *_: found)
    shown = AppTest.from_function(page, default_timeout=60).run()
    assert not shown.exception
    assert [caption.value for caption in shown.caption] == [plain(each) for each in said]
