"""What a classifier asks of the labels of its task and of each split."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.classification.settings import TaskSettings
from processors.base import DataProcessor
from processors.example import InputExample
from processors.labels import label_names
from processors.labels.targets import Targets
from runtime.errors import DataError, SettingsError

_log = logging.getLogger(__name__)

_SHOWN = 10


@dataclasses.dataclass(frozen=True)
class Settled:
    """The examples of a split with labels that mean what they say.

    Attributes:
        examples: In the order of the split.
        remarks: Sentences on what was found, for the log and the data report.
    """

    examples: Sequence[InputExample]
    remarks: tuple[str, ...] = ()


def labels_of(processor: DataProcessor, *, settings: TaskSettings) -> tuple[str, ...]:
    """Returns the labels of a task whose training split was read, or that knows them.

    Args:
        processor: The task.
        settings: Its name, and whether the run needs labels.

    Raises:
        SettingsError: They are no names, or too few to tell apart.
    """
    task = str(settings.task_name)
    labels = label_names.checked(processor.get_labels(), task=task)
    if settings.NEEDS_LABELS and not labels:
        raise SettingsError(
            f"task_name: {task} has texts without labels, which language models read"
            " (scripts/pretrain_lstm.py). A classifier needs labels, such as those of"
            " the tasks tsv and folder."
        )
    if settings.NEEDS_LABELS and settings.targets is Targets.LABEL:
        refuse_one_label(labels, task=task)
    return labels


def refuse_one_label(labels: Sequence[str], *, task: str) -> None:
    """Refuses a task of one class.

    Raises:
        SettingsError: It is one.
    """
    if len(labels) == 1:
        raise SettingsError(
            f"The task {task} has one label only, {labels[0]!r}: there is nothing to"
            " tell apart. Add training examples of other labels, or name the right"
            " column by --label."
        )


def settle(
    examples: Sequence[InputExample],
    *,
    split: str,
    labels: Sequence[str],
    settings: TaskSettings,
) -> Settled:
    """Refuses a split that a classifier cannot use; leaves out placeholders in test.

    Args:
        examples: The split.
        split: train, dev or test.
        labels: The task's labels.
        settings: Whether labels are needed, test was dealt, and is to be scored.

    Raises:
        DataError: A training or dev example has no label, all training examples have
            the same, or a test example has one that is none of the task's.
    """
    if not settings.NEEDS_LABELS:
        return Settled(examples)
    if split == "test":
        return _settle_test(examples, labels=labels, settings=settings)
    _refuse_unlabelled(examples, split=split)
    only = {example.target for example in examples}
    if split == "train" and len(only) == 1 and settings.targets is not Targets.LABEL:
        raise DataError(
            f"All {len(examples)} training examples have the same to learn,"
            f" {only.pop()!r}: there is nothing to tell apart. Add other examples."
        )
    if split == "train" and len(only) == 1:
        raise DataError(
            f"All {len(examples)} training examples have the label"
            f" {', '.join(map(repr, only))}, of the labels {', '.join(labels)}: there"
            " is nothing to tell apart. Add examples of other labels."
        )
    return Settled(examples)


def unmatched(
    train: Sequence[InputExample], dev: Sequence[InputExample], *, labels: Sequence[str]
) -> list[str]:
    """Sentences on labels that examples of one split have and none of the other.

    Args:
        train: The training examples.
        dev: The examples to evaluate on.
        labels: The task's labels.
    """
    learned, measured = (
        {label for example in examples for label in example.label_set or ()}
        for examples in (train, dev)
    )
    alone = (
        ("dev", "training", measured - learned, "cannot be learned"),
        ("training", "dev", learned - measured, "count as 0 in macro averages"),
    )
    return [
        f"{_counted(found)} of {there} examples but of no {not_there} example:"
        f" {_some(found)}. They {outcome}."
        for there, not_there, names, outcome in alone
        if (found := [label for label in labels if label in names])
    ]


def _counted(labels: Sequence[str]) -> str:
    return "1 label" if len(labels) == 1 else f"{len(labels)} labels"


def _some(labels: Sequence[str]) -> str:
    shown = ", ".join(map(repr, labels[:_SHOWN]))
    return shown if len(labels) <= _SHOWN else f"{shown} and others"


def without_placeholder(
    examples: Iterable[InputExample], *, labels: Sequence[str]
) -> Iterator[InputExample]:
    """Streams a test split, without a label that is none of the task's.

    Args:
        examples: The test split.
        labels: The task's labels.

    Raises:
        DataError: There are other labels besides.
    """
    first: dict[str, InputExample] = {}
    for example in examples:
        if example.label is None or example.label in labels:
            yield example
        else:
            yield dataclasses.replace(example, label=None)
        if example.label is not None and example.label not in first:
            first[example.label] = example
            _refuse_unknown(first, labels=labels, most=1)
    for label in set(first).difference(labels):
        _log.warning("%s", _left_out(label, labels=labels))


def _settle_test(
    examples: Sequence[InputExample], *, labels: Sequence[str], settings: TaskSettings
) -> Settled:
    if settings.targets is not Targets.LABEL:
        return _settle_other_test(examples, settings=settings)
    first = {each.label: each for each in reversed(examples) if each.label is not None}
    missing = sum(example.label is None for example in examples)
    _refuse_unknown(first, labels=labels, most=0 if settings.score_test else 1)
    if settings.score_test:
        _refuse_unlabelled(examples, split="test")
        return Settled(examples)
    if unknown := set(first).difference(labels):
        return _unlabelled(examples, _left_out(*unknown, labels=labels))
    if first and missing:
        return _partly_labelled(examples)
    if len(first) != 1 or _is_dealt(settings):
        return Settled(examples)
    return _unlabelled(
        examples,
        f"The only label in the test split is {next(iter(first))!r}, as where the"
        " scripts of google-research/bert wanted one: it is taken for a placeholder and"
        " not scored. --score_test scores it.",
    )


def _settle_other_test(
    examples: Sequence[InputExample], *, settings: TaskSettings
) -> Settled:
    """Settles a test split of several labels or a number an example."""
    if settings.score_test:
        _refuse_unlabelled(examples, split="test")
        return Settled(examples)
    found = {example.target for example in examples}
    if None in found and len(found) > 1:
        return _partly_labelled(examples)
    if found == {None} or len(found) != 1 or _is_dealt(settings):
        return Settled(examples)
    return _unlabelled(
        examples,
        f"All test examples have the same label, {found.pop()!r}: it is taken for a"
        " placeholder and not scored. --score_test scores it.",
    )


def _partly_labelled(examples: Sequence[InputExample]) -> Settled:
    missing = sum(not example.is_labelled for example in examples)
    remark = (
        f"{missing} of {len(examples)} test examples have no label: the test split is"
        " not scored."
    )
    return Settled(examples, (remark,))


def _is_dealt(settings: TaskSettings) -> bool:
    plan = settings.split_plan()
    return plan is not None and "test" in plan.shares


def _unlabelled(examples: Sequence[InputExample], remark: str) -> Settled:
    without = [
        dataclasses.replace(example, label=None, labels=None, number=None)
        for example in examples
    ]
    return Settled(without, (remark,))


def _left_out(label: str, *, labels: Sequence[str]) -> str:
    return (
        f"The only label in the test split is {label!r}, which is none of"
        f" {', '.join(labels)}: it is taken for a placeholder and not scored."
    )


def _refuse_unknown(
    first: Mapping[str, InputExample], *, labels: Sequence[str], most: int
) -> None:
    """Refuses a label that is none of the task's, unless there are no others.

    Args:
        first: Label -> the first example that has it.
        labels: The task's labels.
        most: As many labels, known or not, may be placeholders.

    Raises:
        DataError: There are others.
    """
    unknown = [label for label in first if label not in labels]
    if unknown and len(first) > most:
        message = label_names.unknown(unknown[0], labels=labels, task="this task")
        raise DataError(
            f"Example {first[unknown[0]].guid}: {message}. To predict without labels,"
            " leave those of the test split out."
        )


def _refuse_unlabelled(examples: Sequence[InputExample], *, split: str) -> None:
    without = [example.guid for example in examples if not example.is_labelled]
    if without:
        raise DataError(
            f"{len(without)} of {len(examples)} {split} examples have no label, the"
            f" first is {without[0]}: to {_WORK[split]} takes a label for each."
        )


_WORK = {
    "train": "train",
    "dev": "evaluate",
    "test": "score the test split (--score_test)",
}
