"""What a model hands over to be asked."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.tokenization.base import Tokenizer
from runtime.devices.placement import Backend, Placement, Precision

FeaturesOf = Callable[[Iterable[InputExample], TokenCounts], Iterator[Features]]
"""Token ids of each example, as the model reads them; counts what it finds."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reading:
    """How a run lays out what it reads.

    Attributes:
        max_seq_length: Tokens of the longest row.
        batch_size: Examples a batch.
        pad_to: How they are brought to one length.
        buckets: Row lengths of `PadTo.BUCKET`; empty for the usual ones.
        in_windows: Whether a longer text is read in windows.
        keeps_end: Whether its start and its end are read.
    """

    max_seq_length: int
    batch_size: int
    pad_to: PadTo = PadTo.PACK
    buckets: tuple[int, ...] = ()
    in_windows: bool = False
    keeps_end: bool = False

    def shape(self, placement: Placement, *, examples: int) -> BatchShape:
        """The batches of some examples: those of a run, or of one text alone.

        A text alone is padded to the smallest bucket, so that it is answered soon.

        Args:
            placement: The devices.
            examples: How many there are.
        """
        is_alone = examples == 1 and not self.in_windows
        batch = 1 if is_alone else self.batch_size
        return BatchShape.on(
            placement,
            batch=math.ceil(batch / placement.replicas) * placement.replicas,
            max_seq_length=self.max_seq_length,
            pad_to=PadTo.BUCKET if is_alone else self.pad_to,
            buckets=self.buckets,
            in_windows=self.in_windows,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Served:
    """A trained model, before a framework loads.

    Attributes:
        path: Where it lies.
        name: What kind of model it is, as `BERT`.
        labels: Names of its outputs in order; of a regression the one of the number.
        targets: What it answers.
        thresholds: Of each label, from which probability on it is a text's.
        pairs: Whether it reads pairs of texts; None where that is not known.
        tokenizer: Texts to ids.
        features: See `FeaturesOf`.
        reading: How its rows are laid out.
        precision: Arithmetic of its step.
        backend: What it was asked to run with.
        step: Updates that the weights are the outcome of; 0 where nothing says it.
        build: Makes the Keras model, with random weights; called once Keras is bound.
        weights: Gives its weights, asked for by name and shape.
        has_special_tokens: Whether a row starts with `[CLS]` and ends with `[SEP]`.
        write_hugging_face: Writes weights, configuration and tokenizer as transformers
            reads them into a folder, and returns sentences on what it could not carry
            over; None where transformers has no such model.
    """

    path: str
    name: str
    labels: tuple[str, ...]
    targets: Targets
    thresholds: tuple[float, ...] = ()
    pairs: bool | None = None
    tokenizer: Tokenizer
    features: FeaturesOf
    reading: Reading
    precision: Precision = Precision.FLOAT32
    backend: Backend = Backend.AUTO
    step: int = 0
    build: Callable[[Placement], Any]
    weights: Callable[[Mapping[str, tuple[int, ...]]], Mapping[str, np.ndarray]]
    has_special_tokens: bool = True
    write_hugging_face: Callable[[str], list[str]] | None = None
