import numpy as np
import pytest

from processors.batches.features import Features
from tf_bert.formats import find
from tf_bert.model.config import BertConfig
from tf_bert.vectors.encoder import CachedEncoder, VectorEncoder, WantedVectors
from tf_bert.vectors.settings import Pooling

LENGTH, OUTPUT = 48, 2e-5


@pytest.fixture(scope="module")
def make(place_on, golden_dir):
    def make(pooling, *, layers=(-1,), batch_size=5):
        return VectorEncoder(
            BertConfig.from_json_file(f"{golden_dir}/bert_config.json"),
            source=find.open_source(f"{golden_dir}/bert_model.ckpt"),
            wanted=WantedVectors(
                pooling=pooling,
                layers=layers,
                max_seq_length=LENGTH,
                batch_size=batch_size,
            ),
            placement=place_on(),
        )

    return make


@pytest.fixture(scope="module")
def features(golden):
    rows = zip(
        *(golden[name][0] for name in ("input_ids", "segment_ids", "input_mask")),
        strict=True,
    )
    return [
        Features(
            ids[mask > 0].astype(np.int32), segments[mask > 0].astype(np.int32), None
        )
        for ids, segments, mask in rows
    ]


@pytest.fixture(scope="module")
def tokens(make, features):
    """Vectors of every token in every layer."""
    return make(Pooling.LAYERS, layers=(0, 1, 2)).vectors(features)


def test_every_layer_of_every_token(tokens, features, golden):
    for row in range(4):
        length = len(features[row].input_ids)
        assert tokens[row].shape == (length, 3, 64)
        for layer in range(3):
            expected = golden[f"encoder_layer_{layer}"][row, :length]
            assert np.abs(tokens[row][:, layer] - expected).max() <= OUTPUT


def test_pooled(make, features, golden):
    found = np.stack(make(Pooling.POOLED).vectors(features))
    assert np.abs(found - golden["pooled_output"]).max() <= OUTPUT


@pytest.mark.parametrize(
    ("pooling", "pool"),
    [
        (Pooling.CLS, lambda states: states[0]),
        (Pooling.MEAN, lambda states: states.mean(axis=0)),
        (Pooling.MAX, lambda states: states.max(axis=0)),
    ],
)
def test_poolings(make, features, tokens, pooling, pool):
    found = make(pooling, layers=(-1, 0), batch_size=7).vectors(features)
    for vector, states in zip(found, tokens, strict=True):
        expected = pool(states)[[2, 0]]
        assert vector.shape == (2, 64)
        assert np.abs(vector - expected).max() <= OUTPUT


class Counting:
    """Counts what an encoder is given."""

    def __init__(self, encoder):
        self._encoder = encoder
        self.fingerprint = encoder.fingerprint
        self.seen = 0

    def vectors(self, features):
        self.seen += len(features)
        return self._encoder.vectors(features)


def test_nothing_is_encoded_twice(make, features, tmp_path):
    counting = Counting(make(Pooling.MEAN))
    folder = str(tmp_path)
    cached = CachedEncoder(counting, folder=folder)
    first = cached.vectors([*features[:6], features[0]])
    assert counting.seen == 6
    np.testing.assert_array_equal(first[0], first[6])
    again = CachedEncoder(counting, folder=folder).vectors(features)
    assert counting.seen == len(features)
    np.testing.assert_array_equal(np.stack(again[:6]), np.stack(first[:6]))
    expected = counting._encoder.vectors(features)
    np.testing.assert_allclose(np.stack(again), np.stack(expected), atol=OUTPUT)


@pytest.mark.slow
def test_encoders_of_another_kind_share_no_vector(make):
    names = {
        make(Pooling.MEAN).fingerprint,
        make(Pooling.MEAN, layers=(-2,)).fingerprint,
        make(Pooling.MAX).fingerprint,
    }
    assert len(names) == 3
