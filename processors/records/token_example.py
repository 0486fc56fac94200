"""An example that is tokens already, its text unknown."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from processors.batches.features import Features, TokenCounts, target_of
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
        return [*ids, self.label]


def examples_of(
    records: Records, *, split: str, labels: Sequence[str]
) -> list[InputExample]:
    """Returns the examples of records.

    Args:
        records: The records.
        split: Their split, which guids start with.
        labels: In the order of their ids.

    Raises:
        DataError: The records have other labels, or more.
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
    names = [*labels, None] if labels else [None] * (highest + 2)
    return [
        TokenExample(
            guid=f"{split}-{number}",
            text_a="",
            label=names[dataset.label_ids[number]],  # UNLABELLED is the last
            tokens=dataset.example(number),
        )
        for number in range(len(dataset))
    ]


def features(
    examples: Iterable[InputExample], *, labels: Sequence[str], counts: TokenCounts
) -> Iterator[Features]:
    """Yields the tokens that examples have already; see `featurize`.

    Args:
        examples: From `examples_of`, their labels as they now are.
        labels: In the order of their ids.
        counts: Nothing is counted: what was cut off is not known.

    Raises:
        TypeError: An example is of no records.
    """
    del counts
    label_ids = {label: place for place, label in enumerate(labels)}
    for example in examples:
        if not isinstance(example, TokenExample):
            raise TypeError(f"{example.guid} is of no records.")
        label_id, _ = target_of(example, label_ids, targets=Targets.LABEL)
        yield dataclasses.replace(example.tokens, label_id=label_id)
