import json
import math

import pytest

from runtime.training.best_watch import Criterion, ScoreWatch
from runtime.training.evaluation_settings import Better

NAN, INFINITE = math.nan, math.inf


def criterion(better=Better.SMALLER, **settings):
    return Criterion(score="eval_score", better=better, **settings)


def watched(scores, *, state=None, first=1, **settings):
    """A watch after evaluations at the steps `first`, `first + 1`, and so on."""
    watch = ScoreWatch(criterion(**settings), state=state or {})
    bests = [
        watch.judge(step, {"eval_score": score, "eval_other": -step})
        for step, score in enumerate(scores, start=first)
    ]
    return watch, bests


@pytest.mark.parametrize(
    ("scores", "better", "best"),
    [
        ([3.0, 1.0, 2.0], Better.SMALLER, 2),
        ([3.0, 1.0, 2.0], Better.LARGER, 1),
        ([3.0, 1.0, 1.0, 1.0], Better.SMALLER, 2),
        ([0.5, 0.5], Better.LARGER, 1),
        ([NAN, 5.0, NAN, -INFINITE], Better.SMALLER, 2),
        ([NAN, INFINITE, 0.1], Better.LARGER, 3),
        ([NAN, NAN], Better.LARGER, None),
    ],
)
def test_the_best_is_the_earliest_of_the_best_finite_scores(scores, better, best):
    watch, bests = watched(scores, better=better)
    assert watch.best_step == best
    assert watch.state()["best_step"] == best
    is_best = [step for step, was in enumerate(bests, start=1) if was]
    assert (is_best or [None])[-1] == best


@pytest.mark.parametrize(
    ("scores", "patience", "is_over"),
    [
        ([1.0, 1.0], 2, False),
        ([1.0, 1.0, 1.0], 2, True),
        ([1.0, 2.0, 0.5, 2.0], 2, False),
        ([NAN, NAN], 2, True),
        ([1.0] * 9, None, False),
    ],
)
def test_patience(scores, patience, is_over):
    watch, _ = watched(scores, patience=patience)
    assert watch.is_over is is_over
    assert watch.state()["stopped"] is is_over


def test_an_improvement_must_be_larger_than_the_least():
    watch, bests = watched([1.0, 0.75, 0.5], patience=2, min_improvement=0.25)
    assert bests == [True, True, True]
    assert watch.best_step == 3
    # 0.75 is no improvement by more than 0.25; 0.5 is one, on 1.0.
    assert not watch.is_over
    assert watch.state()["without_improvement"] == 0
    watch, _ = watched([1.0, 0.75, 0.875], patience=2, min_improvement=0.25)
    assert watch.is_over
    assert watch.best_step == 2


SCORES = [3.0, NAN, 2.5, 2.9, 2.5, 2.4, 2.45, 2.41, 2.39, 9.0]


@pytest.mark.parametrize("parted", range(len(SCORES) + 1))
def test_a_watch_goes_on_from_its_state(parted):
    whole, bests = watched(SCORES, patience=4, min_improvement=0.05)
    before, first = watched(SCORES[:parted], patience=4, min_improvement=0.05)
    after, second = watched(
        SCORES[parted:],
        patience=4,
        min_improvement=0.05,
        state=json.loads(json.dumps(before.state())),
        first=parted + 1,
    )
    assert first + second == bests
    assert after.state() == whole.state()


def test_more_patience_goes_on():
    stopped, _ = watched([1.0, 2.0, 2.0], patience=2)
    more, _ = watched([], patience=3, state=stopped.state())
    assert stopped.is_over
    assert not more.is_over


def test_what_another_score_chose_does_not_count():
    state = watched([1.0, 2.0], patience=1)[0].state() | {"best_by": "eval_accuracy"}
    watch, _ = watched([5.0], patience=1, state=state, first=3)
    assert watch.best_step == 3
    assert not watch.is_over


def test_what_comes_out_is_said():
    watch, _ = watched([0.5, 0.75, 0.75], patience=2)
    assert watch.summary() == (
        "evaluations without improvement: 2; the best: eval_score 0.5 after step 1"
    )
    watch, _ = watched([NAN], patience=1)
    assert watch.summary() == (
        "evaluations without improvement: 1; the best: none, as no eval_score was a"
        " finite number"
    )
