import os
import signal
import socket
import threading

import pytest

from runtime.training import signal_watch


@pytest.fixture(autouse=True)
def handled():
    """Handlers of Python, without which the system's act."""
    numbers = (signal.SIGUSR1, signal.SIGUSR2)
    before = [signal.signal(number, lambda *_: None) for number in numbers]
    yield
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


def test_each_signal_is_told_in_another_thread():
    told, both = [], threading.Event()

    def tell(number):
        told.append((number, threading.current_thread()))
        if len(told) == 2:
            both.set()

    with signal_watch.watch([signal.SIGUSR1, signal.SIGUSR2], tell=tell):
        os.kill(os.getpid(), signal.SIGUSR1)
        os.kill(os.getpid(), signal.SIGUSR2)
        assert both.wait(10)
    assert {number for number, _ in told} == {signal.SIGUSR1, signal.SIGUSR2}
    assert threading.main_thread() not in {thread for _, thread in told}


def test_who_watched_before_watches_again():
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    reader.settimeout(10)
    with reader, writer:
        before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        told = []
        with signal_watch.watch([signal.SIGUSR1], tell=told.append):
            os.kill(os.getpid(), signal.SIGUSR2)
        os.kill(os.getpid(), signal.SIGUSR1)
        assert reader.recv(8) == bytes([signal.SIGUSR1])
        assert signal.set_wakeup_fd(before) == writer.fileno()
    assert told == []


def test_its_thread_ends_with_it():
    before = threading.active_count()
    for _ in range(3):
        with signal_watch.watch([signal.SIGUSR1], tell=print):
            assert threading.active_count() == before + 1
    assert threading.active_count() == before
