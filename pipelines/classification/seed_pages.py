"""What the runs of several seeds say together: seeds.txt and compare.txt."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from pipelines.classification.seed_results import SeedResult
from pipelines.reports import over_seeds
from processors.data_check import text_table

_INTERVAL = f"{over_seeds.CONFIDENCE:.0%} interval (Student's t)"
_OWN_DRAWS = ("initial weights", "the order of the examples", "dropout")


def scores(results: Sequence[SeedResult], *, task: str, drawn: Sequence[str]) -> str:
    """The mean, deviation and interval of each score, and the score of each seed.

    Args:
        results: One a seed, two at least.
        task: Name of the task.
        drawn: What a seed decides of the data.
    """
    seeds = [f"seed {each.seed}" for each in results]
    table = [["", "mean", "deviation", "from", "to", *seeds]]
    for name in results[0].scores:
        values = np.array([each.scores[name] for each in results])
        interval = over_seeds.interval(values)
        table.append([*_row(name, values), *_numbers(interval), *_numbers(values)])
    return "\n".join(
        [
            f"{len(results)} runs on the task {task} that differ in --seed alone, each",
            "with its files in a folder of its own, seed-N. The seed decides:",
            *(f"- {what}" for what in (*_OWN_DRAWS, *drawn)),
            "",
            text_table.aligned(table),
            "Deviation: standard deviation of the seeds' scores.",
            f"From, to: {_INTERVAL} of the mean over all seeds there",
            "could be; of other data it says nothing.",
            "",
        ]
    )


def comparison(results: Sequence[SeedResult]) -> str:
    """Means of the run and of the classifiers beside it, a table a split.

    Args:
        results: One a seed, two at least, each with accuracies.
    """
    splits = list(next(iter(results[0].accuracies.values())))
    own = list(results[0].accuracies)[-1]
    standings = " and ".join(_standing(results, split) for split in splits)
    tables = [text_table.aligned(_comparison(results, split)) for split in splits]
    return "\n".join(
        [
            f"Means over the seeds {', '.join(str(each.seed) for each in results)}.",
            "",
            *tables,
            "Deviation: standard deviation over the seeds.",
            "Difference: this run minus the line, seed by seed: mean and",
            f"{_INTERVAL}.",
            "",
            f"In one sentence: {own} is {standings}.",
            "",
        ]
    )


def _standing(results: Sequence[SeedResult], split: str) -> str:
    """Whether the run is ahead of the best of the others on a split, and how surely."""
    values = _values(results, split)
    *others, own = values
    best = max(others, key=lambda name: float(values[name].mean()))
    differences = values[own] - values[best]
    low, high = over_seeds.interval(differences)
    place = "ahead of" if differences.mean() > 0 else "behind"
    certainty = "" if low > 0 or high < 0 else ", less than other seeds may change"
    return f"{abs(differences.mean()):.3f} {place} {best} on {split}{certainty}"


def _comparison(results: Sequence[SeedResult], split: str) -> list[list[str]]:
    """The table of one split; the run itself has the last line."""
    values = _values(results, split)
    *others, own = values
    measure = f"{split} {results[0].measure}"
    heading = [measure, "mean", "deviation", "difference", "from", "to"]
    lines = [
        [*_row(name, values[name]), *_difference(values[own] - values[name])]
        for name in others
    ]
    return [heading, *lines, [*_row(own, values[own]), "", "", ""]]


def _values(results: Sequence[SeedResult], split: str) -> dict[str, np.ndarray]:
    """The numbers of each classifier, one a seed; the run itself is the last."""
    return {
        name: np.array([each.accuracies[name][split] for each in results])
        for name in results[0].accuracies
    }


def _row(name: str, values: np.ndarray) -> list[str]:
    return [name, *_numbers((float(values.mean()), over_seeds.deviation(values)))]


def _difference(values: np.ndarray) -> list[str]:
    numbers = (float(values.mean()), *over_seeds.interval(values))
    return [f"{number:+.4f}" for number in numbers]


def _numbers(values: Iterable[float]) -> list[str]:
    return [f"{value:.4f}" for value in values]
