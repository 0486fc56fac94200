import dataclasses

import numpy as np
import pytest

from pipelines.exporting import probes
from pipelines.serving.served import Reading
from processors.batches.features import featurize
from processors.batches.long_texts import LongTexts
from tf_bert.classifier import loading


@pytest.fixture
def served(trained):
    return loading.served(trained())


def test_long_texts_have_two_ends(served):
    most = served.reading.max_seq_length
    longest = max(probes.texts_of(served), key=len)
    assert len(longest) > most
    assert longest[:most] != longest[-most:]


def test_what_would_be_several_windows_is_not_asked(served):
    def features(examples, counts):
        return featurize(
            examples,
            tokenizer=served.tokenizer,
            labels=served.labels,
            max_seq_length=8,
            counts=counts,
            long_texts=LongTexts.CHUNK,
        )

    in_windows = Reading(max_seq_length=8, batch_size=8, in_windows=True)
    windows = dataclasses.replace(served, reading=in_windows, features=features)
    texts = probes.texts_of(windows)
    assert 0 < len(texts) < len(probes.texts_of(served))
    assert np.array(probes.block(windows, texts)["input_ids"]).shape[1] <= 8


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
