import os

import pytest

from processors.example import InputExample
from processors.labels.targets import Objective
from processors.tasks import registry
from processors.tasks.table_options import TableOptions

REGRESSION = TableOptions(objective=Objective.REGRESSION)
JSTS = os.path.join(os.path.dirname(__file__), "../../golden/jsts")


def test_jsts_as_jglue_gives_it():
    jsts = registry.create("jsts", REGRESSION)
    train = jsts.get_train_examples(JSTS)
    assert train[1] == InputExample(
        "train-1",
        "二人の男性がジャンボジェット機を見ています。",
        "2人の男性が、白い飛行機を眺めています。",
        number=3.8,
    )
    assert [len(train), len(jsts.get_dev_examples(JSTS))] == [12, 6]
    assert len(jsts.get_test_examples(JSTS)) == 4
    assert jsts.get_labels() == ["label"]


@pytest.mark.slow
def test_the_real_files():
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/jsts")
    jsts, folder = registry.create("jsts", REGRESSION), f"{shared}/data/jsts"
    assert len(jsts.get_train_examples(folder)) == 12_451
    numbers = [each.number for each in jsts.get_dev_examples(folder)]
    assert len(numbers) == 1_457
    assert (min(numbers), max(numbers)) == (0.0, 5.0)
