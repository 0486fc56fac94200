import logging

import numpy as np
import pytest

from runtime.engine.engine import StepReport
from runtime.errors import TrainingError
from runtime.training.guards import FiniteGuard, LossWatch


def report_of(losses):
    losses = np.array(losses, np.float32)
    return StepReport(losses, losses, losses, np.isfinite(losses))


def guard_of(most, *, skipped=0):
    return FiniteGuard(most, skipped=skipped, advice=lambda: "Do this.")


def names(index):
    return [f"train-{index}{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


def test_numbers_pass():
    guard_of(0).judge(report_of([1, 2]), first=0, names=names)


def test_the_first_update_too_many_ends_the_run_with_its_examples(caplog):
    guard = guard_of(2)
    guard.judge(report_of([1, np.nan, 1]), first=10, names=lambda _: ["train-7"])
    [line] = caplog.messages
    assert line == (
        "Update 12 was not applied: loss nan, gradient norm nan. Its examples: train-7."
        " Left out: 1 of 2."
    )
    with pytest.raises(TrainingError) as caught:
        guard.judge(report_of([np.inf, 1, np.nan]), first=13, names=names)
    assert guard.skipped == 2
    assert "Update 16 was not applied: loss nan" in str(caught.value)
    assert "Its examples: train-2a, train-2b" in str(caught.value)
    assert str(caught.value).endswith("train-2t and 6 more. Do this.")


def test_what_was_left_out_before_counts():
    with pytest.raises(TrainingError, match="Update 1 "):
        guard_of(2, skipped=2).judge(report_of([np.nan]), first=0, names=names)


class TestLossWatch:
    @pytest.fixture(autouse=True)
    def warnings(self, caplog):
        caplog.set_level(logging.WARNING)
        self.log = caplog

    def test_a_rise_is_told_once(self):
        watch = LossWatch(factor=3, least=5)
        watch.look(np.array([1.0] * 6 + [4.0, 5.0, 4.0, 1.0, 1.0, 9.0]), first=100)
        first, second = self.log.messages
        assert first.startswith(
            "The loss of update 107 is 4, the median of the 6 befor"
        )
        assert second.startswith("The loss of update 112 is 9")
        assert "--learning_rate" in first

    def test_a_slow_rise_or_a_start_is_none(self):
        watch = LossWatch(factor=3, least=5, window=10)
        watch.look(np.array([9.0, 1.0, 1.0]), first=0)
        watch.look(1.05 ** np.arange(100), first=3)
        assert self.log.messages == []

    def test_what_is_no_number_is_left_to_the_other_guard(self):
        watch = LossWatch(factor=3, least=2)
        watch.look(np.array([1.0, 1.0, np.nan, np.inf, 1.0]), first=0)
        assert self.log.messages == []
