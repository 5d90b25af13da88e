"""A line over the day, wherever one is drawn: times in UTC, numbers as the reader writes them, labels that differ."""

import altair as alt
import pandas as pd

from ui.number_text import chart_language

_SECONDS_BELOW = pd.Timedelta(minutes=6)
_DIGITS_BELOW = 1 / 1000
_POINTS_BELOW = 3
_LABEL, _WIDTH = 11, 1.4
_SCALES = "replace(replace(replace(datum.label, 'k', ' k'), 'M', ' m'), 'G', ' bn')"
"""Thousands, millions and billions as the figures of the board write them."""


def day_line(
    frame: pd.DataFrame, name: str, *, title: str, label: str, colour: str, decimals: int, height: int, ticks: int
) -> alt.Chart:
    """The column ``name`` of a frame over its ``observed_at`` (UTC): what is not known left out, few points as dots.

    label: what the column is called at the pointer, where it has so many decimals. ticks: labels of the time.
    """
    known = frame[["observed_at", name]].dropna()
    heading = alt.TitleParams(title, fontSize=12, fontWeight="normal", anchor="start", offset=6)
    line = alt.Chart(known, height=height, title=heading).mark_line(
        color=colour, strokeWidth=_WIDTH, point=len(known) < _POINTS_BELOW
    )
    drawn: alt.Chart = line.configure(background="transparent", locale=chart_language()).encode(
        x=alt.X("observed_at:T", title="UTC", scale=alt.Scale(type="utc"), axis=_time_axis(known, ticks)),
        y=alt.Y(
            f"{name}:Q",
            title=None,
            scale=alt.Scale(zero=False, nice=False, padding=4),
            axis=alt.Axis(
                format=_distinct_format(known[name]),
                labelExpr=_SCALES,
                grid=True,
                tickCount=ticks - 1,
                labelFontSize=_LABEL,
            ),
        ),
        tooltip=[
            alt.Tooltip("observed_at:T", title="UTC", format="%H:%M:%S"),
            alt.Tooltip(f"{name}:Q", title=label, format=f",.{decimals}f"),
        ],
    )
    return drawn


def _time_axis(known: pd.DataFrame, ticks: int) -> alt.Axis:
    """Labels that differ: with seconds while the day is some minutes old."""
    times = known["observed_at"]
    is_short = len(times) > 0 and times.iloc[-1] - times.iloc[0] < _SECONDS_BELOW
    return alt.Axis(
        format="%H:%M:%S" if is_short else "%H:%M",
        grid=False,
        tickCount=ticks,
        labelFontSize=_LABEL,
        titleFontSize=10,
        titleFontWeight="normal",
        titleAnchor="end",
        titlePadding=0,
    )


def _distinct_format(values: pd.Series) -> str:
    """A format in which the numbers of an axis differ: short, or with all digits where they hardly move."""
    low, high = float(values.min()), float(values.max())
    if high - low >= max(abs(low), abs(high)) * _DIGITS_BELOW:
        return ".5~s"
    return ",.0f" if high - low >= 3 else ",.2f"
