import os
import signal
import threading
import time

import pytest

from runtime.errors import RunStoppedError
from runtime.safety.stop_request import StopRequest


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
    with StopRequest().on_signals() as stop, stop.at_the_next_update():
        stop.refuse_to_go_on()
        send(signal.SIGTERM)
        assert stop.cause == "SIGTERM"
        with pytest.raises(RunStoppedError):
            stop.refuse_to_go_on()


def test_the_signals_get_back_what_they_did_before():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    with StopRequest().on_signals():
        assert signal.getsignal(signal.SIGTERM) not in before
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    assert after == before


def test_the_same_request_may_come_twice_but_a_second_one_ends_at_once(monkeypatch):
    left = []
    stop = StopRequest(leave=left.append)
    with stop.on_signals(), stop.at_the_next_update():
        for _ in range(3):
            send(signal.SIGTERM)
        assert left == []
        monkeypatch.setattr(stop, "_asked_at", time.monotonic() - 2)
        send(signal.SIGINT)
        assert left == [75]


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


def test_other_threads_have_no_signals():
    before, seen = signal.getsignal(signal.SIGTERM), []

    def work():
        with StopRequest().on_signals():
            seen.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
