"""Probabilities of pairs of encoded texts, in numpy: no framework is loaded for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping

import numpy as np

from processors.labels.targets import Targets
from tf_bert.pairs.encoding import Encoded
from tf_bert.pairs.heads import Attend, Combine, PairHead, Side, TokenSide

_KEPT_BYTES = 1 << 30
_TEXTS_A_BLOCK = 4096
_LEAST_PAIRS = 64
_PAIRS_A_BLOCK = 1024  # of vectors: what they are combined to stays near the processor


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class PairModel:
    """What turns encoded texts into probabilities.

    Attributes:
        head: How two texts are combined.
        weights: The head's, by name, with `output_weights` and `output_bias`.
        labels: What its outputs are called.
        targets: What they say.
    """

    head: PairHead
    weights: Mapping[str, np.ndarray]
    labels: tuple[str, ...]
    targets: Targets = Targets.LABEL

    @property
    def is_product(self) -> bool:
        """Whether a pair's logits are products of what is kept of either text."""
        combines = self.head.combine in {Combine.DOT, Combine.REDUCED}
        return combines and self.head.attend is Attend.VECTORS

    @property
    def excludes(self) -> bool:
        """Whether one of several labels is the right one."""
        return self.targets is Targets.LABEL and len(self.labels) > 1

    def score(self, first: Encoded, second: Encoded, pairs: np.ndarray) -> np.ndarray:
        """What the model says of pairs.

        Args:
            first: Texts.
            second: Texts, maybe the same.
            pairs: int64 `[pairs, 2]`: a text of `first` and one of `second`.

        Returns:
            float32 `[pairs, labels]`: probabilities of labels, in their order; or the
            number, where one was learned.
        """
        return SideTable(self, first).scores(pairs, second=SideTable(self, second))

    def sides(
        self, encoded: Encoded, index: np.ndarray, *, columns: int | None = None
    ) -> Side:
        """What the head reads of some texts.

        Args:
            encoded: All texts.
            index: Which.
            columns: Of their tokens; None for as many as the longest of them has.
        """
        if self.head.attend is Attend.VECTORS:
            vectors = encoded.vectors(index)
            return self.head.of_vectors(vectors, weights=self.weights, ops=np)
        return self.head.of_tokens(
            *encoded.tokens(index, columns=columns), weights=self.weights, ops=np
        )

    def logits(self, first: Side, second: Side) -> np.ndarray:
        """float32 `[pairs, labels]`, of what `sides` gives of both texts of pairs."""
        combined = self.head.combined(first, second, weights=self.weights, ops=np)
        output = self.weights["output_weights"].T
        found: np.ndarray = combined @ output + self.weights["output_bias"]
        return found

    def all_logits(self, first: Side, second: Side) -> np.ndarray:
        """float32 `[labels, texts, texts]`: each text of one with each of another.

        Those of `dot` and `reduced` over vectors are one matrix product a label.
        """
        if not self.is_product:
            return self._one_by_one(first, second)
        scale = first.query.shape[-1] ** -0.5
        outputs = self.weights["output_weights"] * np.float32(scale)
        found = np.stack([(first.query * each) @ second.key.T for each in outputs])
        found += self.weights["output_bias"][:, np.newaxis, np.newaxis]
        return found

    def _one_by_one(self, first: Side, second: Side) -> np.ndarray:
        columns = len(second.query)
        rows = [
            self.logits(first.take(np.full(columns, row)), second).T
            for row in range(len(first.query))
        ]
        return np.stack(rows, axis=1)

    def answers(self, logits: np.ndarray) -> np.ndarray:
        """Probabilities, or the number, of logits `[..., labels]`."""
        if self.targets is Targets.NUMBER:
            return logits
        if self.targets is Targets.LABELS:
            shares: np.ndarray = 1 / (1 + np.exp(-logits))
            return shares
        powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
        found: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
        return found


class SideTable:
    """What the head reads of texts, held where that is small.

    Else it is made anew of the vectors, which lie on the disk, for those that are
    asked for.

    Args:
        model: The head.
        encoded: The texts.
    """

    def __init__(self, model: PairModel, encoded: Encoded) -> None:
        self._model = model
        self._encoded = encoded
        self._longest = encoded.longest
        numbers = 2 * encoded.width * max(self._longest, 1)
        is_small = len(encoded) * numbers * 4 <= _KEPT_BYTES
        self._held = self._all() if is_small and len(encoded) else None

    @property
    def count(self) -> int:
        """How many texts there are."""
        return len(self._encoded)

    def take(self, index: np.ndarray) -> Side:
        """The sides of some texts, once for each place of `index`."""
        if self._held is not None:
            return _of_few_columns(self._held, index).take(index)
        distinct, places = np.unique(index, return_inverse=True)
        return self._model.sides(self._encoded, distinct).take(places)

    def scores(self, pairs: np.ndarray, *, second: SideTable) -> np.ndarray:
        """See `PairModel.score`."""
        found = np.empty((len(pairs), len(self._model.labels)), np.float32)
        order = self._order(pairs, second=second)
        for block in self._blocks(len(pairs)):
            some = order[block]
            sides = self.take(pairs[some, 0]), second.take(pairs[some, 1])
            found[some] = self._model.answers(self._model.logits(*sides))
        return found

    def _order(self, pairs: np.ndarray, *, second: SideTable) -> np.ndarray:
        """Pairs of texts of about one length together: less is filled up."""
        if not self._longest:
            return np.arange(len(pairs))
        lengths = self._encoded.lengths[pairs[:, 0]]
        others = second._encoded.lengths[pairs[:, 1]]
        return np.argsort(np.maximum(lengths, others), kind="stable")

    def _blocks(self, count: int) -> Iterator[slice]:
        size = max(_PAIRS_A_BLOCK // max(self._longest, 1), _LEAST_PAIRS)
        for start in range(0, count, size):
            yield slice(start, start + size)

    def _all(self) -> Side:
        """The sides of all texts, made block by block."""
        count = len(self._encoded)
        return _joined(
            [
                self._model.sides(
                    self._encoded,
                    np.arange(start, min(start + _TEXTS_A_BLOCK, count)),
                    columns=self._longest,
                )
                for start in range(0, count, _TEXTS_A_BLOCK)
            ]
        )


def _of_few_columns(sides: Side, index: np.ndarray) -> Side:
    """The same without the columns that none of some texts has a token in."""
    if not isinstance(sides, TokenSide):
        return sides
    columns = int(sides.mask[index].sum(axis=1).max(initial=1))
    key = sides.key[:, :columns]
    is_one = sides.value is sides.key
    return dataclasses.replace(
        sides,
        key=key,
        value=key if is_one else sides.value[:, :columns],
        mask=sides.mask[:, :columns],
    )


def _joined(blocks: list[Side]) -> Side:
    """Sides one after the other; what was one array stays one."""
    first = vars(blocks[0])
    names = {
        name: next(other for other, array in first.items() if array is value)
        for name, value in first.items()
    }
    arrays = {
        name: np.concatenate([getattr(block, name) for block in blocks])
        for name in set(names.values())
    }
    return type(blocks[0])(**{name: arrays[other] for name, other in names.items()})
