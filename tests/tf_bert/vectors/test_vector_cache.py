import numpy as np
import pytest

from processors.batches.features import Features
from runtime.errors import DataError
from tf_bert.vectors.vector_cache import VectorCache, key_of


def features(ids, segments):
    return Features(np.array(ids, np.int32), np.array(segments, np.int32), None)


def test_keys_tell_tokens_and_segments_apart():
    keys = {
        key_of(features([1, 2], [0, 0])),
        key_of(features([1, 2], [0, 1])),
        key_of(features([2, 1], [0, 0])),
        key_of(features([1, 2, 0], [0, 0, 0])),
    }
    assert len(keys) == 4
    assert key_of(features([1, 2], [0, 0])) in keys


def test_vectors_are_there_in_the_next_process(tmp_path):
    folder = str(tmp_path / "cache")
    cache = VectorCache(folder)
    cache.add({})
    cache.add({b"a" * 16: np.ones(3, np.float32), b"b" * 16: np.zeros(3, np.float32)})
    cache.add({b"c" * 16: np.full(3, 2, np.float32)})
    again = VectorCache(folder)
    assert again.get(b"c" * 16).tolist() == [2, 2, 2]
    assert again.get(b"a" * 16).tolist() == [1, 1, 1]
    assert again.get(b"d" * 16) is None


def test_damage_is_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no such thing")
    with pytest.raises(DataError, match="Delete the file"):
        VectorCache(str(tmp_path))
