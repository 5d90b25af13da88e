"""A line over the day says nothing where nothing is known."""

from typing import Any

import pandas as pd
import pytest

from ui.page.day_line import day_line, without_midnight

X = None


def drawn(*values: float | None) -> dict[str, Any]:
    """What is drawn of a value a minute: the values of the line and of the dots, and how it takes what is none.

    A layer of dots that has none is not there: it would have no name for those who hear the page.
    """
    times = pd.date_range("2020-03-09 14:00", periods=len(values), freq="min", tz="UTC")
    frame = pd.DataFrame({"observed_at": times, "worth": pd.Series(values, dtype=float)})
    chart = day_line(
        frame, "worth", title="Worth", label="Worth", colour="#3b82f6", decimals=0, height=100, ticks=4
    ).to_dict()
    line, *others = chart["layer"]
    dots = [layer for layer in others if layer["mark"]["type"] == "circle" and layer["mark"].get("opacity") == 1]
    data = chart["datasets"]

    def values_of(layer: dict[str, Any]) -> list[float | None]:
        return [row["worth"] for row in data[layer["data"]["name"]]]

    return {
        "line": values_of(line),
        "dots": [value for layer in dots for value in values_of(layer)],
        "invalid": line["mark"]["invalid"],
    }


@pytest.mark.parametrize(
    ("values", "dots"),
    [
        ((1.0, 2.0, X, X, 3.0, 4.0), []),
        ((X, 1.0, 2.0, X), []),
        ((1.0, X, 2.0, 3.0, X, 4.0), [1.0, 4.0]),
        ((1.0,), [1.0]),
        ((X, X), []),
    ],
)
def test_the_line_breaks_where_nothing_is_known(values: tuple[float | None, ...], dots: list[float]) -> None:
    shown = drawn(*values)
    assert shown["line"] == list(values), "what is not known stands in the data, so that no line goes through it"
    assert shown["invalid"] == "break-paths-filter-domains"
    assert shown["dots"] == dots, "a value without a neighbour would be no line at all"


def test_the_pointer_is_told_the_nearest_time_and_few_values_have_short_labels() -> None:
    times = pd.to_datetime(["2020-03-09 00:00", "2020-03-09 14:00", "2020-03-09 14:05"], utc=True)
    frame = pd.DataFrame({"observed_at": times, "worth": [1.0, -18_508_752.47, -18_508_752.47]})
    ticks = without_midnight(frame)
    assert list(ticks["observed_at"]) == list(times[1:]), "a close has no time, and the line does not begin at midnight"
    assert without_midnight(frame[:1]).empty
    chart = day_line(
        ticks, "worth", title="Worth", label="Worth", colour="#3b82f6", decimals=0, height=100, ticks=4
    ).to_dict()
    (near,) = chart["params"]
    assert near["select"]["nearest"] is True
    assert near["select"]["encodings"] == ["x"]
    line, rule, dot, aim = chart["layer"]
    assert "tooltip" in aim["encoding"]
    assert all(layer["encoding"]["opacity"]["condition"]["param"] == near["name"] for layer in (rule, dot))
    assert line["encoding"]["y"]["axis"]["format"] == ".5~s", "as the figures write it, not with all digits"
