"""What a masked language model is to predict in a batch.

Logits are made for masked tokens alone. Their number varies from batch to batch and is
rounded up, so that few shapes are compiled.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from processors.batches.batches import Batch, stack
from processors.batches.token_dataset import FILLER, TokenDataset, offsets_of, ranges
from processors.pretraining.dataset import Predictions
from processors.pretraining.dynamic_masks import DynamicMasks, Tokens

_LITTLE = 1e-5  # in the original's denominator, so that no prediction divides by 0


@dataclasses.dataclass(frozen=True, eq=False)
class _Found:
    """Masked tokens of all slices, one slice after the other.

    Attributes:
        slices: Which slice each is of, ascending, int64 [masked].
        positions: Where it stands in its slice's rows laid end to end, int64 [masked].
        ids: What is to be predicted, int32 [masked].
        weights: float32 [masked].
    """

    slices: np.ndarray
    positions: np.ndarray
    ids: np.ndarray
    weights: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Masking:
    """Sequences, and what masks them in training.

    Attributes:
        masks: What masks them.
        tokens: The sequences.
        starts_word: Which tokens begin a word, bool [tokens]; None where each does.
    """

    masks: DynamicMasks
    tokens: TokenDataset
    starts_word: np.ndarray | None


class MaskedBatches:
    """Adds to batches what is masked in them.

    Args:
        masked: What is masked in the sequences, or what masks them.
        max_predictions: Most masked tokens of a sequence.
        max_row_shapes: About how many numbers of predictions there may be; see
            `Placement.max_row_shapes`.
    """

    def __init__(
        self,
        masked: Predictions | Masking,
        *,
        max_predictions: int,
        max_row_shapes: int,
    ) -> None:
        self._masked = masked
        self._max_predictions = max_predictions
        self._max_row_shapes = max_row_shapes

    def arrays(
        self, batches: Sequence[Batch], *, rates: Sequence[float]
    ) -> dict[str, np.ndarray]:
        """The arrays of several batches as one, `[batches, accumulation, ...]`.

        Args:
            batches: Of the data set.
            rates: Share of the tokens to mask in each batch, if masks decide that.

        Returns:
            Those of `processors.batches.batches.stack`, masked; and of
            `[..., replicas, predictions]`: `masked_positions` int32, places in a
            slice's rows laid end to end; `masked_ids` int32, what is to be predicted;
            `masked_weight` float32, which sums to a little less than 1 over an update.
            Filler has 0 in all.
        """
        arrays = stack(batches)
        index = np.stack([batch.example_index for batch in batches])
        shape = index.shape[:3]
        if isinstance(self._masked, Predictions):
            found = _stored(self._masked, index, first=arrays["first_positions"])
        else:
            epochs = np.stack([batch.epochs for batch in batches])
            found = _chosen(self._masked, arrays, index, epochs=epochs, rates=rates)
        return arrays | self._dealt(found, shape=shape, examples=index.shape[3])

    def _dealt(
        self, found: _Found, *, shape: tuple[int, ...], examples: int
    ) -> dict[str, np.ndarray]:
        """Lays the predictions of each slice into a row."""
        counts = np.bincount(found.slices, minlength=math.prod(shape))
        most = examples * self._max_predictions
        unit = math.ceil(most / self._max_row_shapes)
        capacity = min(math.ceil(max(counts.max(), 1) / unit) * unit, most)
        columns = np.arange(len(found.slices)) - offsets_of(counts)[found.slices]
        updates = found.slices // math.prod(shape[1:])
        totals = np.bincount(updates, found.weights, minlength=shape[0]) + _LITTLE
        values = {
            "masked_positions": found.positions.astype(np.int32),
            "masked_ids": found.ids,
            "masked_weight": (found.weights / totals[updates]).astype(np.float32),
        }
        dealt = {}
        for name, value in values.items():
            grid = np.zeros((math.prod(shape), capacity), value.dtype)
            grid[found.slices, columns] = value
            dealt[name] = grid.reshape(*shape, capacity)
        return dealt


def _stored(
    predictions: Predictions, index: np.ndarray, *, first: np.ndarray
) -> _Found:
    """What the records say."""
    real = index != FILLER
    index, first = index[real], first[real].astype(np.int64)
    counts = predictions.counts[index]
    places = ranges(predictions.offsets[index], lengths=counts)
    return _Found(
        slices=np.repeat(_slices(real), counts),
        positions=np.repeat(first, counts) + predictions.positions[places],
        ids=predictions.ids[places],
        weights=predictions.weights[places],
    )


def _chosen(
    masking: Masking,
    arrays: dict[str, np.ndarray],
    index: np.ndarray,
    *,
    epochs: np.ndarray,
    rates: Sequence[float],
) -> _Found:
    """What the masks choose; the input ids are replaced."""
    tokens, starts = masking.tokens, masking.starts_word
    real = index != FILLER
    first = arrays["first_positions"][real].astype(np.int64)
    each = np.broadcast_to(np.reshape(rates, (-1, 1, 1, 1)), index.shape)[real]
    examples, slices = index[real], _slices(real)
    lengths = tokens.lengths[examples]
    places = ranges(tokens.offsets[examples], lengths=lengths)
    choice = masking.masks.choose(
        Tokens(
            ids=tokens.ids[places],
            starts_word=np.ones(len(places), np.bool_)
            if starts is None
            else starts[places],
            lengths=lengths,
        ),
        examples=examples,
        epochs=epochs[real],
        rates=each,
    )
    positions = ranges(first, lengths=lengths)[choice.places]
    owners = np.repeat(slices, lengths)[choice.places]
    grid = arrays["input_ids"]
    flat = grid.reshape(-1, grid.shape[-2] * grid.shape[-1])
    flat[owners, positions] = choice.ids
    return _Found(
        slices=owners,
        positions=positions,
        ids=tokens.ids[places][choice.places],
        weights=np.ones(len(owners), np.float32),
    )


def _slices(real: np.ndarray) -> np.ndarray:
    """The slice of each real example, int64 [examples]."""
    numbers = np.arange(math.prod(real.shape[:3])).reshape(*real.shape[:3], 1)
    return np.broadcast_to(numbers, real.shape)[real]
