import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy

from processors.batches.features import Features
from runtime.errors import DataError, SettingsError
from tf_bert.vectors.vector_cache import UNKNOWN, VectorCache, key_of

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def features(ids, segments):
    return Features(np.array(ids, np.int32), np.array(segments, np.int32), None)


def key(number):
    return key_of(features([number], [0]))


def tokens(number):
    """A text of some vectors, all of one number."""
    return np.full((number % 5 + 1, 3), number, np.float32)


def fill(folder, numbers, **how):
    cache = VectorCache(folder, **how)
    cache.add({key(number): tokens(number) for number in numbers})
    return cache


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


@pytest.mark.parametrize("is_kept", [True, False])
def test_texts_of_several_vectors_come_in_the_order_asked_for(tmp_path, is_kept):
    folder = str(tmp_path) if is_kept else None
    cache = fill(folder, range(7))
    cache.add({key(number): tokens(number) for number in range(7, 40)})
    if is_kept:
        cache = VectorCache(folder)
    wanted = [30, 3, 3, 12, 0]
    places = cache.find([key(number) for number in wanted])
    expected = np.concatenate([tokens(number) for number in wanted])
    np.testing.assert_array_equal(cache.vectors(places), expected)
    assert cache.lengths(places).tolist() == [len(tokens(n)) for n in wanted]
    np.testing.assert_array_equal(cache.get(key(12)), tokens(12))
    assert cache.find([key(99), key(1)])[0] == UNKNOWN


def test_keys_that_end_in_zero_bytes_are_told_apart(tmp_path):
    keys = [b"\0" * 16, b"\0" * 15 + b"a", b"a" + b"\0" * 15, b"a\0b" + b"\0" * 13]
    fill(str(tmp_path), ())
    cache = VectorCache(str(tmp_path))
    cache.add({k: np.full(2, n, np.float32) for n, k in enumerate(keys)})
    again = VectorCache(str(tmp_path))
    assert [again.get(k)[0] for k in keys] == [0, 1, 2, 3]


def test_vectors_on_the_disk_are_mapped_and_not_read(tmp_path):
    fill(str(tmp_path), range(5))
    [part] = VectorCache(str(tmp_path))._parts
    assert not part.vectors.flags.writeable
    base = part.vectors
    while isinstance(base, np.ndarray) and base.base is not None:
        base = base.base
    assert type(base).__name__ in {"mmap", "memoryview"}


def test_half_precision_takes_half_the_bytes(tmp_path):
    vectors = {key(0): np.array([1 / 3, 65504], np.float32)}
    sizes = {}
    for dtype in ("float16", "float32"):
        cache = VectorCache(str(tmp_path / dtype), dtype=dtype)
        cache.add(vectors)
        sizes[dtype] = VectorCache(str(tmp_path / dtype)).size
    assert sizes == {"float16": 4, "float32": 8}


@pytest.mark.parametrize("value", [np.nan, np.inf, 65520])
def test_numbers_that_cannot_be_kept_are_refused(tmp_path, value):
    cache = VectorCache(str(tmp_path), dtype="float16")
    with pytest.raises(DataError, match="float16"):
        cache.add({key(0): np.array([0, value], np.float32)})
    assert os.listdir(tmp_path) == []


def test_a_cache_of_another_encoder_is_refused_with_both_fingerprints(tmp_path):
    fill(str(tmp_path), range(3), made_by={"fingerprint": "aaa", "pooling": "mean"})
    with pytest.raises(SettingsError) as caught:
        VectorCache(str(tmp_path), made_by={"fingerprint": "bbb", "pooling": "cls"})
    said = str(caught.value)
    assert "fingerprint: aaa there, bbb here" in said
    assert "pooling: mean there, cls here" in said
    assert str(tmp_path) in said
    VectorCache(str(tmp_path), made_by={"fingerprint": "aaa", "pooling": "mean"})


def test_damage_is_named(tmp_path):
    (tmp_path / "x.safetensors").write_bytes(b"no such thing")
    with pytest.raises(DataError, match=r"x\.safetensors.*Delete the file"):
        VectorCache(str(tmp_path))


@pytest.mark.parametrize("place", [-1, -40, 12, 400])
def test_a_changed_byte_is_found(tmp_path, place):
    fill(str(tmp_path), range(5))
    [name] = os.listdir(tmp_path)
    content = bytearray((tmp_path / name).read_bytes())
    content[place] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}.*Delete the file"):
        VectorCache(str(tmp_path))


def test_a_file_that_was_cut_short_is_found(tmp_path):
    fill(str(tmp_path), range(5))
    [name] = os.listdir(tmp_path)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[:-8])
    with pytest.raises(DataError, match="Delete the file"):
        VectorCache(str(tmp_path))


def test_files_of_earlier_versions_are_read(tmp_path):
    keys = np.frombuffer(b"a" * 16 + b"b" * 16, np.uint8).reshape(2, 16)
    import hashlib

    name = hashlib.sha256(keys.tobytes()).hexdigest()[:32]
    vectors = np.arange(8, dtype=np.float32).reshape(2, 1, 4)
    content = safetensors.numpy.save({"keys": keys, "vectors": vectors})
    (tmp_path / f"{name}.safetensors").write_bytes(content)
    cache = VectorCache(str(tmp_path), made_by={"encoder": "x"})
    np.testing.assert_array_equal(cache.get(b"b" * 16), vectors[1])


def test_two_writers_lose_nothing(tmp_path):
    one = VectorCache(str(tmp_path))
    other = VectorCache(str(tmp_path))
    one.add({key(n): tokens(n) for n in range(10)})
    other.add({key(n): tokens(n) for n in range(5, 15)})  # some of them twice
    other.add({key(n): tokens(n) for n in range(20, 25)})
    one.add({key(n): tokens(n) for n in range(20, 25)})  # the same file
    both = VectorCache(str(tmp_path))
    for n in (*range(15), *range(20, 25)):
        np.testing.assert_array_equal(both.get(key(n)), tokens(n))


WRITER = """
import sys
import numpy as np
from tf_bert.vectors.vector_cache import VectorCache
cache = VectorCache(sys.argv[1])
number = 0
print("ready", flush=True)
while True:
    keys = [f"{number:08d}{place:08d}".encode() for place in range(50)]
    cache.add({key: np.full((200, 64), number, np.float32) for key in keys})
    number += 1
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_whole_files(tmp_path):
    folder = str(tmp_path / "cache")
    for stop in ("3", "2", "4"):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, folder],
            env={**os.environ, "PYTHONPATH": ROOT},
            stdout=subprocess.PIPE,
            text=True,
        )
        with writer.stdout:
            for line in writer.stdout:
                if line.strip() == stop:
                    break
            writer.send_signal(signal.SIGKILL)
            writer.wait()
        cache = VectorCache(folder)
        for number in range(int(stop)):
            found = cache.get(f"{number:08d}{49:08d}".encode())
            assert (found == number).all()


@pytest.mark.usefixtures("fake_bucket")
def test_a_cache_in_a_bucket():
    folder = "gs://my-bucket/cache"
    fill(folder, range(6), made_by={"fingerprint": "x"})
    again = VectorCache(folder, made_by={"fingerprint": "x"})
    np.testing.assert_array_equal(again.get(key(4)), tokens(4))
    with pytest.raises(SettingsError, match="x there, y here"):
        VectorCache(folder, made_by={"fingerprint": "y"})


def test_what_made_a_file_stands_in_it(tmp_path):
    fill(str(tmp_path), range(2), made_by={"fingerprint": "x"})
    [name] = os.listdir(tmp_path)
    found = safetensors.numpy.load_file(tmp_path / name)
    assert json.loads(found["made_by"].tobytes()) == {"fingerprint": "x"}
