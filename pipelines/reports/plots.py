"""The pictures of a run: confusion matrix and learning curve, as PNG.

Figures are made without pyplot, whose global state and choice of a window system have
no place in a training process.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence

import matplotlib.font_manager
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pipelines.reports.report import confusion_counts
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoints import Best
from runtime.training.training import RunContext

# Japanese fonts by the system that has them: Linux distributions, macOS, Windows.
_JAPANESE_FONTS = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "IPAexGothic",
    "IPAGothic",
    "IPAPGothic",
    "TakaoGothic",
    "TakaoPGothic",
    "VL Gothic",
    "Hiragino Sans",
    "Hiragino Maru Gothic Pro",
    "Yu Gothic",
    "Meiryo",
    "MS Gothic",
)
_DOTS_PER_INCH = 120
_MOST_CELLS = 40  # a side; above it the colours alone are readable
_SMOOTHED_FROM = 40  # points of a curve
_DEV_LOSS, _ACCURACY = "eval_loss", "eval_accuracy"


def plot_confusion_matrix(
    path: str, *, gold: np.ndarray, predicted: np.ndarray, labels: Sequence[str]
) -> None:
    """Draws the counts; the colour is the share of the gold label's examples.

    Where no installed font can draw every name, or the names are too many to read, the
    axes bear label ids; `report.write_confusion_matrix` lists them with their names.

    Args:
        path: The PNG file.
        gold: Label ids, int [examples].
        predicted: Label ids, int [examples].
        labels: Label names, in the order of their ids.
    """
    counts = confusion_counts(gold=gold, predicted=predicted, labels=labels)
    family = find_font(labels)
    named = family is not None and len(labels) <= _MOST_CELLS
    longest = min(max(map(len, labels)), _MOST_CELLS) if named else 0
    side = 0.42 * min(len(labels), _MOST_CELLS) + 0.08 * longest + 1.6
    figure = Figure(figsize=(side + 1.5, side + 0.5))
    axes = figure.add_subplot()
    _draw_shares(axes, counts=counts)
    if named:
        _name_axes(axes, labels=labels, family=family)
    if len(labels) <= _MOST_CELLS:
        _write_counts(axes, counts=counts)
    save(figure, path)


def plot_numbers(
    path: str, *, gold: np.ndarray, predicted: np.ndarray, name: str
) -> None:
    """Draws a point for each example; those on the diagonal are predicted exactly.

    Args:
        path: The PNG file.
        gold: float `[examples]`.
        predicted: float `[examples]`.
        name: What the numbers are called; left out where no installed font can draw it.
    """
    figure = Figure(figsize=(6, 6))
    axes = figure.add_subplot()
    values = np.concatenate([gold, predicted])
    ends = [values.min(), values.max()]
    axes.plot(ends, ends, color="tab:gray", linewidth=1, label="predicted exactly")
    alpha = max(0.1, min(0.8, 100 / len(gold)))  # many points lie over each other
    axes.scatter(gold, predicted, s=14, alpha=alpha, color="tab:blue", linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    family = find_font([name])
    prefix = "" if family is None else f"{name}, "
    for axis, whose in ((axes.xaxis, "gold"), (axes.yaxis, "predicted")):
        axis.set_label_text(prefix + whose, fontfamily=family, parse_math=False)
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    save(figure, path)


def plot_course(context: RunContext) -> None:
    """Draws a run's learning curve, learning_curve.png, by what its record has.

    Args:
        context: Where the run writes.
    """
    plot_learning_curve(
        context.path("learning_curve.png"),
        context.record.metrics(),
        best=checkpoints.best(context.path(checkpoints.DIRECTORY)),
    )


def plot_learning_curve(
    path: str, metrics: Iterable[Mapping[str, float]], *, best: Best | None = None
) -> None:
    """Draws the training loss by step, and the dev set's loss and score if known.

    The score is the one by which the run chose its best checkpoint, else accuracy.

    Args:
        path: The PNG file.
        metrics: Lines of metrics.jsonl: `step` and any of `loss`, `eval_loss`,
            `eval_accuracy` and other scores. A line with an `eval_` value is one of
            the dev set, and its `loss` is not the training's.
        best: The checkpoint that the run chose, which is marked.
    """
    lines = list(metrics)
    train = _points(_training_lines(lines), name="loss")
    score = _ACCURACY if best is None or best.by == _DEV_LOSS else best.by
    dev_scores = _points(lines, name=score)
    figure = Figure(figsize=(8, 7 if dev_scores else 4.5))
    panels = figure.subplots(2 if dev_scores else 1, sharex=True, squeeze=False)[:, 0]
    _draw_training(panels[0], train=train)
    _draw_dev(panels[0], dev=_points(lines, name=_DEV_LOSS), name="loss", best=best)
    if dev_scores:
        name = score.removeprefix("eval_").replace("_", " ")
        _draw_dev(panels[1], dev=dev_scores, name=name, best=best)
    panels[-1].set_xlabel("step")
    save(figure, path)


def plot_accuracies(
    path: str, accuracies: Mapping[str, Mapping[str, float]], *, measure: str
) -> None:
    """Draws a bar for each classifier and split.

    Args:
        path: The PNG file.
        accuracies: Classifier to split to accuracy; every classifier has every split.
        measure: What these numbers are called.
    """
    names = list(accuracies)
    splits = list(accuracies[names[0]])
    height = 0.8 / len(splits)
    figure = Figure(figsize=(8, 1.2 + 0.35 * len(names) * len(splits)))
    axes = figure.add_subplot()
    for place, split in enumerate(splits):
        values = [accuracies[name][split] for name in names]
        where = np.arange(len(names)) + place * height
        bars = axes.barh(where, values, height=height, label=split)
        axes.bar_label(bars, fmt="%.3f", padding=3)
    axes.set_yticks(np.arange(len(names)) + (len(splits) - 1) * height / 2, names)
    lowest = min(value for row in accuracies.values() for value in row.values())
    axes.set_xlim(1.1 * min(lowest, 0), 1.1)
    axes.invert_yaxis()
    axes.set_xlabel(measure)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    save(figure, path)


def plot_rates(path: str, rates: Mapping[str, float], *, measure: str) -> None:
    """Draws a bar for each rate, on a scale of powers of ten.

    Args:
        path: The PNG file.
        rates: Name to a number above 0.
        measure: What these numbers are.
    """
    figure = Figure(figsize=(8, 1.2 + 0.45 * len(rates)))
    axes = figure.add_subplot()
    bars = axes.barh(list(rates), list(rates.values()), log=True)
    axes.bar_label(bars, [f"{rate:,.0f}" for rate in rates.values()], padding=3)
    axes.set_xlim(min(rates.values()) / 10, max(rates.values()) * 10)
    axes.invert_yaxis()
    axes.set_xlabel(measure)
    save(figure, path)


def find_font(texts: Iterable[str]) -> str | None:
    """Returns the name of an installed font that can draw all of `texts`, or None."""
    needed = {ord(character) for text in texts for character in text} - {ord(" ")}
    installed = {
        entry.name: entry.fname
        for entry in matplotlib.font_manager.fontManager.ttflist
        if entry.style == "normal"
    }
    for family in ("DejaVu Sans", *_JAPANESE_FONTS):
        if family in installed:
            font = matplotlib.font_manager.get_font(installed[family])
            if needed <= font.get_charmap().keys():
                return family
    return None


def _draw_shares(axes: Axes, *, counts: np.ndarray) -> None:
    image = axes.imshow(_shares(counts), cmap="Blues", vmin=0, vmax=1)
    for axis, name in ((axes.xaxis, "predicted"), (axes.yaxis, "gold")):
        axis.set_major_locator(MaxNLocator(nbins=_MOST_CELLS, integer=True))
        axis.set_label_text(f"{name} (label id)")
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.04, pad=0.03)
    bar.set_label("share of the gold label's examples")


def _shares(counts: np.ndarray) -> np.ndarray:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _name_axes(axes: Axes, *, labels: Sequence[str], family: str | None) -> None:
    places = range(len(labels))
    rotation = 90 if max(map(len, labels)) * len(labels) > 24 else 0
    for axis, name in ((axes.xaxis, "predicted"), (axes.yaxis, "gold")):
        # A name is no formula, whatever dollar signs it holds.
        axis.set_ticks(places, labels, fontfamily=family, parse_math=False)
        axis.set_label_text(name)
    axes.tick_params(axis="x", rotation=rotation)


def _write_counts(axes: Axes, *, counts: np.ndarray) -> None:
    shares = _shares(counts)
    size = 9 if counts.max() < 1000 else 7
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.5 else "black"
            text = axes.text(column, row, str(count), color=colour, fontsize=size)
            text.set(ha="center", va="center")


def _training_lines(
    lines: Iterable[Mapping[str, float]],
) -> list[Mapping[str, float]]:
    return [
        line for line in lines if not any(name.startswith("eval_") for name in line)
    ]


def _points(
    lines: Iterable[Mapping[str, float]], *, name: str
) -> list[tuple[float, float]]:
    return [(line["step"], line[name]) for line in lines if name in line]


def _draw_training(axes: Axes, *, train: Sequence[tuple[float, float]]) -> None:
    if not train:
        return
    steps, losses = np.array(train).T
    smooth = len(losses) >= _SMOOTHED_FROM
    raw = (
        {"alpha": 0.3, "linewidth": 1}
        if smooth
        else {"label": "training", "marker": "."}
    )
    axes.plot(steps, losses, color="tab:blue", **raw)
    if smooth:
        window = math.ceil(len(losses) / 20)
        label = f"training, mean of {window} points"
        axes.plot(
            *_moving_mean(steps, losses, window=window), color="tab:blue", label=label
        )


def _draw_dev(
    axes: Axes,
    *,
    dev: Sequence[tuple[float, float]],
    name: str,
    best: Best | None,
) -> None:
    axes.set_ylabel(name)
    axes.grid(alpha=0.3)
    if dev:
        axes.plot(*np.array(dev).T, "o-", color="tab:orange", label="dev set")
    if best is not None:
        _mark_best(axes, value=dict(dev).get(best.step), best=best)
    if axes.get_legend_handles_labels()[0]:
        axes.legend()


def _mark_best(axes: Axes, *, value: float | None, best: Best) -> None:
    """Marks the step of the best checkpoint, and its value if that was measured."""
    axes.axvline(best.step, color="tab:green", linestyle="--", linewidth=1)
    if value is not None:
        label = f"best step {best.step} (by {best.by}): {value:.4g}"
        axes.plot(
            [best.step], [value], "*", color="tab:green", markersize=14, label=label
        )


def _moving_mean(
    steps: np.ndarray, values: np.ndarray, *, window: int
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the mean of each `window` values in a row, at the last one's step."""
    means = np.convolve(values, np.full(window, 1 / window), mode="valid")
    return steps[window - 1 :], means


def save(figure: Figure, path: str) -> None:
    """Writes a figure as a PNG file."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure)
    figure.savefig(buffer, format="png", dpi=_DOTS_PER_INCH, bbox_inches="tight")
    storage.write_bytes(path, buffer.getvalue())
