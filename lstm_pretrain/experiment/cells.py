"""The cells of the experiment: one size, one seed, one start each."""

from __future__ import annotations

import dataclasses
import enum
import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from lstm_pretrain import data
from pipelines.classification.splits import Split
from runtime import storage
from runtime.errors import DataError


class Start(enum.Enum):
    """What a classifier starts from."""

    PRETRAINED = "pretrained"
    SCRATCH = "scratch"


@dataclasses.dataclass(frozen=True)
class Cell:
    """One classifier of the experiment.

    Attributes:
        size: Labelled training examples.
        seed: Draws them, their order, dropout and the random weights.
        start: What it starts from.
    """

    size: int
    seed: int
    start: Start


def draw(split: Split, *, count: int, seed: int) -> Split:
    """The labelled examples that a cell trains on; see `data.draw`.

    Args:
        split: The training split.
        count: How many.
        seed: Seed of the draw.

    Returns:
        The split with these examples alone, in the order of the draw.

    Raises:
        DataError: There are fewer, or they are of one class only.
    """
    known = (*split.labels, None)  # UNLABELLED is the last
    labels = [known[label] for label in split.dataset.label_ids]
    order = data.choose(labels, count=count, seed=seed)
    return dataclasses.replace(
        split,
        examples=[split.examples[place] for place in order],
        dataset=split.dataset.take(np.array(order)),
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Result:
    """What came of a cell.

    Attributes:
        cell: Which.
        train_losses: Mean loss of each epoch.
        dev_accuracies: After each epoch.
        dev_losses: After each epoch.
        test_accuracy: Of the weights of the epoch that was best on dev.
        last_test_accuracy: Of the last weights.
        seconds: What it took.
    """

    cell: Cell
    train_losses: list[float]
    dev_accuracies: list[float]
    dev_losses: list[float]
    test_accuracy: float
    last_test_accuracy: float
    seconds: float

    def describe(self) -> str:
        """In a line."""
        cell = self.cell
        return (
            f"{cell.size} examples, seed {cell.seed}, {cell.start.value}: test accuracy"
            f" {self.test_accuracy:.4f} (last epoch {self.last_test_accuracy:.4f}),"
            f" {self.seconds:.0f} s"
        )

    def as_json(self) -> dict[str, Any]:
        """As one flat JSON object."""
        values = dataclasses.asdict(self)
        cell = values.pop("cell")
        return {**cell, "start": self.cell.start.value, **values}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Result:
        """From what `as_json` gave."""
        names = [field.name for field in dataclasses.fields(Cell)]
        cell = {name: values.pop(name) for name in names}
        return cls(cell=Cell(**{**cell, "start": Start(cell["start"])}), **values)


class Results:
    """The cells that are done, one a line of `results.jsonl`.

    Args:
        path: The file.
    """

    def __init__(self, path: str) -> None:
        self._path = path

    def read(self) -> list[Result]:
        """Returns those there are; a last line cut short by a crash is none.

        Raises:
            DataError: A line is no result.
        """
        if not storage.exists(self._path):
            return []
        lines = storage.read_text(self._path).split("\n")[:-1]
        return [self._parsed(line, number=n) for n, line in enumerate(lines, start=1)]

    def add(self, result: Result) -> None:
        """Adds one, whole or not at all."""
        lines = [json.dumps(each.as_json()) for each in (*self.read(), result)]
        storage.write_text(self._path, "".join(f"{line}\n" for line in lines))

    def missing(self, cells: Sequence[Cell]) -> list[Cell]:
        """Those of some cells that are not done."""
        done = {result.cell for result in self.read()}
        return [cell for cell in cells if cell not in done]

    def _parsed(self, line: str, *, number: int) -> Result:
        try:
            return Result.from_json(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"expected the result of a cell: {error!r}. Delete the line to compute "
                "it again.",
                path=self._path,
                line=number,
            ) from error
