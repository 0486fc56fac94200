"""What a model answers of a text: one label, any number of them, or a number.

From its logits to scores and to the files of a run; one class a kind of answer.
"""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from scipy.special import expit, log_softmax, softmax

from pipelines.classification import scores, thresholds
from pipelines.classification.outputs import Outputs
from pipelines.classification.preparation import TaskJob
from pipelines.classification.splits import Split
from pipelines.reports import label_sets, plots, report
from processors.labels.targets import Targets
from runtime.training.training import RunContext

Author = Callable[[str, Split, Outputs], None]
"""Writes a report to a path."""


@dataclasses.dataclass(frozen=True, eq=False)
class Answers(abc.ABC):
    """One kind of answer.

    Attributes:
        labels: The task's labels in order of their ids, of a number its one name: the
            outputs of the model.
    """

    labels: tuple[str, ...]

    @property
    @abc.abstractmethod
    def reports(self) -> Mapping[str, Author]:
        """What is reported of a labelled split: name of the file and its author."""

    @abc.abstractmethod
    def values(self, outputs: Outputs) -> np.ndarray:
        """What test_results.tsv shows: float32 `[examples, outputs]`."""

    @abc.abstractmethod
    def predicted(self, outputs: Outputs) -> np.ndarray:
        """The answers: label ids, labels (bool `[examples, labels]`) or numbers."""

    @abc.abstractmethod
    def gold(self, split: Split) -> np.ndarray:
        """The right ones, in the same form."""

    @abc.abstractmethod
    def scores(self, split: Split, outputs: Outputs) -> dict[str, float]:
        """The scores of a labelled split, those that say most first.

        Args:
            split: The examples.
            outputs: What the model says of them.
        """

    @abc.abstractmethod
    def losses(self, split: Split, logits: np.ndarray) -> np.ndarray:
        """The loss of each example, as `runtime.engine.objectives` has it.

        Args:
            split: The examples; what is said of unlabelled ones means nothing.
            logits: float32 `[examples, outputs]`.

        Returns:
            float32 `[examples]`.
        """

    @property
    @abc.abstractmethod
    def agreement_name(self) -> str:
        """What `agreement` is called."""

    @abc.abstractmethod
    def agreement(self, gold: np.ndarray, predicted: np.ndarray) -> float:
        """One score of any classifier's answers, the larger the better."""

    @abc.abstractmethod
    def write_predictions(self, path: str, split: Split, outputs: Outputs) -> None:
        """Writes what is predicted of each example, for people to read.

        Args:
            path: The file.
            split: The examples.
            outputs: What the model says of them.
        """

    @abc.abstractmethod
    def in_words(self, outputs: Outputs) -> Sequence[str | tuple[str, ...] | float]:
        """The answer to each example: a label, labels or a number."""

    def tuned(self, split: Split, outputs: Outputs) -> Answers:
        """The same, with what is chosen by the dev split.

        Args:
            split: The dev split.
            outputs: What the model says of it.
        """
        del split, outputs
        return self

    def keep(self, context: RunContext) -> None:
        """Writes what was chosen by the dev split into a run's folder.

        Args:
            context: Where the run writes.
        """
        del context


@dataclasses.dataclass(frozen=True, eq=False)
class OneLabel(Answers):
    """The most probable one of several classes."""

    @property
    def reports(self) -> Mapping[str, Author]:
        """See base class."""
        return {
            "classification_report.txt": self._by(report.write_classification_report),
            "confusion_matrix.txt": self._by(report.write_confusion_matrix),
            "confusion_matrix.png": self._by(plots.plot_confusion_matrix),
        }

    def values(self, outputs: Outputs) -> np.ndarray:
        """See base class; probabilities that sum to 1."""
        found: np.ndarray = softmax(outputs.logits, axis=-1)
        return found

    def predicted(self, outputs: Outputs) -> np.ndarray:
        """See base class."""
        best: np.ndarray = outputs.logits.argmax(axis=-1)
        return best

    def gold(self, split: Split) -> np.ndarray:
        """See base class."""
        return split.dataset.label_ids

    def scores(self, split: Split, outputs: Outputs) -> dict[str, float]:
        """See base class."""
        return scores.of_labels(
            gold=self.gold(split),
            predicted=self.predicted(outputs),
            losses=outputs.losses,
            num_labels=len(self.labels),
        )

    def losses(self, split: Split, logits: np.ndarray) -> np.ndarray:
        """See base class."""
        gold = np.maximum(split.dataset.label_ids, 0)
        found: np.ndarray = log_softmax(logits, axis=-1)
        return -np.take_along_axis(found, gold[:, np.newaxis], axis=-1)[:, 0]

    agreement_name = "accuracy"

    def agreement(self, gold: np.ndarray, predicted: np.ndarray) -> float:
        """See base class."""
        return float(np.mean(gold == predicted))

    def write_predictions(self, path: str, split: Split, outputs: Outputs) -> None:
        """See base class."""
        report.write_predictions(
            path,
            examples=split.examples,
            predicted=self.predicted(outputs),
            probabilities=self.values(outputs),
            labels=self.labels,
        )

    def in_words(self, outputs: Outputs) -> Sequence[str]:
        """See base class."""
        return [self.labels[label] for label in self.predicted(outputs)]

    def _by(self, write: Callable[..., None]) -> Author:
        return lambda path, split, outputs: write(
            path,
            gold=self.gold(split),
            predicted=self.predicted(outputs),
            labels=self.labels,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class LabelSet(Answers):
    """Each label whose probability reaches its threshold.

    Attributes:
        thresholds: float64 `[labels]`.
        tunes: Whether those are chosen by the dev split.
    """

    thresholds: np.ndarray
    tunes: bool = False

    @property
    def reports(self) -> Mapping[str, Author]:
        """See base class."""
        return {
            "classification_report.txt": self._write_report,
            "confusion_matrix.txt": self._write_confusions,
        }

    def values(self, outputs: Outputs) -> np.ndarray:
        """See base class; the probability of each label by itself."""
        found: np.ndarray = expit(outputs.logits)
        return found

    def predicted(self, outputs: Outputs) -> np.ndarray:
        """See base class."""
        found: np.ndarray = self.values(outputs) >= self.thresholds
        return found

    def gold(self, split: Split) -> np.ndarray:
        """See base class."""
        return np.asarray(split.dataset.targets, bool)

    def scores(self, split: Split, outputs: Outputs) -> dict[str, float]:
        """See base class."""
        return scores.of_label_sets(
            gold=self.gold(split),
            probabilities=self.values(outputs),
            losses=outputs.losses,
            thresholds=self.thresholds,
        )

    def losses(self, split: Split, logits: np.ndarray) -> np.ndarray:
        """See base class."""
        losses = np.logaddexp(np.float32(0), logits) - logits * self.gold(split)
        found: np.ndarray = losses.mean(axis=-1)
        return found

    agreement_name = "micro F1"

    def agreement(self, gold: np.ndarray, predicted: np.ndarray) -> float:
        """See base class."""
        return scores.f1(gold.ravel(), predicted.ravel())

    def write_predictions(self, path: str, split: Split, outputs: Outputs) -> None:
        """See base class."""
        label_sets.write_label_predictions(
            path,
            examples=split.examples,
            predicted=self.predicted(outputs),
            probabilities=self.values(outputs),
            labels=self.labels,
        )

    def in_words(self, outputs: Outputs) -> Sequence[tuple[str, ...]]:
        """See base class."""
        return [
            tuple(self.labels[place] for place in np.flatnonzero(row))
            for row in self.predicted(outputs)
        ]

    def tuned(self, split: Split, outputs: Outputs) -> LabelSet:
        """See base class; the thresholds, where that was asked for."""
        if not self.tunes:
            return self
        found = scores.best_thresholds(self.gold(split), self.values(outputs))
        return dataclasses.replace(self, thresholds=found)

    def keep(self, context: RunContext) -> None:
        """See base class."""
        if self.tunes:
            thresholds.write(context, labels=self.labels, found=self.thresholds)

    def _write_report(self, path: str, split: Split, outputs: Outputs) -> None:
        gold = self.gold(split)
        label_sets.write_label_report(
            path,
            gold=gold,
            predicted=self.predicted(outputs),
            labels=self.labels,
            thresholds=self.thresholds,
            average_precisions=scores.average_precisions(gold, self.values(outputs)),
        )

    def _write_confusions(self, path: str, split: Split, outputs: Outputs) -> None:
        label_sets.write_label_confusions(
            path,
            gold=self.gold(split),
            predicted=self.predicted(outputs),
            labels=self.labels,
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Number(Answers):
    """A number.

    Attributes:
        name: What it is called.
    """

    name: str

    @property
    def reports(self) -> Mapping[str, Author]:
        """See base class."""
        return {"scatter_plot.png": self._plot}

    def values(self, outputs: Outputs) -> np.ndarray:
        """See base class."""
        return outputs.logits

    def predicted(self, outputs: Outputs) -> np.ndarray:
        """See base class."""
        found: np.ndarray = outputs.logits[:, 0]
        return found

    def gold(self, split: Split) -> np.ndarray:
        """See base class."""
        return np.asarray(split.dataset.targets)

    def scores(self, split: Split, outputs: Outputs) -> dict[str, float]:
        """See base class."""
        return scores.of_numbers(
            gold=self.gold(split),
            predicted=self.predicted(outputs),
            losses=outputs.losses,
        )

    def losses(self, split: Split, logits: np.ndarray) -> np.ndarray:
        """See base class."""
        found: np.ndarray = (logits[:, 0] - self.gold(split)) ** 2
        return found

    agreement_name = "Pearson"

    def agreement(self, gold: np.ndarray, predicted: np.ndarray) -> float:
        """See base class."""
        return scores.correlation(gold, predicted)

    def write_predictions(self, path: str, split: Split, outputs: Outputs) -> None:
        """See base class."""
        answers = (
            ("" if example.number is None else str(example.number), str(value))
            for example, value in zip(
                split.examples, self.predicted(outputs), strict=True
            )
        )
        report.write_answers(
            path,
            examples=split.examples,
            answers=answers,
            columns=("gold", "predicted"),
        )

    def in_words(self, outputs: Outputs) -> Sequence[float]:
        """See base class."""
        return [float(value) for value in self.predicted(outputs)]

    def _plot(self, path: str, split: Split, outputs: Outputs) -> None:
        plots.plot_numbers(
            path,
            gold=self.gold(split),
            predicted=self.predicted(outputs),
            name=self.name,
        )


def of_job(job: TaskJob) -> Answers:
    """The answers that a run's model gives.

    Args:
        job: The run.

    Raises:
        SettingsError: The thresholds that were to be the best ones of the dev split
            were never chosen.
    """
    settings = job.settings
    if settings.targets is Targets.LABEL:
        return OneLabel(job.labels)
    if settings.targets is Targets.NUMBER:
        return Number(job.labels, name=str(settings.label))
    return LabelSet(
        job.labels,
        thresholds=thresholds.of_job(job),
        tunes=settings.tunes_thresholds,
    )
