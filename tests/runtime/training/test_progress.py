from __future__ import annotations

import io

import pytest

from runtime.training.progress import ProgressLine


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def advance(progress, clock, *, step, seconds, loss=1.532, examples=0, tokens=0):
    clock.now += seconds
    progress.update(step, loss=loss, examples=examples, tokens=tokens)


def test_the_line():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(690, stream=stream, clock=clock)
    advance(progress, clock, step=120, seconds=23, examples=7176, tokens=917_700)
    assert stream.getvalue() == (
        "step 120/690  loss 1.532  312 examples/s  39.9k tokens/s  left 1:49\n"
    )


def test_log_has_first_last_and_a_line_every_few_seconds():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(10, stream=stream, clock=clock, every_seconds=10) as progress:
        for step in range(1, 11):
            advance(progress, clock, step=step, seconds=4, examples=8, tokens=80)
    assert stream.getvalue().splitlines() == [
        "step 1/10  loss 1.532  2.00 examples/s  20.0 tokens/s  left 0:36",
        "step 4/10  loss 1.532  2.00 examples/s  20.0 tokens/s  left 0:24",
        "step 7/10  loss 1.532  2.00 examples/s  20.0 tokens/s  left 0:12",
        "step 10/10  loss 1.532  2.00 examples/s  20.0 tokens/s  took 0:40",
    ]


def test_terminal_rewrites_one_line_and_blanks_what_was_longer():
    stream, clock = Terminal(), Clock()
    with ProgressLine(4, stream=stream, clock=clock) as progress:
        advance(progress, clock, step=1, seconds=1, loss=100.0)
        advance(progress, clock, step=2, seconds=1, loss=1.0)
        advance(progress, clock, step=3, seconds=0.01)  # too soon to be read
        advance(progress, clock, step=4, seconds=0.99)
    speeds = "0.00 examples/s  0.00 tokens/s"
    assert stream.getvalue() == (
        f"\rstep 1/4  loss 100.000  {speeds}  left 0:03"
        f"\rstep 2/4  loss 1.000  {speeds}  left 0:02  "
        f"\rstep 4/4  loss 1.532  {speeds}  took 0:03"
        "\n"
    )


def test_run_that_ends_early_still_shows_its_last_step():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(100, stream=stream, clock=clock) as progress:
        advance(progress, clock, step=1, seconds=1)
        advance(progress, clock, step=2, seconds=1)
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == [
        "step 1/100",
        "step 2/100",
    ]


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_nothing_done_nothing_shown(kind):
    stream = kind()
    with ProgressLine(100, stream=stream):
        pass
    assert stream.getvalue() == ""


def test_resumed_run_counts_its_own_steps_only():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(1000, stream=stream, start=900, clock=clock)
    advance(progress, clock, step=910, seconds=10, examples=320, tokens=1_250_000)
    assert "  32.0 examples/s  125k tokens/s  left 1:30" in stream.getvalue()


def test_slow_start_is_forgotten():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10_000, stream=stream, clock=clock, every_seconds=0)
    advance(progress, clock, step=1, seconds=60, examples=10)
    for step in range(2, 40):
        advance(progress, clock, step=step, seconds=1, examples=10)
    assert "  10.0 examples/s" in stream.getvalue().splitlines()[-1]


def test_no_speed_without_time():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=0, examples=8)
    assert stream.getvalue() == "step 1/10  loss 1.532\n"


@pytest.mark.parametrize(
    ("loss", "shown"),
    [
        (0.0, "0.000"),
        (0.00123, "1.2e-03"),
        (12.3456, "12.346"),
        (float("nan"), "nan"),
        (float("inf"), "inf"),
    ],
)
def test_loss(loss, shown):
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=0, loss=loss)
    assert f"  loss {shown}\n" in stream.getvalue()


@pytest.mark.parametrize(
    ("examples", "shown"),
    [
        (9.994, "9.99"),
        (9.996, "10.0"),
        (99.96, "100"),
        (999.6, "1.00k"),
        (39_900, "39.9k"),
        (999_600, "1.00M"),
        (1_250_000_000, "1250M"),
    ],
)
def test_speeds_have_three_figures(examples, shown):
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=1, examples=examples)
    assert f"  {shown} examples/s" in stream.getvalue()


def test_long_runs_show_hours():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(3661, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=1.5)
    assert stream.getvalue().endswith("left 1:31:30\n")


def test_other_work_than_training():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(60, stream=stream, what="documents", clock=clock) as progress:
        clock.now += 2
        progress.update(20, tokens=3000)
        clock.now += 4
        progress.update(60, tokens=6000)
    assert stream.getvalue().splitlines() == [
        "documents 20/60  1.50k tokens/s  left 0:04",
        "documents 60/60  1.50k tokens/s  took 0:06",
    ]


def test_scores_of_the_last_evaluation_are_shown():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    scores = {"eval_loss": 0.25, "eval_accuracy": 0.875, "eval_macro_f1": 0.5}
    clock.now += 1
    progress.update(5, loss=1.0, scores=scores)
    assert stream.getvalue().startswith(
        "step 5/10  loss 1.000  eval_loss 0.250  eval_accuracy 0.875  0.00 examples/s"
    )


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_pause_ends_the_line_and_is_no_part_of_the_speeds(kind):
    stream, clock = kind(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=1, examples=8)
    with progress.pause():
        clock.now += 500
        stream.write("logged\n")
    advance(progress, clock, step=2, seconds=1, examples=8)
    lines = stream.getvalue().splitlines()
    assert "step 1/10" in lines[-3] or "step 1/10" in lines[-4]
    assert "logged" in lines
    assert lines[-1].endswith("8.00 examples/s  0.00 tokens/s  left 0:08")
