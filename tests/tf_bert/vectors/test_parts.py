import dataclasses

import numpy as np

from tf_bert.vectors.parts import VectorPart, VectorParts

NAMES = [field.name for field in dataclasses.fields(VectorPart)]


def part(number):
    return VectorPart(
        vectors=np.full((3, 2, 4), number, np.float32),
        lengths=np.array([1, 2]),
        input_ids=np.array([number] * 3, np.int32),
        whole_lengths=np.array([1, 9]),
    )


def test_parts_come_back_in_order_after_a_stop(tmp_path):
    for number in range(3):
        VectorParts(str(tmp_path)).add(part(number))
    parts = VectorParts(str(tmp_path))
    assert len(parts) == 3
    assert parts.shape("vectors") == (9, 2, 4)
    for name in NAMES:
        for number, array in enumerate(parts.arrays(name)):
            np.testing.assert_array_equal(array, getattr(part(number), name))


def test_a_part_in_a_bucket_is_fetched_once_for_all_its_arrays(fake_bucket):
    parts = VectorParts("gs://my-bucket/parts")
    for number in range(3):
        parts.add(part(number))
    content = sum(len(held.content) for held in fake_bucket.objects.values())
    rows = list(zip(*(parts.arrays(name) for name in NAMES), strict=True))
    assert len(rows) == 3
    assert sum(fake_bucket.sent) == content
