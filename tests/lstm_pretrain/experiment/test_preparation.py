"""What is refused before the language model is trained."""

import pytest

from lstm_pretrain.experiment.preparation import prepare
from lstm_pretrain.experiment.settings import ExperimentSettings, Size
from runtime.errors import SettingsError


@pytest.fixture
def experiment(words_task):
    """Settings on 60 training examples."""

    def make(**others):
        return ExperimentSettings(**{**words_task, "output_dir": "out", **others})

    return make


def refusal(settings):
    with pytest.raises(SettingsError) as caught:
        prepare(settings)
    return list(caught.value.problems)


def examples_of(settings):
    return [size.examples for size in prepare(settings).sizes]


def test_each_size_stands_for_a_number_once(experiment):
    settings = experiment(train_sizes=("all", "20", "60", "20"))
    assert examples_of(settings) == [60, 20]


def test_a_size_may_have_seeds_of_its_own(experiment):
    sizes = prepare(experiment(train_sizes=("20:12", "all"), seeds=3)).sizes
    assert sizes == (Size(examples=20, seeds=12), Size(examples=60, seeds=3))


@pytest.mark.parametrize("size", ["0", "-1", "20:", "20:0", ":3", "20:3:4", "every"])
def test_what_is_no_size(experiment, size):
    with pytest.raises(SettingsError, match="expected all or a number"):
        experiment(train_sizes=(size,))


def test_a_size_that_the_data_has_not(experiment):
    assert refusal(experiment(train_sizes=("61", "all", "5000"))) == [
        f"--train_sizes={size}: the training split has 60 examples. Ask for fewer, or "
        "for all of them by the word all."
        for size in (61, 5000)
    ]


def test_a_size_that_would_do_no_update(experiment):
    settings = experiment(train_sizes=("4",), train_batch_size=32, num_train_epochs=5)
    [problem] = refusal(settings)
    assert problem == (
        "--train_sizes=4: 4 examples are fewer than --train_batch_size=32 allows for 5 "
        "epochs: no update would be done."
    )
    assert examples_of(experiment(train_sizes=("4",), train_batch_size=20)) == [4]


def test_a_draw_of_one_label(experiment):
    problems = refusal(experiment(train_sizes=("1",), seeds=2, train_batch_size=1))
    for seed, problem in enumerate(problems):
        assert problem.startswith("--train_sizes=1: the 1 examples that seed")
        assert f"seed {seed} draws have the label " in problem
        assert problem.endswith("only: there is nothing to tell apart. Ask for more.")
    assert len(problems) == 2
