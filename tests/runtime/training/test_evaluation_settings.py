import dataclasses
from fractions import Fraction

import pytest

from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training.evaluation_settings import Better
from runtime.training.run_settings import RunSettings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(RunSettings):
    output_dir: str | None = setting("out", help="A folder.")
    do_train: bool = True
    do_eval: bool = True

    def scores(self):
        return {**super().scores(), "eval_accuracy": Better.LARGER}

    @property
    def trains(self):
        return self.do_train

    @property
    def evaluates(self):
        return self.do_eval


def refused(**values):
    with pytest.raises(SettingsError) as caught:
        Settings(**values)
    return caught.value.problems


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "", "epochs", "1e3", "²"])
def test_when_to_evaluate_that_cannot_be_meant(text):
    (problem,) = refused(eval_every=text)
    assert problem == (
        "--eval_every must be a number of updates of at least 1, epoch or none;"
        f" got {text}."
    )


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"patience": 0}, "--patience must be at least 1; got 0."),
        (
            {"patience": 1, "min_improvement": -0.5},
            "--min_improvement must be at least 0; got -0.5.",
        ),
        (
            {"patience": 1, "min_improvement": float("nan")},
            "--min_improvement must be at least 0; got nan.",
        ),
        (
            {"min_improvement": 0.5},
            "--min_improvement is how --patience counts: give that too.",
        ),
        (
            {"best_by": "eval_f1"},
            "--best_by=eval_f1 is no score of this run; it has eval_loss,"
            " eval_accuracy.",
        ),
        (
            {"best_by": "eval_loss", "do_eval": False},
            "--best_by needs evaluations: add --do_eval.",
        ),
        (
            {"patience": 2, "do_eval": False},
            "--patience needs evaluations: add --do_eval.",
        ),
        (
            {"patience": 2, "eval_every": "none"},
            "--patience needs evaluations on the way, not --eval_every=none.",
        ),
    ],
)
def test_what_does_not_fit(values, problem):
    assert refused(**values) == (problem,)


def test_all_problems_are_told_together():
    assert len(refused(eval_every="0", patience=0, best_by="x")) == 3


def test_who_does_not_train_may_be_told_all_of_it():
    Settings(do_train=False, do_eval=False, best_by="eval_loss", patience=3)


def test_patience_alone_watches_the_loss():
    assert Settings().watched_score is None
    assert Settings(patience=3).watched_score == "eval_loss"
    both = Settings(patience=3, best_by="eval_accuracy")
    assert both.watched_score == "eval_accuracy"


@pytest.mark.parametrize(
    ("text", "updates"),
    [("epoch", Fraction(90, 8)), ("none", None), ("7", Fraction(7))],
)
def test_updates_an_evaluation(text, updates):
    settings = Settings(eval_every=text)
    assert settings.updates_an_evaluation(epoch=Fraction(90, 8)) == updates


def test_a_run_is_gone_on_with_only_as_it_was_watched():
    names = {trait.name for trait in Settings().traits()}
    assert {"eval_every", "best_by", "patience", "min_improvement"} < names
    assert all(trait.accept == trait.name for trait in Settings().traits())
