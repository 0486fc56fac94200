import dataclasses

import numpy as np
import pytest

from lstm_pretrain.experiment.cells import draw
from processors.batches.token_dataset import UNLABELLED
from runtime.errors import DataError


@dataclasses.dataclass(frozen=True)
class Drawn:
    examples: list
    dataset: object
    labels: tuple


def test_a_smaller_draw_is_the_start_of_a_larger(texts):
    split = Drawn(list(range(len(texts))), texts, ("a", "b", "c"))
    small, large = (draw(split, count=n, seed=7) for n in (5, 9))
    assert large.examples[:5] == small.examples
    np.testing.assert_array_equal(
        small.dataset.label_ids, texts.label_ids[small.examples]
    )
    other = draw(split, count=9, seed=8)
    assert other.examples != large.examples


def test_more_examples_than_there_are(texts):
    split = Drawn(list(range(len(texts))), texts, ("a", "b", "c"))
    with pytest.raises(DataError, match=r"=13 were asked for; the .* has 12"):
        draw(split, count=13, seed=0)


def test_examples_of_one_class(texts):
    one = dataclasses.replace(texts, label_ids=np.full(len(texts), 1, np.int32))
    split = Drawn(list(range(len(texts))), one, ("a", "b", "c"))
    with pytest.raises(DataError, match="All 12 training examples have the label b"):
        draw(split, count=12, seed=0)
    assert UNLABELLED not in one.label_ids
