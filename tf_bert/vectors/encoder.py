"""Vectors of texts from a BERT that is not trained any more.

`runtime.devices.placement.place` must have run before this is imported, because Keras
takes its backend at import.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import keras
import numpy as np
from keras import ops

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches
from processors.batches.features import Features
from processors.batches.texts_apart import token_mask
from processors.batches.token_dataset import FILLER, TokenDataset
from runtime import storage
from runtime.devices.placement import Placement
from runtime.engine import engine
from runtime.engine.engine import Engine
from runtime.engine.optimizer_settings import OptimizerSettings
from tf_bert.formats import weights
from tf_bert.formats.source import Source
from tf_bert.model.config import BertConfig
from tf_bert.model.modeling import TOKEN_INPUTS, Bert, token_vectors
from tf_bert.vectors.settings import Pooling
from tf_bert.vectors.vector_cache import VectorCache, key_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class WantedVectors:
    """Which vectors of an example are wanted.

    Attributes:
        pooling: What of its tokens.
        layers: Of which layers, -1 the last; pooled vectors have none.
        max_seq_length: Longest input in tokens.
        batch_size: Examples a batch.
        pad_to: How they lie in its rows; not `MAX`. How a vector is rounded depends on
            it.
    """

    pooling: Pooling
    layers: tuple[int, ...] = (-1,)
    max_seq_length: int
    batch_size: int
    pad_to: PadTo = PadTo.BUCKET


class BertEncoder(keras.Model):
    """BERT without a head.

    Args:
        config: Its sizes.
        dtype: Keras dtype policy.
    """

    def __init__(self, config: BertConfig, *, dtype: str = "float32") -> None:
        super().__init__(name="encoder", dtype=dtype)
        self.bert = Bert(config, name="bert", dtype=dtype)

    def build_variables(self) -> None:
        """Creates every variable by a call on the shape of two tokens."""
        two = keras.KerasTensor((1, 2), dtype="int32")
        first = keras.KerasTensor((1,), dtype="int32")
        self({**dict.fromkeys(TOKEN_INPUTS, two), "first_positions": first})

    def call(self, inputs: Mapping[str, Any], training: bool = False) -> dict[str, Any]:
        """See `Bert.call`."""
        outputs: dict[str, Any] = self.bert(inputs, training=training)
        return outputs


class VectorObjective:
    """The vectors of examples, one a row or, with `token_mask`, several."""

    def __init__(self, wanted: WantedVectors) -> None:
        self._wanted = wanted

    def loss(self, model: Any, block: Mapping[str, Any]) -> Any:
        """Nothing is trained.

        Raises:
            TypeError: Always.
        """
        del model, block
        raise TypeError("vectors are read from a BERT, which is not trained")

    def outputs(self, model: BertEncoder, block: Mapping[str, Any]) -> dict[str, Any]:
        """`vectors [examples, ...]`; see `VectorEncoder.vectors`."""
        found = model(block, training=False)
        if self._wanted.pooling is Pooling.POOLED:
            return {"vectors": ops.cast(found["pooled_output"], "float32")}
        chosen = [found["encoder_outputs"][layer] for layer in self._wanted.layers]
        states = ops.cast(ops.stack(chosen, axis=2), "float32")
        mask = block["example_ids"]
        if self._wanted.pad_to is PadTo.PACK:
            mask = block["token_mask"]
            states = token_vectors(states, block["first_positions"], mask=mask)
        real = mask[:, :, None, None] > 0
        return {"vectors": _POOLED[self._wanted.pooling](states, real)}


def _mean(states: Any, real: Any) -> Any:
    total = ops.sum(ops.where(real, states, 0.0), axis=1)
    return total / ops.maximum(ops.sum(ops.cast(real, "float32"), axis=1), 1.0)


def _max(states: Any, real: Any) -> Any:
    return ops.max(ops.where(real, states, -np.inf), axis=1)


_POOLED = {
    Pooling.LAYERS: lambda states, _: states,
    Pooling.CLS: lambda states, _: states[:, 0],
    Pooling.MEAN: _mean,
    Pooling.MAX: _max,
}


class Encodes(Protocol):
    """What gives vectors: an `VectorEncoder` or a `CachedEncoder`."""

    def vectors(self, features: Sequence[Features]) -> list[np.ndarray]:
        """See `VectorEncoder.vectors`."""


class VectorEncoder:
    """A BERT with its weights on the devices.

    Args:
        config: Its sizes.
        source: Its weights.
        wanted: Which vectors it gives.
        placement: From `runtime.devices.placement.place`.

    Raises:
        CheckpointError: The weights are not those of such a BERT, or pooled vectors
            are wanted and they have no pooler.
    """

    def __init__(
        self,
        config: BertConfig,
        *,
        source: Source,
        wanted: WantedVectors,
        placement: Placement,
    ) -> None:
        self._wanted = wanted
        self._placement = placement
        self._engine = _built(config, wanted=wanted, placement=placement)
        initial = weights.take_weights(source, expected=self._engine.weight_shapes())
        if wanted.pooling is Pooling.POOLED:
            weights.refuse_untrained_pooler(initial.report)
        self._engine.load_weights(initial.values)
        self.fingerprint = _fingerprint(config, initial.values, wanted, placement)

    def vectors(self, features: Sequence[Features]) -> list[np.ndarray]:
        """The vectors of examples, encoded in batches of about one length.

        Args:
            features: The examples.

        Returns:
            For each a float32 array: `[tokens, layers, hidden]` for `LAYERS`,
            `[hidden]` for `POOLED`, else `[layers, hidden]`.
        """
        dataset = TokenDataset.from_features(features)
        order = np.argsort(dataset.lengths, kind="stable")
        found: list[Any] = [None] * len(features)
        shape = BatchShape(
            per_replica_batch=-(-self._wanted.batch_size // self._placement.replicas),
            replicas=self._placement.replicas,
            max_seq_length=self._wanted.max_seq_length,
            pad_to=self._wanted.pad_to,
        )
        for batch in EvalBatches(dataset.take(order), shape=shape):
            arrays = {name: value[0] for name, value in batch.arrays.items()}
            if self._wanted.pad_to is PadTo.PACK:
                numbers = batch.example_index[0]
                lengths = np.where(
                    numbers != FILLER, dataset.lengths[order[numbers]], 0
                )
                arrays["token_mask"] = token_mask(lengths, buckets=shape.buckets)
            vectors = self._engine.predict(arrays)["vectors"]
            for place in np.argwhere(batch.example_index[0] != FILLER):
                example = order[batch.example_index[0][tuple(place)]]
                vector = vectors[tuple(place)]
                if self._wanted.pooling is Pooling.LAYERS:
                    vector = vector[: len(features[example].input_ids)]
                found[example] = vector
        return found


class CachedEncoder:
    """An encoder that keeps a vector for each example it has seen.

    Args:
        encoder: What encodes.
        folder: Where vectors are kept, those of other encoders too.
    """

    def __init__(self, encoder: VectorEncoder, *, folder: str) -> None:
        self._encoder = encoder
        self._cache = VectorCache(
            storage.join(folder, encoder.fingerprint),
            made_by={"encoder": encoder.fingerprint},
        )

    def vectors(self, features: Sequence[Features]) -> list[np.ndarray]:
        """See `VectorEncoder.vectors`; only examples not seen before are encoded."""
        keys = [key_of(each) for each in features]
        unseen = {
            key: each
            for key, each in zip(keys, features, strict=True)
            if self._cache.get(key) is None
        }
        if unseen:
            made = self._encoder.vectors(list(unseen.values()))
            self._cache.add(dict(zip(unseen, made, strict=True)))
        return [found for key in keys if (found := self._cache.get(key)) is not None]


def _built(
    config: BertConfig, *, wanted: WantedVectors, placement: Placement
) -> Engine:
    def build_model() -> keras.Model:
        model = BertEncoder(config, dtype=placement.precision.keras_policy)
        model.build_variables()
        return model

    return engine.create(
        placement,
        build_model=build_model,
        objective=VectorObjective(wanted),
        optimizer=OptimizerSettings(num_train_steps=0),
        seed=0,
    )


def _fingerprint(
    config: BertConfig,
    values: Mapping[str, np.ndarray],
    wanted: WantedVectors,
    placement: Placement,
) -> str:
    """A name for all that decides the vector of an example."""
    about = {
        "config": config.to_dict(),
        "pooling": wanted.pooling.value,
        "layers": wanted.layers if wanted.pooling is not Pooling.POOLED else (),
        "precision": placement.precision.value,
    }
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(values):
        digest.update(name.encode() + values[name].tobytes())
    return digest.hexdigest()[:32]
