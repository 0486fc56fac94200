import tracemalloc

import numpy as np
import pytest

from processors.batches import long_array
from processors.batches.long_array import LongArray


def array_of(*parts, dtype=np.int32):
    made = LongArray(dtype)
    for part in parts:
        made.extend(np.asarray(part))
    return made.array()


@pytest.mark.parametrize("limit", [0, 10, 1 << 20])
@pytest.mark.parametrize("dtype", [np.int8, np.int32, np.int64, np.float32, np.bool_])
def test_the_numbers_are_the_same_wherever_they_lie(limit, dtype, monkeypatch):
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", limit)
    parts = [np.arange(3), np.empty(0), np.arange(10)[::2], np.arange(4)]
    found = array_of(*(part.astype(dtype) for part in parts), dtype=dtype)
    np.testing.assert_array_equal(found, np.concatenate(parts).astype(dtype))
    assert found.dtype == dtype
    assert type(found) is np.ndarray


def test_none_is_an_empty_array(monkeypatch):
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 0)
    assert array_of().tolist() == array_of(np.empty(0, np.int32)).tolist() == []


def test_few_numbers_lie_in_memory_and_many_on_the_disk(monkeypatch):
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 40)
    assert array_of(np.arange(10, dtype=np.int32)).flags.owndata
    large = array_of(np.arange(11, dtype=np.int32))
    assert not large.flags.owndata
    assert not large.flags.writeable


def test_numbers_of_another_kind_are_refused():
    with pytest.raises(TypeError, match="same_kind"):
        array_of([0.5])


def test_many_numbers_take_no_memory(monkeypatch):
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 1000)
    tracemalloc.start()
    try:
        made = LongArray(np.int32)
        for number in range(100):
            made.extend(np.full(1000, number, np.int32))
        found = made.array()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found.nbytes == 400_000
    assert peak < 40_000
    np.testing.assert_array_equal(found, np.repeat(np.arange(100), 1000))
