from __future__ import annotations

import io
import subprocess
import sys

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
    advance(progress, clock, step=10, seconds=60, examples=640, tokens=1)
    advance(progress, clock, step=120, seconds=23, examples=7176, tokens=917_700)
    assert stream.getvalue() == (
        "step 10/690  loss 1.532\n"
        "step 120/690  loss 1.532  312 examples/s  39.9k tokens/s  left 01:59\n"
    )


def test_log_has_first_last_and_a_line_every_few_seconds():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(10, stream=stream, clock=clock, every_seconds=10) as progress:
        for step in range(1, 11):
            advance(progress, clock, step=step, seconds=4, examples=8, tokens=80)
    assert stream.getvalue().splitlines() == [
        "step 1/10  loss 1.532",
        "step 4/10  loss 1.532  2.00 examples/s  20.0 tokens/s  left 00:24",
        "step 7/10  loss 1.532  2.00 examples/s  20.0 tokens/s  left 00:12",
        "step 10/10  loss 1.532  2.00 examples/s  20.0 tokens/s  took 00:40",
    ]


def test_terminal_has_one_line_that_is_drawn_again_behind_a_bar():
    stream, clock = Terminal(), Clock()
    with ProgressLine(4, stream=stream, clock=clock) as progress:
        advance(progress, clock, step=1, seconds=1, loss=100.0)
        advance(progress, clock, step=2, seconds=1, loss=1.0)
        advance(progress, clock, step=3, seconds=0.01)  # too soon to be read
        advance(progress, clock, step=4, seconds=0.99)
    *drawn, last = stream.getvalue().removeprefix("\r").split("\r")
    speeds = "0.00 examples/s  0.00 tokens/s"
    assert [line.rstrip() for line in drawn] == [
        "|          | step 0/4",
        "|##5       | step 1/4  loss 100.000",
        f"|#####     | step 2/4  loss 1.000  {speeds}  left 00:02",
        f"|##########| step 4/4  loss 1.532  {speeds}  took 00:03",
    ]
    assert last.rstrip() == drawn[-1].rstrip()
    assert last.endswith("\n")


def test_what_was_longer_is_blanked():
    stream, clock = Terminal(), Clock()
    with ProgressLine(4, stream=stream, clock=clock) as progress:
        advance(progress, clock, step=1, seconds=1, loss=100_000.0)
        advance(progress, clock, step=1, seconds=1, loss=None)
    longer, shorter, _ = stream.getvalue().split("\r")[2:]
    assert len(shorter) == len(longer) > len(shorter.rstrip())


def test_run_that_ends_early_still_shows_its_last_step():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(100, stream=stream, clock=clock) as progress:
        advance(progress, clock, step=1, seconds=1)
        advance(progress, clock, step=2, seconds=1)
    assert [line.split("  ")[0] for line in stream.getvalue().splitlines()] == [
        "step 1/100",
        "step 2/100",
    ]


def test_before_the_first_update_a_log_is_empty_and_a_bar_where_it_starts():
    log, terminal = io.StringIO(), Terminal()
    for stream in (log, terminal):
        with ProgressLine(100, stream=stream, start=50):
            shown = stream.getvalue()
    assert log.getvalue() == ""
    assert shown == "\r|#####     | step 50/100"


def test_resumed_run_counts_its_own_steps_only():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(1000, stream=stream, start=900, clock=clock)
    advance(progress, clock, step=901, seconds=30)
    advance(progress, clock, step=911, seconds=10, examples=320, tokens=1_250_000)
    assert "  32.0 examples/s  125k tokens/s  left 01:29" in stream.getvalue()


def test_what_compiles_before_the_first_update_is_no_speed():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10_000, stream=stream, clock=clock, every_seconds=0)
    for step in range(1, 40):
        seconds = 60 if step == 1 else 1
        advance(progress, clock, step=step, seconds=seconds, examples=10)
    first, *others = stream.getvalue().splitlines()
    assert first == "step 1/10000  loss 1.532"
    assert all("  10.0 examples/s" in line for line in others)
    assert others[0].endswith("  left 2:46:38")


def test_what_compiles_after_the_first_update_is_no_speed():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=50, examples=8)
    clock.now += 60
    progress.leave_out(60)
    advance(progress, clock, step=2, seconds=2, examples=8)
    last = "step 2/10  loss 1.532  4.00 examples/s  0.00 tokens/s  left 00:16"
    assert stream.getvalue().splitlines()[-1] == last


def test_slow_updates_are_forgotten():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10_000, stream=stream, clock=clock, every_seconds=0)
    for step in range(1, 42):
        seconds = 60 if step == 2 else 1
        advance(progress, clock, step=step, seconds=seconds, examples=10)
    shown = stream.getvalue().splitlines()
    assert "  0.17 examples/s" in shown[1]
    assert "  10.0 examples/s" in shown[-1]


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
        (1_250_000_000, "1.25G"),
    ],
)
def test_speeds_have_three_figures(examples, shown):
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock, every_seconds=1)
    advance(progress, clock, step=1, seconds=0)
    advance(progress, clock, step=2, seconds=1, examples=examples)
    assert f"  {shown} examples/s" in stream.getvalue()


def test_long_runs_show_hours():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(3662, stream=stream, clock=clock, every_seconds=1)
    advance(progress, clock, step=1, seconds=0)
    advance(progress, clock, step=2, seconds=1.5)
    assert stream.getvalue().endswith("left 1:31:30\n")


def test_other_work_than_training():
    stream, clock = io.StringIO(), Clock()
    with ProgressLine(60, stream=stream, what="documents", clock=clock) as progress:
        progress.update(10, tokens=500)
        clock.now += 2
        progress.update(20, tokens=3000)
        clock.now += 8
        progress.update(60, tokens=12_000)
    assert stream.getvalue().splitlines() == [
        "documents 10/60",
        "documents 60/60  1.50k tokens/s  took 00:10",
    ]


NOTEBOOK = """
import io, sys
import tqdm.auto
from runtime.training.progress import ProgressLine

drawn = []
class Widget(tqdm.auto.tqdm):
    def display(self, *args, **kwargs):
        drawn.append((self.n, self.desc))

tqdm.auto.notebook_tqdm = tqdm.auto.tqdm = Widget
for stream in (sys.stderr, io.StringIO()):
    with ProgressLine(2, stream=stream) as progress:
        progress.update(1, loss=1.0)
        progress.update(2, loss=1.0)
print(drawn[0], drawn[-1][0], stream.getvalue().count("step"))
"""


def test_a_notebook_gets_the_bar_of_tqdm_and_other_files_their_lines():
    """The streams of a kernel are no terminals."""
    found = subprocess.run(
        [sys.executable, "-c", NOTEBOOK], capture_output=True, text=True, check=True
    )
    assert found.stdout == "(0, 'step 0/2') 2 2\n"


def test_scores_of_the_last_evaluation_are_shown():
    stream, clock = io.StringIO(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    scores = {"eval_loss": 0.25, "eval_accuracy": 0.875, "eval_macro_f1": 0.5}
    clock.now += 1
    progress.update(5, loss=1.0, scores=scores)
    assert stream.getvalue() == (
        "step 5/10  loss 1.000  eval_loss 0.250  eval_accuracy 0.875\n"
    )


@pytest.mark.parametrize("kind", [io.StringIO, Terminal])
def test_a_pause_makes_way_for_a_log_and_is_no_part_of_the_speeds(kind):
    stream, clock = kind(), Clock()
    progress = ProgressLine(10, stream=stream, clock=clock)
    advance(progress, clock, step=1, seconds=1, examples=8)
    with progress.pause():
        clock.now += 500
        stream.write("logged\n")
    advance(progress, clock, step=2, seconds=1, examples=8)
    before, after = stream.getvalue().split("logged\n")
    assert "step 1/10" in before
    assert before.endswith(("\n", "\r"))  # the bar is wiped off its line
    last = "8.00 examples/s  0.00 tokens/s  left 00:08"
    assert after.rstrip("\n").endswith(last)
