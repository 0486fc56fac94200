"""Pictures as SVG inside a page, each with a text that says what it shows.

Colours are the page's, so that a picture is light or dark with it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

import numpy as np

from pipelines.reports.page.markup import Html, element

_WIDTH, _HEIGHT = 480, 250
_LEFT, _RIGHT, _TOP, _BOTTOM = 72, 12, 12, 42
_MOST_POINTS = 400
_TICKS = 5
_BAR, _NAME_WIDTH = 18, 0.42

Points = Sequence[tuple[float, float]]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Line:
    """A line of a chart.

    Attributes:
        name: What it shows.
        points: Of it, from left to right; finite.
        style: `one` or `two`; `thin` besides for what is smoothed elsewhere.
        dots: Whether its points are marked.
    """

    name: str
    points: Points
    style: str
    dots: bool = False


class _Frame:
    """Where values lie in a picture.

    Args:
        points: Those that must have room.
    """

    def __init__(self, points: Points) -> None:
        x, y = np.array(points, np.float64).T
        self._x, self._y = _ends(x), _ends(y)

    def x(self, value: float) -> float:
        low, high = self._x
        width = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + (value - low) / (high - low) * width, 1)

    def y(self, value: float) -> float:
        low, high = self._y
        height = _HEIGHT - _TOP - _BOTTOM
        return round(_TOP + (high - value) / (high - low) * height, 1)

    def axes(self, *, x_name: str, y_name: str) -> list[Html]:
        bottom = _HEIGHT - _BOTTOM
        found = []
        for value in _ticks(*self._y):
            y = self.y(value)
            found.append(_line(_LEFT, y, _WIDTH - _RIGHT, y, class_="grid"))
            found.append(_text(f"{value:g}", x=_LEFT - 6, y=y + 4, anchor="end"))
        found += [
            _text(f"{value:g}", x=self.x(value), y=bottom + 17)
            for value in _ticks(*self._x)
        ]
        middle = (_LEFT + _WIDTH - _RIGHT) / 2
        found.append(_text(x_name, x=middle, y=_HEIGHT - 6))
        turned = f"rotate(-90 12 {bottom / 2})"
        found.append(_text(y_name, x=12, y=bottom / 2 + 4, transform=turned))
        return found


def lines(
    shown: Sequence[Line], *, name: str, x_name: str, mark: float | None = None
) -> Html:
    """A chart of lines over one axis.

    Args:
        shown: The lines; one has a point at least.
        name: What is measured.
        x_name: Over what.
        mark: Where a dashed line stands: of the best.
    """
    points = [point for line in shown for point in line.points]
    frame = _Frame(points)
    drawn = frame.axes(x_name=x_name, y_name=name)
    if mark is not None:
        x = frame.x(mark)
        dashes = {"stroke_dasharray": "5 4", "class_": "best"}
        drawn.append(_line(x, _TOP, x, _HEIGHT - _BOTTOM, **dashes))
    for line in shown:
        drawn += _drawn(line, frame=frame)
    said = "; ".join(_said(line) for line in shown if "thin" not in line.style)
    return _picture(drawn, name=f"{name} by {x_name}", said=said, height=_HEIGHT)


def points(shown: Points, *, x_name: str, y_name: str, said: str) -> Html:
    """A point for each pair of numbers, and the diagonal on which they are equal.

    Args:
        shown: The pairs.
        x_name: What lies from left to right.
        y_name: What lies upwards.
        said: What the picture shows, in words.
    """
    ends = [min(map(min, shown)), max(map(max, shown))]
    frame = _Frame([*shown, (ends[0], ends[0]), (ends[1], ends[1])])
    drawn = frame.axes(x_name=x_name, y_name=y_name)
    low, high = ((frame.x(end), frame.y(end)) for end in ends)
    drawn.append(_line(*low, *high, class_="grid"))
    kept = shown[:: math.ceil(len(shown) / (5 * _MOST_POINTS))]
    drawn += [_dot(frame.x(x), frame.y(y), class_="dot many") for x, y in kept]
    name = f"{y_name} by {x_name}"
    return _picture(drawn, name=name, said=said, height=_HEIGHT)


def bars(values: Mapping[str, Mapping[str, float]], *, name: str) -> Html:
    """Bars, grouped.

    Args:
        values: Group to bar to value; at most 1 long.
        name: What is measured.
    """
    drawn: list[Html] = []
    said: list[str] = []
    y = _TOP
    left = _WIDTH * _NAME_WIDTH
    for group, row in values.items():
        middle = y + _BAR * len(row) / 2 + 4
        drawn.append(_text(_short(group), x=left - 6, y=middle, anchor="end"))
        for place, (bar, value) in enumerate(row.items()):
            width = max(0.0, value) * (_WIDTH - left - 90)
            style = "bar" if place % 2 == 0 else "bar two"
            drawn.append(_bar(left, y, width=width, class_=style))
            told = f"{value:.3f} {bar}"
            drawn.append(
                _text(told, x=left + width + 5, y=y + _BAR - 6, anchor="start")
            )
            said.append(f"{group}, {bar}: {value:.3f}")
            y += _BAR
        y += 8
    return _picture(drawn, name=name, said="; ".join(said), height=y + 4)


def smoothed(points: Points) -> Points:
    """The mean of each twentieth of a line, at its last place.

    Args:
        points: From left to right.
    """
    steps, values = np.array(points, np.float64).T
    window = max(1, math.ceil(len(values) / 20))
    means = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return list(zip(steps[window - 1 :], means, strict=True))


def _drawn(line: Line, *, frame: _Frame) -> list[Html]:
    step = math.ceil(len(line.points) / _MOST_POINTS)
    kept = [*line.points[::step], *line.points[-1:]]
    places = [(frame.x(x), frame.y(y)) for x, y in kept]
    path = " ".join(f"{x:g},{y:g}" for x, y in places)
    found = [element("polyline", points=path, class_=line.style)]
    return found + [_dot(x, y, class_="dot") for x, y in places if line.dots]


def _said(line: Line) -> str:
    if not line.points:
        return f"{line.name}: nothing measured"
    (first, one), (last, other) = line.points[0], line.points[-1]
    return f"{line.name} from {one:.4g} at {first:g} to {other:.4g} at {last:g}"


def _picture(drawn: Sequence[Html], *, name: str, said: str, height: float) -> Html:
    title, told = element("title", name), element("desc", said)
    box = f"0 0 {_WIDTH} {height:g}"
    label = f"{name}. {said}."
    return element(
        "svg", title, told, *drawn, viewBox=box, role="img", aria_label=label
    )


def _line(x1: float, y1: float, x2: float, y2: float, **others: str) -> Html:
    return element(
        "line", x1=f"{x1:g}", y1=f"{y1:g}", x2=f"{x2:g}", y2=f"{y2:g}", **others
    )


def _bar(x: float, y: float, *, width: float, class_: str) -> Html:
    size = {"x": f"{x:g}", "y": f"{y:g}", "width": f"{width:.1f}"}
    return element("rect", class_=class_, height=_BAR - 3, **size)


def _dot(x: float, y: float, **others: str) -> Html:
    return element("circle", cx=f"{x:g}", cy=f"{y:g}", r="3.5", **others)


def _text(
    content: str, *, x: float, y: float, anchor: str = "middle", **others: str
) -> Html:
    return element(
        "text", content, x=f"{x:g}", y=f"{y:g}", text_anchor=anchor, **others
    )


def _short(text: str) -> str:
    return text if len(text) <= 28 else f"{text[:27]}…"


def _ends(values: np.ndarray) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    room = (high - low) * 0.03 or abs(low) * 0.1 or 1.0
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round values between: tens, twenties or fifties of a power of ten."""
    exact = (high - low) / _TICKS
    power = 10.0 ** math.floor(math.log10(exact))
    step = next(s * power for s in (1, 2, 5, 10) if s * power >= exact * 0.999)
    first = math.ceil(low / step)
    count = math.floor(high / step) - first + 1
    return [round((first + place) * step, 12) for place in range(count)]
