import dataclasses

import numpy as np
import pytest

from pipelines.exporting import probes
from pipelines.serving.served import Reading
from tf_bert.classifier import loading


@pytest.fixture
def served(trained):
    return loading.served(trained())


def test_long_texts_have_two_ends_and_windows_none(served):
    most = served.reading.max_seq_length
    texts = probes.texts_of(served)
    longest = max(texts, key=len)
    assert longest[:most] != longest[-most:]
    assert len(longest) > most
    in_windows = Reading(max_seq_length=most, batch_size=8, in_windows=True)
    other = dataclasses.replace(served, reading=in_windows)
    assert longest not in probes.texts_of(other)


def test_pairs_have_names():
    asked = probes.Probes([("a", "b"), ("c", "d")], np.zeros((2, 1)))
    assert asked.by_name == {"text": ["a", "c"], "text_b": ["b", "d"]}
    assert asked.where([False, True]).by_name == {"text": ["c"], "text_b": ["d"]}


def test_a_block_says_where_rows_end(served):
    block = probes.block(served, ["w1", "w1 hot cold"])
    ids, mask = np.array(block["input_ids"]), np.array(block["input_mask"])
    assert ids.shape == (2, 5)
    assert mask.sum(axis=1).tolist() == [3, 5]
    assert (ids[mask == 0] == 0).all()
