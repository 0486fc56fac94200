import math

import numpy as np
import pytest

from pipelines.generation import outputs
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from processors.tokenization.character import CharacterTokenizer
from runtime.errors import DataError

CLS, SEP, PAD = 2, 3, 0
TARGETS = ([6, 7, SEP], [], [8, SEP], [6, SEP], [7, 7, 7, SEP])


@pytest.fixture
def dataset():
    return TokenDataset.from_features(
        [
            Features(
                np.array([CLS, *range(5, 6 + place), SEP], np.int32),
                np.zeros(place + 3, np.int32),
                label_id=None,
                target_ids=np.array(ids, np.int32),
            )
            for place, ids in enumerate(TARGETS)
        ]
    )


def shape(**changes):
    values = {
        "per_replica_batch": 2,
        "replicas": 2,
        "max_seq_length": 8,
        "max_target_length": 4,
        "pad_to": PadTo.PACK,
    }
    return BatchShape(**(values | changes))


class Told:
    """Finds a token as likely as its id says; what it writes tells its source."""

    def predict(self, arrays):
        if "target_ids" in arrays:
            ids = arrays["target_ids"]
            return {"target_losses": ids / 10.0, "is_right": (ids == SEP).astype(int)}
        last = arrays["input_ids"].max(axis=-1)
        ids = np.stack([last, np.full_like(last, SEP), np.zeros_like(last)], axis=-1)
        other = np.stack([last, last, last], axis=-1)
        scores = np.broadcast_to(np.float32([-0.5, -0.75, -np.inf]), (*last.shape, 3))
        return {"ids": np.stack([ids, other, ids], axis=-2), "scores": scores}


def test_every_known_token_counts_once(dataset):
    found = outputs.measure(
        Told(), dataset, shape=shape(), start_id=CLS, max_row_shapes=4
    )
    tokens = [token for ids in TARGETS for token in ids]
    assert found.tokens == len(tokens)
    assert found.mean == pytest.approx(np.mean(tokens) / 10)
    assert found.accuracy == pytest.approx(tokens.count(SEP) / len(tokens))
    assert found.logged["eval_perplexity"] == pytest.approx(math.exp(found.mean))


def test_nothing_is_measured_where_no_target_is_known(dataset):
    with pytest.raises(DataError, match="No example has a target"):
        outputs.measure(
            Told(),
            dataset.take(np.array([1])),
            shape=shape(),
            start_id=CLS,
            max_row_shapes=4,
        )


def test_texts_come_back_in_the_order_of_their_sources(dataset, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n山\n川\n空\n月\n日\n")
    found = outputs.write(
        Told(),
        dataset,
        shape=shape(pad_to=PadTo.BUCKET, max_target_length=None),
        tokenizer=CharacterTokenizer(str(path)),
        unknown_text="",
    )
    assert [len(texts) for texts in found] == [2] * 5  # the third was not found
    assert [texts[0].text for texts in found] == list("山川空月日")
    assert [texts[1].text for texts in found] == [c * 3 for c in "山川空月日"]
    assert {texts[0].has_ended for texts in found} == {True}
    assert {texts[1].has_ended for texts in found} == {False}
    assert found[0][0].as_json() == {"text": "山", "score": -0.5, "ids": [5, SEP]}
