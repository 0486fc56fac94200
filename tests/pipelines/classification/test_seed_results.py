import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from pipelines.classification import data_check, seed_results
from pipelines.classification.answers import OneLabel
from pipelines.classification.run import Results
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import DataError
from runtime.training.run_settings import Resume

ACCURACIES = {"this comes first": {"dev": 0.5}, "a run": {"dev": 0.25}}


@pytest.fixture
def trained(job, data_dir):
    """A job whose folder holds a checkpoint of its last update, 2; made again."""

    def trained(*, step=2, **others):
        made = data_check.checked(
            job(do_train=True, max_steps=2, train_batch_size=8, **others)
        )
        return dataclasses.replace(made, restored=SimpleNamespace(step=step))

    save(data_dir, step=2, value=0)
    return trained


def save(data_dir, *, step, value):
    checkpoints.save(
        str(data_dir / "out/checkpoints"),
        step=step,
        weights={"bias": np.full(3, value, np.float32)},
        slots={},
        state={},
    )


@pytest.fixture
def kept(trained):
    scores = {"eval_accuracy": 0.25, "global_step": 2.0, "loss": 1.0}
    results = Results(
        answers=OneLabel(("a", "b")), scores=scores, accuracies=ACCURACIES
    )
    return seed_results.keep(trained(), results)


def test_a_result_is_read_as_it_was_kept(trained, kept):
    found = seed_results.read(trained(resume=Resume.MUST))
    assert found == kept
    assert list(found.accuracies) == list(ACCURACIES)
    assert found.scores == {"eval_accuracy": 0.25}


def test_of_another_question_there_is_none(trained, kept, data_dir):
    assert seed_results.read(trained(eval_batch_size=4)) is None
    assert seed_results.read(trained(step=1)) is None
    anew = dataclasses.replace(trained(), restored=None)
    assert seed_results.read(anew) is None
    with open(data_dir / "dev.tsv", "a", encoding="utf-8") as file:
        file.write("one more\ta\n")
    assert seed_results.read(trained()) is None


def test_of_other_weights_there_is_none(trained, kept, data_dir):
    save(data_dir, step=3, value=1)
    assert seed_results.read(trained(step=3)) is None
    save(data_dir, step=4, value=0)
    assert seed_results.read(trained(step=4)) == kept


def test_what_is_no_result_is_an_error(trained, data_dir):
    storage.write_text(str(data_dir / "out/result.json"), "[1]")
    with pytest.raises(DataError, match="expected a JSON object"):
        seed_results.read(trained())
