"""What a picture shows, it says."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from pipelines.reports.page import charts
from pipelines.reports.page.charts import Line


def drawn(svg):
    return ET.fromstring(svg)


def test_a_line_says_where_it_begins_and_ends():
    line = Line(name="dev <b>", points=[(1, 0.5), (9, 0.25)], style="two", dots=True)
    svg = drawn(charts.lines([line], name="loss", x_name="step", mark=9))
    assert svg.get("role") == "img"
    assert "dev <b> from 0.5 at 1 to 0.25 at 9" in svg.get("aria-label")
    [title, desc] = [svg.find("title").text, svg.find("desc").text]
    assert (title, desc in svg.get("aria-label")) == ("loss by step", True)


@pytest.mark.parametrize("value", [0.0, 3.0, -2e9, 1e-9])
def test_a_constant_line_has_room(value):
    line = Line(name="x", points=[(5, value)], style="one")
    svg = charts.lines([line], name="loss", x_name="step")
    assert "nan" not in svg
    assert len(re.findall(r"<text", svg)) > 3


def test_a_long_line_is_thinned_and_keeps_its_end():
    points = [(n, n / 7) for n in range(100_000)]
    line = Line(name="x", points=points, style="one")
    svg = charts.lines([line], name="loss", x_name="step")
    assert len(svg) < 20_000
    path = drawn(svg).find("polyline").get("points").split()
    last = charts.lines(
        [Line(name="x", points=points[-2:], style="one")], name="a", x_name="b"
    )
    assert (
        path[-1].split(",")[0]
        == drawn(last).find("polyline").get("points").split()[-1].split(",")[0]
    )


def test_bars_are_as_long_as_their_values():
    values = {"one": {"dev": 0.25, "test": 0.5}, "two <i>": {"dev": -0.1, "test": 1.0}}
    svg = drawn(charts.bars(values, name="accuracy"))
    widths = [float(bar.get("width")) for bar in svg.findall("rect")]
    np.testing.assert_allclose(
        widths, [widths[3] * x for x in (0.25, 0.5, 0, 1)], atol=0.1
    )
    assert "two <i>, dev: -0.100" in svg.find("desc").text


def test_equal_numbers_lie_on_the_diagonal():
    svg = drawn(charts.points([(1, 1), (2, 2)], x_name="a", y_name="b", said="two"))
    diagonal = svg.findall("line")[-1]
    first, last = svg.findall("circle")
    assert (first.get("cx"), first.get("cy")) == (
        diagonal.get("x1"),
        diagonal.get("y1"),
    )
    assert (last.get("cx"), last.get("cy")) == (diagonal.get("x2"), diagonal.get("y2"))


def test_smoothing_takes_the_mean():
    points = [(n, float(n % 2)) for n in range(40)]
    assert charts.smoothed(points)[0] == (1, 0.5)
    assert charts.smoothed(points[:3]) == points[:3]
