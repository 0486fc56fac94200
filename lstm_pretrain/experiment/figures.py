"""The experiment as two pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from lstm_pretrain.experiment import summary
from lstm_pretrain.experiment.cells import Result, Start
from lstm_pretrain.experiment.summary import Comparison
from pipelines.reports import over_seeds, plots

# Side by side, so that bars do not hide each other.
_ASIDE = {Start.PRETRAINED: 1.01, Start.SCRATCH: 0.99}
_LOOKS = {
    Start.PRETRAINED: ("pretrained", "tab:blue", "o"),
    Start.SCRATCH: ("from scratch", "tab:orange", "s"),
}


def plot_learning_curve(path: str, results: Sequence[Result]) -> None:
    """Draws the dev accuracy after each epoch, a panel a size.

    Args:
        path: The PNG file.
        results: All cells.
    """
    sizes = sorted({result.cell.size for result in results}, reverse=True)
    figure = Figure(figsize=(4.2 * len(sizes) + 0.8, 4.2))
    panels = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for axes, size in zip(panels, sizes, strict=True):
        here = [result for result in results if result.cell.size == size]
        _draw_epochs(axes, here)
        axes.set_title(f"{size:,} labelled examples")
    panels[0].set_ylabel("dev accuracy (%)")
    panels[-1].legend(title="mean and range over seeds")
    plots.save(figure, path)


def plot_data_size_curve(path: str, results: Sequence[Result]) -> None:
    """Draws the test accuracy and its difference over the number of labelled examples.

    Args:
        path: The PNG file.
        results: All cells.
    """
    figure = Figure(figsize=(11.0, 4.5))
    accuracy, difference = figure.subplots(1, 2)
    comparisons = summary.compare(results, lambda result: result.test_accuracy)
    _draw_accuracies(accuracy, comparisons)
    _draw_differences(difference, comparisons)
    for axes in (accuracy, difference):
        _mark_sizes(axes, [at.size for at in comparisons])
    plots.save(figure, path)


def _draw_accuracies(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    values = {
        Start.PRETRAINED: [at.pretrained for at in comparisons],
        Start.SCRATCH: [at.scratch for at in comparisons],
    }
    for start, (name, colour, marker) in _LOOKS.items():
        axes.errorbar(
            [at.size * _ASIDE[start] for at in comparisons],
            [100 * np.mean(each) for each in values[start]],
            yerr=[100 * over_seeds.deviation(each) for each in values[start]],
            label=name,
            color=colour,
            marker=marker,
            capsize=4,
        )
    axes.set_ylabel("test accuracy (%)")
    axes.legend(title="mean and deviation over seeds")


def _draw_differences(axes: Axes, comparisons: Sequence[Comparison]) -> None:
    """The paired differences; that of a single seed has no interval."""
    reach = [100 * (at.interval[1] - at.difference) for at in comparisons]
    axes.errorbar(
        [at.size for at in comparisons],
        [100 * at.difference for at in comparisons],
        yerr=reach,
        label=f"mean and {over_seeds.CONFIDENCE:.0%} interval",
        color="black",
        marker="o",
        capsize=4,
    )
    axes.axhline(0.0, color="grey", linewidth=1)
    axes.set_ylabel("pretrained minus from scratch (points)")
    axes.legend()


def _mark_sizes(axes: Axes, sizes: Sequence[int]) -> None:
    axes.set_xscale("log")
    axes.set_xticks(sizes, [f"{size:,}" for size in sizes])
    axes.minorticks_off()
    axes.set_xlabel("labelled training examples")
    axes.grid(alpha=0.3)


def _draw_epochs(axes: Axes, results: Sequence[Result]) -> None:
    for start, (name, colour, _) in _LOOKS.items():
        curves = [
            result.dev_accuracies for result in results if result.cell.start is start
        ]
        if not curves:
            continue
        percent = 100 * np.array(curves)
        if percent.shape[1] == 1:  # a head that is fitted at once
            axes.axhline(percent.mean(), color=colour, label=name)
            axes.axhspan(percent.min(), percent.max(), color=colour, alpha=0.2)
            continue
        epochs = np.arange(1, percent.shape[1] + 1)
        axes.plot(epochs, percent.mean(axis=0), color=colour, label=name)
        axes.fill_between(
            epochs, percent.min(axis=0), percent.max(axis=0), color=colour, alpha=0.2
        )
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.grid(alpha=0.3)
