"""A line over the day, wherever one is drawn: times in UTC, numbers as the reader writes them, labels that differ."""

import altair as alt
import pandas as pd

from ui.page.number_text import chart_language

_SECONDS_BELOW = pd.Timedelta(minutes=6)
_DIGITS_BELOW = 1 / 1000
_CROSSHAIR = "#8b95a5"
_LABEL, _WIDTH, _DOT = 11, 1.4, 30
_HALF_A_LABEL = 24
_SCALES = "replace(replace(replace(datum.label, 'k', ' k'), 'M', ' m'), 'G', ' bn')"
"""Thousands, millions and billions as the figures of the board write them."""


def day_line(
    frame: pd.DataFrame, name: str, *, title: str, label: str, colour: str, decimals: int, height: int, ticks: int
) -> alt.LayerChart:
    """The column ``name`` of a frame over its ``observed_at`` (UTC): the line breaks where it is not known, and values
    without a neighbour are dots.

    label: what the column is called at the pointer, where it has so many decimals. ticks: labels of the time.
    """
    known = frame[["observed_at", name]]
    is_known = known[name].notna()
    alone = is_known & ~is_known.shift(1, fill_value=False) & ~is_known.shift(-1, fill_value=False)
    heading = alt.TitleParams(title, fontSize=12, fontWeight="normal", anchor="start", offset=6)
    x = alt.X("observed_at:T", title="UTC", scale=alt.Scale(type="utc"), axis=_time_axis(known[is_known], ticks))
    y = alt.Y(
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
    )
    told = [
        alt.Tooltip("observed_at:T", title="UTC", format="%H:%M:%S"),
        alt.Tooltip(f"{name}:Q", title=label, format=f",.{decimals}f"),
    ]
    line = alt.Chart(known).mark_line(color=colour, strokeWidth=_WIDTH, invalid="break-paths-filter-domains")
    layers = [line.encode(x=x, y=y), *_crosshair(known[is_known], x, y, told, colour)]
    if alone.any():  # a layer without a mark has no name for those who hear the page
        layers.insert(1, alt.Chart(known[alone]).mark_circle(color=colour, opacity=1, size=_DOT).encode(x=x, y=y))
    drawn: alt.LayerChart = (
        alt.layer(*layers)
        .properties(height=height, title=heading)
        .configure(background="transparent", locale=chart_language())
    )
    return drawn


def _crosshair(known: pd.DataFrame, x: alt.X, y: alt.Y, told: list[alt.Tooltip], colour: str) -> list[alt.Chart]:
    """What is told at the pointer, wherever in the chart it is: the point of the nearest time and a line through it."""
    near = alt.selection_point(encodings=["x"], nearest=True, on="pointermove", clear="pointerout", empty=False)
    points = alt.Chart(known)
    seen = alt.condition(near, alt.value(1), alt.value(0))
    return [
        points.mark_rule(color=_CROSSHAIR, strokeWidth=1).encode(x=x, opacity=seen),
        points.mark_circle(color=colour, size=_DOT).encode(x=x, y=y, opacity=seen),
        points.mark_point(opacity=0).encode(x=x, y=y, tooltip=told).add_params(near),
    ]


def without_midnight(frame: pd.DataFrame) -> pd.DataFrame:
    """The points of a day without that of a close which has no time: it would begin the line at midnight."""
    times = frame["observed_at"]
    kept: pd.DataFrame = frame[times != times.dt.normalize()]
    return kept


def _time_axis(known: pd.DataFrame, ticks: int) -> alt.Axis:
    """Labels that differ: with seconds while the day is some minutes old."""
    times = known["observed_at"]
    is_short = len(times) > 1 and times.iloc[-1] - times.iloc[0] < _SECONDS_BELOW
    return alt.Axis(
        format="%H:%M:%S" if is_short else "%H:%M",
        grid=False,
        tickCount=ticks,
        labelFontSize=_LABEL,
        titleFontSize=10,
        titleFontWeight="normal",
        labelFlush=_HALF_A_LABEL,  # one that stood half beyond the end of the axis would be cut off there
        titleAnchor="end",
        titlePadding=0,
    )


def _distinct_format(values: pd.Series) -> str:
    """A format in which the numbers of an axis differ: short, or with all digits where they hardly move."""
    low, high = float(values.min()), float(values.max())
    if low == high:
        return ".5~s"
    if high - low >= max(abs(low), abs(high)) * _DIGITS_BELOW:
        return ".5~s"
    return ",.0f" if high - low >= 3 else ",.2f"
