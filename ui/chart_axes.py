"""How the axes of the day's lines are labelled: times in UTC, numbers that differ from one another."""

import altair as alt
import pandas as pd

_SECONDS_BELOW = pd.Timedelta(minutes=6)
_DIGITS_BELOW = 1 / 1000


def time_axis(times: pd.Series, ticks: int) -> alt.Axis:
    """An axis of so many times whose labels differ: with seconds while the day is some minutes old. It names UTC."""
    is_short = len(times) > 0 and times.iloc[-1] - times.iloc[0] < _SECONDS_BELOW
    return alt.Axis(
        format="%H:%M:%S" if is_short else "%H:%M",
        grid=False,
        tickCount=ticks,
        labelFontSize=11,
        titleFontSize=10,
        titleFontWeight="normal",
        titleAnchor="end",
        titlePadding=0,
    )


def distinct_format(values: pd.Series) -> str:
    """A format in which the numbers of an axis differ: short, or with all digits where they hardly move."""
    low, high = float(values.min()), float(values.max())
    if high - low >= max(abs(low), abs(high)) * _DIGITS_BELOW:
        return ".5~s"
    return ",.0f" if high - low >= 3 else ",.2f"
