"""What a model writes for a split, and how likely it finds the targets."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipelines.steps.workload import one_call
from processors.batches import predicted_tokens
from processors.batches.batch_shape import BatchShape
from processors.batches.batches import Batch, EvalBatches, stack
from processors.batches.token_dataset import FILLER, TokenDataset
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError
from runtime.training.evaluations import Predictor

_DIGITS = 6  # of a score in a file
_SOURCE = ("input_ids", "segment_ids", "position_ids", "example_ids")


@dataclass(frozen=True)
class Text:
    """A text that was written.

    Attributes:
        text: It.
        score: What the search gave it; larger is likelier.
        ids: Its tokens, without padding; [SEP] is the last one where it has ended.
        has_ended: Whether it has.
    """

    text: str
    score: float
    ids: tuple[int, ...]
    has_ended: bool

    def as_json(self) -> dict[str, Any]:
        """As it stands in files of JSON lines."""
        score = round(self.score, _DIGITS)
        return {"text": self.text, "score": score, "ids": list(self.ids)}


Outputs = Sequence[Sequence[Text]]
"""For each example what was written, the best first."""


@dataclass(frozen=True)
class Loss:
    """How likely a model finds the targets of a split.

    Attributes:
        mean: Negative log-likelihood of a token, each counted once.
        accuracy: Share of the tokens that it finds likeliest.
        tokens: How many there are.
    """

    mean: float
    accuracy: float
    tokens: int

    @property
    def logged(self) -> dict[str, float]:
        """The scores that are watched on the way."""
        return {
            "eval_loss": self.mean,
            "eval_perplexity": math.exp(min(self.mean, 700)),
        }


def target_arrays(
    batches: Sequence[Batch], *, start_id: int, max_row_shapes: int
) -> dict[str, np.ndarray]:
    """What a model reads of some batches to learn the targets.

    Args:
        batches: Of sources and targets.
        start_id: Of the token that a text is begun with.
        max_row_shapes: See `processors.batches.predicted_tokens.gather`.
    """
    return predicted_tokens.of_decoder(
        stack(batches), start_id=start_id, max_row_shapes=max_row_shapes
    )


def source_arrays(batch: Batch) -> dict[str, np.ndarray]:
    """What a model reads of a batch to write texts, `[replicas, ...]`."""
    arrays = one_call(stack([batch]))
    return {name: arrays[name] for name in _SOURCE}


def measure(
    predictor: Predictor,
    dataset: TokenDataset,
    *,
    shape: BatchShape,
    start_id: int,
    max_row_shapes: int,
) -> Loss:
    """Measures the loss of the targets that are known.

    Args:
        predictor: Gives `target_losses` and `is_right`.
        dataset: The split's.
        shape: Of the batches.
        start_id: See `target_arrays`.
        max_row_shapes: See there.

    Raises:
        DataError: No target is known.
    """
    losses, right, tokens = 0.0, 0, 0
    for batch in EvalBatches(dataset, shape=shape):
        arrays = one_call(
            target_arrays([batch], start_id=start_id, max_row_shapes=max_row_shapes)
        )
        real = arrays["target_weight"] > 0
        found = predictor.predict(arrays)
        losses += float(found["target_losses"][real].sum(dtype=np.float64))
        right += int(found["is_right"][real].sum())
        tokens += int(real.sum())
    if not tokens:
        raise DataError("No example has a target: there is nothing to measure.")
    return Loss(losses / tokens, right / tokens, tokens)


def write(
    predictor: Predictor,
    dataset: TokenDataset,
    *,
    shape: BatchShape,
    tokenizer: Tokenizer,
    unknown_text: str,
) -> Outputs:
    """Lets a model write a text, or several, for each source.

    Sources of about one length are read together, which changes no text.

    Args:
        predictor: Gives `ids` and `scores`.
        dataset: The split's.
        shape: Of the batches: one source a row, and no targets.
        tokenizer: Ids to text.
        unknown_text: What is written for the unknown token.
    """
    order = np.argsort(-dataset.lengths, kind="stable")
    found: list[Sequence[Text]] = [()] * len(dataset)
    for batch in EvalBatches(dataset.take(order), shape=shape):
        outputs = predictor.predict(source_arrays(batch))
        for place, number in _examples(batch):
            found[order[number]] = [
                _text(ids, score, tokenizer=tokenizer, unknown_text=unknown_text)
                for ids, score in zip(
                    outputs["ids"][place], outputs["scores"][place], strict=True
                )
                if np.isfinite(score)  # else the search has found fewer
            ]
    return found


def _examples(batch: Batch) -> Iterator[tuple[tuple[int, ...], int]]:
    """Yields (replica, place) and the example that is there."""
    for place, number in np.ndenumerate(batch.example_index[0]):
        if number != FILLER:
            yield place, int(number)


def _text(
    ids: np.ndarray, score: np.floating[Any], *, tokenizer: Tokenizer, unknown_text: str
) -> Text:
    written = ids.tolist()
    end = tokenizer.special.sep
    has_ended = end in written
    kept = written[: written.index(end) + 1] if has_ended else written
    return Text(
        text=tokenizer.decode(kept, unknown_text=unknown_text),
        score=float(score),
        ids=tuple(kept),
        has_ended=has_ended,
    )
