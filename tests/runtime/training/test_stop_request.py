import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from runtime.errors import RunStoppedError
from runtime.training import stop_request
from runtime.training.stop_request import Interruption, StopRequest

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))


def send(number):
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_what_does_not_train(number):
    with StopRequest().on_signals() as stop, pytest.raises(RunStoppedError) as caught:
        send(number)
    assert stop.cause == number.name
    assert f"Stopped by {number.name}. The same command goes on" in str(caught.value)
    assert caught.value.EXIT_CODE == 75


def test_training_is_asked_and_decides_when():
    course = []
    with StopRequest().on_signals() as stop, contextlib.suppress(RunStoppedError):
        with stop.at_the_next_update():
            stop.refuse_to_go_on()
            send(signal.SIGTERM)
            course.append(stop.cause)
            with pytest.raises(RunStoppedError):
                stop.refuse_to_go_on()
            course.append("the block ends")
        course.append("what came too late for the last update is forgotten")
    assert course == ["SIGTERM", "the block ends"]


def test_the_signals_get_back_what_they_did_before():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with StopRequest().on_signals():
        assert signal.getsignal(signal.SIGTERM) not in before
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert after == before


def test_the_same_request_may_come_twice_but_a_second_one_ends_at_once():
    left = threading.Event()
    stop = StopRequest(leave=lambda code: code == 75 and left.set())
    with (
        contextlib.suppress(RunStoppedError),
        stop.on_signals(),
        stop.at_the_next_update(),
    ):
        for _ in range(3):
            send(signal.SIGTERM)
        assert not left.wait(1.2)
        send(signal.SIGINT)
        assert left.wait(10)


BUSY = """
import hashlib, logging, sys, time
from runtime.training.stop_request import StopRequest
logging.basicConfig(format="%(message)s")
with StopRequest(grace=float(sys.argv[1])).on_signals() as stop:
    with stop.at_the_next_update():
        print("busy", flush=True)
        hashlib.pbkdf2_hmac("sha256", b"x" * 64, b"y", 10**9)  # one call of minutes
"""


@pytest.fixture
def busy():
    """Starts a process whose main thread is in one call, with so many seconds."""
    started = []

    def start(grace):
        started.append(
            subprocess.Popen(
                [sys.executable, "-c", BUSY, str(grace)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, "PYTHONPATH": ROOT},
                text=True,
            )
        )
        assert started[-1].stdout.readline() == "busy\n"
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_the_time_to_save_begins_while_no_bytecode_runs(busy):
    process = busy(0.3)
    process.send_signal(signal.SIGTERM)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 75
    assert said.splitlines() == [
        "SIGTERM: saving after the updates under way.",
        "Not ended 0.3 seconds after SIGTERM: leaving without saving what came after"
        " the newest checkpoint.",
    ]


def test_a_second_signal_ends_at_once_while_no_bytecode_runs(busy):
    process = busy(600)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=1.2)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=20)
    assert process.returncode == 75
    assert said.endswith("Asked again (SIGINT): ending at once.\n")


def test_the_time_to_save_ends():
    left = threading.Event()
    with StopRequest(grace=0.1, leave=lambda _: left.set()).on_signals() as stop:
        stop.ask("a test")
        assert left.wait(10)


def test_who_ends_in_time_is_left_alone():
    left = threading.Event()
    with StopRequest(grace=0.2, leave=lambda _: left.set()).on_signals() as stop:
        stop.ask("a test")
    assert not left.wait(0.5)


def test_a_run_takes_back_what_others_have_taken_since():
    with stop_request.of_command():
        ours = signal.getsignal(signal.SIGTERM)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # as a distributed runtime does
        with stop_request.of_run():
            assert signal.getsignal(signal.SIGTERM) == ours


def test_other_threads_have_no_signals():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with StopRequest().on_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]


# Notebooks and other programs --------------------------------------------------------


def test_a_program_that_goes_on_is_interrupted_as_python_does_it():
    with pytest.raises(KeyboardInterrupt, match="Stopped by SIGINT"), of_no_command():
        send(signal.SIGINT)
    with pytest.raises(RunStoppedError, match="Stopped by SIGTERM"), of_no_command():
        send(signal.SIGTERM)


def of_no_command():
    return stop_request.of_run()


def test_there_an_interrupted_training_saves_first():
    course = []
    with contextlib.suppress(KeyboardInterrupt), of_no_command() as stop:
        with stop.at_the_next_update():
            send(signal.SIGINT)
            course.append(stop.cause)
        course.append("the interruption is forgotten")
    assert course == ["SIGINT"]


def test_there_a_second_interruption_does_not_wait_for_that(monkeypatch):
    monkeypatch.setattr(stop_request, "_SAME_REQUEST_SECONDS", 0.1)
    stop = Interruption()
    with (
        contextlib.suppress(KeyboardInterrupt),
        stop.on_signals(),
        stop.at_the_next_update(),
    ):
        send(signal.SIGINT)
        send(signal.SIGINT)
        time.sleep(0.2)
        send(signal.SIGINT)
        pytest.fail("the second one waited")


def test_there_nothing_ends_the_process(monkeypatch):
    monkeypatch.setattr(os, "_exit", lambda code: pytest.fail(f"left with {code}"))
    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    with of_no_command() as stop:
        stop.ask("a test")
        stop.leave(75)
        assert stop._timer is None
        assert signal.set_wakeup_fd(before) == before  # the kernel's own, perhaps


def test_all_that_a_command_runs_has_its_request():
    with stop_request.of_command() as command:
        for _ in range(2):
            with stop_request.of_run() as stop:
                assert stop is command
    with stop_request.of_run() as stop:
        assert stop is not command
