"""How two encoded texts are combined: one set of equations, for training and scoring.

`u [h]` is a text's vector and `H [tokens, h]` are those of its tokens; `v` and `G` are
the second text's.

Over the two vectors, kept as a vector `z` until the output layer:

    additive   z = tanh(A u + B v + c)
    dot        z = u * v / sqrt(h)
    reduced    z = (P u) * (Q v) / sqrt(d)
    features   z = [u, v, |u - v|]

Over the other text's tokens, in both directions with the same weights:

    additive   e_j = w . tanh(A u + B G_j + c)      of G_j
    dot        e_j = u . G_j / sqrt(h)              of G_j
    reduced    e_j = (P u) . (Q G_j) / sqrt(d)      of Q G_j; P u, P v for u, v below
    r_ab = sum_j softmax(e)_j value_j               and r_ba likewise
    z = tanh(W [u; v; r_ab; r_ba] + b)

The logits are `O z + o`. `A`, `P` are called query, `B`, `Q` key, `c` bias, `w` score,
`W` hidden, `b` hidden_bias. The functions here compute with numpy or `keras.ops`,
whichever they are given: what is scored from a cache is what was trained.

Source: additive, Bahdanau et al. 2014, arXiv:1409.0473; dot, Luong et al. 2015,
arXiv:1508.04025; features, Reimers and Gurevych 2019, arXiv:1908.10084.
"""

from __future__ import annotations

import dataclasses
import enum
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Self

PREFIX = "pair_"
"""How the names of a head's variables begin in checkpoints."""

_UNSEEN = -1e9  # the score of a token that there is not
_LEAST = 1e-30


class Combine(enum.Enum):
    """What two texts are combined by."""

    ADDITIVE = "additive"
    DOT = "dot"
    REDUCED = "reduced"
    FEATURES = "features"


class Attend(enum.Enum):
    """What of the other text is looked at."""

    VECTORS = "vectors"
    TOKENS = "tokens"


@dataclasses.dataclass(frozen=True)
class Side:
    """What a combination reads of texts; it depends on no other text.

    Attributes:
        query: `[texts, size]`, of a text that comes first.
        key: `[texts, size]`, of one that comes second; with tokens `[texts, tokens,
            size]`.
    """

    query: Any
    key: Any

    def take(
        self, index: Any, *, rows: Callable[[Any, Any], Any] = operator.getitem
    ) -> Self:
        """Those of some texts, once for each place of `index [any]`.

        Args:
            index: Which texts.
            rows: Takes rows of an array by their index.
        """
        values = vars(self)  # of which several may be one
        taken = {id(v): rows(v, index) for v in values.values()}
        return type(self)(**{name: taken[id(v)] for name, v in values.items()})


@dataclasses.dataclass(frozen=True)
class TokenSide(Side):
    """The same of texts whose tokens are looked at.

    Attributes:
        value: `[texts, tokens, width]`.
        vector: `[texts, width]`.
        mask: `[texts, tokens]`, 1 for a token of the text.
    """

    value: Any
    vector: Any
    mask: Any


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairHead:
    """A way to combine two texts.

    Attributes:
        combine: By what.
        attend: Of what.
        attention_size: Width `k` of additive and hidden layers.
        reduced_size: Width `d` of `reduced`.
    """

    combine: Combine
    attend: Attend
    attention_size: int
    reduced_size: int

    def shapes(self, width: int) -> dict[str, tuple[int, ...]]:
        """The weights below the output layer.

        Args:
            width: Of the encoder.
        """
        k, d = self.attention_size, self.reduced_size
        projections: dict[Combine, dict[str, tuple[int, ...]]] = {
            Combine.ADDITIVE: {"query": (k, width), "key": (k, width), "bias": (k,)},
            Combine.REDUCED: {"query": (d, width), "key": (d, width)},
        }
        found = projections.get(self.combine, {})
        if self.attend is Attend.VECTORS:
            return found
        if self.combine is Combine.ADDITIVE:
            found["score"] = (k,)
        seen = d if self.combine is Combine.REDUCED else width
        return {**found, "hidden": (k, 4 * seen), "hidden_bias": (k,)}

    def output_size(self, width: int) -> int:
        """The width of `z`."""
        if self.attend is Attend.TOKENS:
            return self.attention_size
        return {
            Combine.ADDITIVE: self.attention_size,
            Combine.DOT: width,
            Combine.REDUCED: self.reduced_size,
            Combine.FEATURES: 3 * width,
        }[self.combine]

    def of_vectors(self, vectors: Any, *, weights: Mapping[str, Any], ops: Any) -> Side:
        """What is read of texts by their vectors `[texts, width]`."""
        query, key = self._projected(vectors, vectors, weights=weights, ops=ops)
        return Side(query, key)

    def of_tokens(
        self,
        vectors: Any,
        tokens: Any,
        mask: Any,
        *,
        weights: Mapping[str, Any],
        ops: Any,
    ) -> TokenSide:
        """What is read of texts by their vectors and tokens.

        Args:
            vectors: `[texts, width]`.
            tokens: `[texts, tokens, width]`; finite where there is no token.
            mask: `[texts, tokens]`, 1 for a token.
            weights: By the names of `shapes`.
            ops: numpy or `keras.ops`.
        """
        query, key = self._projected(vectors, tokens, weights=weights, ops=ops)
        is_reduced = self.combine is Combine.REDUCED
        return TokenSide(
            query,
            key,
            value=key if is_reduced else tokens,
            vector=query if is_reduced else vectors,
            mask=mask,
        )

    def _projected(
        self, vectors: Any, others: Any, *, weights: Mapping[str, Any], ops: Any
    ) -> tuple[Any, Any]:
        if self.combine not in {Combine.ADDITIVE, Combine.REDUCED}:
            return vectors, others
        query = ops.matmul(vectors, ops.transpose(weights["query"]))
        key = ops.matmul(others, ops.transpose(weights["key"]))
        is_additive = self.combine is Combine.ADDITIVE
        return (query + weights["bias"] if is_additive else query), key

    def combined(
        self, first: Side, second: Side, *, weights: Mapping[str, Any], ops: Any
    ) -> Any:
        """What the output layer reads of pairs: `z [pairs, output_size]`.

        Args:
            first: Of the first texts of pairs.
            second: Of the second ones.
            weights: By the names of `shapes`.
            ops: numpy or `keras.ops`.
        """
        if isinstance(first, TokenSide) and isinstance(second, TokenSide):
            seen = [
                *(first.vector, second.vector),
                self._seen(first.query, second, weights=weights, ops=ops),
                self._seen(second.query, first, weights=weights, ops=ops),
            ]
            mixed = ops.matmul(
                ops.concatenate(seen, axis=-1), ops.transpose(weights["hidden"])
            )
            return ops.tanh(mixed + weights["hidden_bias"])
        query, key = first.query, second.key
        if self.combine is Combine.ADDITIVE:
            return ops.tanh(query + key)
        if self.combine is Combine.FEATURES:
            return ops.concatenate([query, key, ops.abs(query - key)], axis=-1)
        return query * key * _scale(query)

    def _seen(
        self, query: Any, other: TokenSide, *, weights: Mapping[str, Any], ops: Any
    ) -> Any:
        """What a text sees of another's tokens, `[pairs, width]`."""
        shares = self.attention(query, other, weights=weights, ops=ops)
        return ops.matmul(shares[:, None, :], other.value)[:, 0]

    def attention(
        self, query: Any, other: TokenSide, *, weights: Mapping[str, Any], ops: Any
    ) -> Any:
        """How much a text looks at each of another's tokens, `[pairs, tokens]`.

        Args:
            query: Of the text that looks, `[pairs, size]`.
            other: Whose tokens it looks at.
            weights: By the names of `shapes`.
            ops: numpy or `keras.ops`.
        """
        if self.combine is Combine.ADDITIVE:
            scores = ops.matmul(
                ops.tanh(query[:, None, :] + other.key), weights["score"]
            )
        else:
            scores = ops.matmul(other.key, query[:, :, None])[:, :, 0] * _scale(query)
        scores = ops.where(other.mask > 0, scores, _UNSEEN)
        powers = ops.exp(scores - ops.max(scores, axis=-1, keepdims=True))
        powers = ops.where(other.mask > 0, powers, 0.0)
        total = ops.sum(powers, axis=-1, keepdims=True)
        return powers / ops.maximum(total, _LEAST)


def _scale(vectors: Any) -> float:
    return 1 / math.sqrt(vectors.shape[-1])
