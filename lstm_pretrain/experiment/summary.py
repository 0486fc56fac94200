"""What the cells say together: means, differences and how sure they are."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from lstm_pretrain.experiment.cells import Result, Start
from pipelines.reports import over_seeds
from processors.data_check import text_table

# Columns and how wide they are at least.
_HEADING = {
    "examples": 9,
    "seeds": 5,
    "pretrained": 14,
    "from scratch": 14,
    "difference": 10,
    "interval": 18,
}

Measure = Callable[[Result], float]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Comparison:
    """Pretrained beside from scratch at one size, seed by seed.

    Attributes:
        size: Labelled training examples.
        seeds: Seeds that both have.
        pretrained: Accuracy of each seed.
        scratch: Accuracy of each seed, in the same order.
    """

    size: int
    seeds: list[int]
    pretrained: np.ndarray
    scratch: np.ndarray

    @property
    def difference(self) -> float:
        """Mean of the seeds' differences."""
        return float(np.mean(self.pretrained - self.scratch))

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the mean difference, NaN of a single seed."""
        return over_seeds.interval(self.pretrained - self.scratch)


def compare(results: Sequence[Result], measure: Measure) -> list[Comparison]:
    """Pairs the cells of each size, the smallest first.

    Args:
        results: Cells in any order.
        measure: What of a result is compared.
    """
    by_cell = {
        (each.cell.size, each.cell.seed, each.cell.start): measure(each)
        for each in results
    }
    found = []
    for size in sorted({size for size, _, _ in by_cell}):
        seeds = sorted(
            seed
            for at, seed, start in by_cell
            if at == size
            and start is Start.PRETRAINED
            and (size, seed, Start.SCRATCH) in by_cell
        )
        values = {
            start: np.array([by_cell[size, seed, start] for seed in seeds])
            for start in Start
        }
        if seeds:
            found.append(
                Comparison(
                    size=size,
                    seeds=seeds,
                    pretrained=values[Start.PRETRAINED],
                    scratch=values[Start.SCRATCH],
                )
            )
    return found


def text(results: Sequence[Result], *, test_examples: int) -> str:
    """The summary as a page of text.

    Args:
        results: All cells.
        test_examples: Size of the test split.
    """
    parts = [
        f"Accuracy on {test_examples} test examples, mean and standard deviation over "
        "seeds, in percent.",
        f"Difference: pretrained minus from scratch, paired by seed, with its "
        f"{over_seeds.CONFIDENCE:.0%} interval (Student's t).",
        "All pretrained classifiers start from one language model: the interval says "
        "nothing of how another would do.",
        "",
        "Weights of the epoch that was best on the dev split:",
        *_page(compare(results, lambda result: result.test_accuracy)),
        "",
        "Weights of the last epoch:",
        *_page(compare(results, lambda result: result.last_test_accuracy)),
    ]
    return "\n".join(parts) + "\n"


def _page(comparisons: Sequence[Comparison]) -> list[str]:
    return [*_table(comparisons), verdict(comparisons)]


def verdict(comparisons: Sequence[Comparison]) -> str:
    """One sentence on where the difference is more than chance.

    Args:
        comparisons: Of all sizes.
    """
    intervals = {at.size: at.interval for at in comparisons}
    helps = [size for size, (low, _) in intervals.items() if low > 0]
    hurts = [size for size, (_, high) in intervals.items() if high < 0]
    unsure = [size for size in intervals if size not in (*helps, *hurts)]
    return (
        f"Beyond chance, pretraining helps at {_sizes(helps)} and hurts at "
        f"{_sizes(hurts)}; it may be chance at {_sizes(unsure)}."
    )


def _sizes(sizes: Sequence[int]) -> str:
    return f"{', '.join(map(str, sizes))} examples" if sizes else "no size"


def _table(comparisons: Sequence[Comparison]) -> list[str]:
    rows = [list(_HEADING), *map(_row, comparisons)]
    return text_table.aligned(rows, left=0, least=[*_HEADING.values()]).splitlines()


def _row(at: Comparison) -> list[str]:
    low, high = (100 * bound for bound in at.interval)
    return [
        str(at.size),
        str(len(at.seeds)),
        _mean(at.pretrained),
        _mean(at.scratch),
        f"{100 * at.difference:+.1f}",
        f"{low:+.1f} to {high:+.1f}" if math.isfinite(low) else "one seed",
    ]


def _mean(values: np.ndarray) -> str:
    return f"{100 * np.mean(values):.1f} +- {100 * over_seeds.deviation(values):.1f}"
