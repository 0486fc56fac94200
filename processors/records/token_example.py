"""An example that is tokens already, its text unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from processors.batches.features import Features, TokenCounts, target_of
from processors.batches.token_dataset import UNLABELLED
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.records.reuse import Records
from runtime.errors import DataError


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenExample(InputExample):
    """An example of records that lie there without their texts.

    Args:
        tokens: As the model reads them.
    """

    tokens: Features

    @property
    def content(self) -> list[Any]:
        """See base class."""
        ids = self.tokens.input_ids.tolist(), self.tokens.segment_ids.tolist()
        return [*ids, self.target]


def examples_of(
    records: Records,
    *,
    split: str,
    labels: Sequence[str],
    targets: Targets = Targets.LABEL,
) -> list[InputExample]:
    """Returns the examples of records.

    Args:
        records: The records.
        split: Their split, which guids start with.
        labels: In the order of their ids.
        targets: What the examples are told apart by.

    Raises:
        DataError: The records have other labels, or more; or are told apart by
            something else.
    """
    dataset, manifest = records.dataset, records.manifest
    if manifest is not None and manifest.labels != tuple(labels):
        raise DataError(
            f"expected records with the labels {', '.join(labels)}; these have"
            f" {', '.join(manifest.labels) or 'none'}.",
            path=records.path,
        )
    highest = int(dataset.label_ids.max(initial=-1))
    if highest >= len(labels) > 0:
        raise DataError(
            f"expected label ids under {len(labels)}, the number of labels"
            f" ({', '.join(labels)}), found {highest}. Give the labels that the records"
            " were made with, in their order: --labels.",
            path=records.path,
        )
    _refuse_other_targets(records, targets, labels=labels)
    return [
        TokenExample(
            guid=f"{split}-{number}",
            text_a="",
            tokens=tokens,
            **_target_of(tokens, labels=labels, targets=targets),
        )
        for number, tokens in enumerate(map(dataset.example, range(len(dataset))))
    ]


def _target_of(
    tokens: Features, *, labels: Sequence[str], targets: Targets
) -> dict[str, Any]:
    """What an example is told of its label, labels or number."""
    if tokens.label_id is None or not labels:
        return {}
    if targets is Targets.LABEL or tokens.target is None:
        return {"label": labels[tokens.label_id]}
    if targets is Targets.NUMBER:
        return {"number": tokens.target.item()}
    held = np.flatnonzero(tokens.target).tolist()
    return {"labels": tuple(labels[place] for place in held)}


def _refuse_other_targets(
    records: Records, targets: Targets, *, labels: Sequence[str]
) -> None:
    """Refuses records of labelled examples that are told apart by something else.

    Raises:
        DataError: So they are.
    """
    dataset = records.dataset
    if not labels or dataset.label_ids.max(initial=UNLABELLED) == UNLABELLED:
        return
    wanted = {Targets.LABEL: 0, Targets.LABELS: len(labels), Targets.NUMBER: 1}
    found = 0 if dataset.targets is None else dataset.targets[0].size
    if found != wanted[targets]:
        raise DataError(
            f"expected examples with {_held(wanted[targets])}; these have"
            f" {_held(found)}. --multi_label and --objective=regression say which.",
            path=records.path,
        )


def _held(targets: int) -> str:
    """What examples are told apart by that have so many targets."""
    few = {0: "one label each", 1: "a number, or one label at most, each"}
    return few.get(targets, f"any number of {targets} labels each")


def features(
    examples: Iterable[InputExample],
    *,
    labels: Sequence[str],
    counts: TokenCounts,
    targets: Targets = Targets.LABEL,
) -> Iterator[Features]:
    """Yields the tokens that examples have already; see `featurize`.

    Args:
        examples: From `examples_of`, their labels as they now are.
        labels: In the order of their ids.
        counts: Nothing is counted: what was cut off is not known.
        targets: What the examples are told apart by.

    Raises:
        TypeError: An example is of no records.
    """
    del counts
    label_ids = {label: place for place, label in enumerate(labels)}
    for example in examples:
        if not isinstance(example, TokenExample):
            raise TypeError(f"{example.guid} is of no records.")
        label_id, target = target_of(example, label_ids, targets=targets)
        yield dataclasses.replace(example.tokens, label_id=label_id, target=target)
