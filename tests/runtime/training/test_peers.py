"""Processes that watch each other: here they are threads, and the sockets are real."""

import socket
import threading

import pytest

from runtime.devices import placement
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.errors import DataError, RunStoppedError
from runtime.training import peers
from runtime.training.peers import End, Link, Peers
from runtime.training.stop_request import StopRequest


class Process:
    """Its request, which notes how the process would end."""

    def __init__(self):
        self.left = threading.Event()
        self.codes = []
        self.stop = StopRequest(grace=600, leave=self._leave)

    def _leave(self, code):
        self.codes.append(code)
        self.left.set()


@pytest.fixture
def three():
    """A chief and two others, each with its links."""
    processes = [Process() for _ in range(3)]
    pairs = [socket.socketpair() for _ in range(2)]
    links = [
        [Link(index, pair[0]) for index, pair in enumerate(pairs, start=1)],
        *([Link(0, pair[1])] for pair in pairs),
    ]
    yield [
        (process, Peers(links[index], own=index, stop=process.stop))
        for index, process in enumerate(processes)
    ]
    for process in processes:
        process.stop._cancel_timer()
    for pair in pairs:
        for each in pair:
            each.close()


def kill(link):
    """What the system does for a process that is killed."""
    link.socket.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("victim", [1, 2])
def test_who_is_killed_is_named_by_all_others(three, victim, caplog):
    (chief, watch), *others = three
    survivor, other_watch = others[2 - victim]
    with watch, other_watch:
        kill(others[victim - 1][1]._links[0])
        assert chief.left.wait(10)
        assert survivor.left.wait(10)
    assert chief.codes == survivor.codes == [1]
    told = [record.message for record in caplog.records]
    assert len(told) == 2
    for sentence in told:
        assert sentence.startswith(
            f"error: Process {victim} of this run was killed, or its machine cannot be"
            " reached any more."
        )


def test_a_chief_that_is_killed_is_noticed(three, caplog):
    (_, chief_watch), (other, watch), _ = three
    with watch:
        kill(chief_watch._links[0])
        assert other.left.wait(10)
    assert "Process 0 of this run was killed" in caplog.text


def test_who_ends_well_is_not_missed(three, monkeypatch):
    monkeypatch.setattr(peers, "_ERROR_SECONDS", 0.1)
    (chief, watch), (other, first), (last, second) = three
    with watch, second:
        with first:
            pass
        assert not chief.left.wait(0.3)
    assert [each.codes for each in (chief, other, last)] == [[], [], []]
    assert chief.stop.cause is last.stop.cause is None


def end_by(watch, error):
    with pytest.raises(type(error)), watch:
        raise error


def test_an_error_is_left_to_those_who_have_it_too(three, monkeypatch, caplog):
    monkeypatch.setattr(peers, "_ERROR_SECONDS", 2.0)
    (chief, watch), (_, first), (last, second) = three
    with second:
        with watch:
            end_by(first, DataError("a row"))
            assert not chief.left.wait(0.7)  # it says its own error meanwhile
        assert last.left.wait(10)
    assert chief.codes == []
    assert last.codes == [1]
    assert "Process 0" not in caplog.text
    assert "Process 1 of this run ended by an error, which its own log" in caplog.text


@pytest.mark.parametrize("error", [RunStoppedError("x"), KeyboardInterrupt()])
def test_who_was_asked_to_stop_asks_the_others(three, error):
    (chief, watch), (_, first), (last, second) = three
    for process in (chief, last):
        process.stop._first_at = -10.0  # asked long ago; this is no second request
    with watch, second:
        end_by(first, error)
        for process in (chief, last):
            for _ in range(1000):
                if process.stop.cause or process.left.wait(0.01):
                    break
            assert process.stop.cause == "process 1, which was asked to stop"
            assert process.codes == []


# Meeting -----------------------------------------------------------------------------


def place(*, is_chief, processes=2):
    return Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.CPU,
        precision=Precision.FLOAT32,
        devices=("CPU:0", "CPU:1"),
        strategy=None,
        max_row_shapes=8,
        processes=processes,
        is_chief=is_chief,
    )


@pytest.fixture
def meet(monkeypatch):
    """Runs a chief and another process as threads; `then` says what each does."""
    barrier, rows, owners = threading.Barrier(2, timeout=10), {}, threading.local()

    def gather(run_on, numbers):
        del run_on
        rows[owners.index] = list(numbers)
        barrier.wait()
        return [rows[0], rows[1]]

    monkeypatch.setattr(peers, "gather", gather)
    failures = []

    def run(then):
        def process(index):
            owners.index = index
            one = Process()
            try:
                with peers.watch(place(is_chief=index == 0), stop=one.stop):
                    then(index, one)
            except OSError as error:
                failures.append(error)

        threads = [threading.Thread(target=process, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []

    return run


def test_they_meet_and_part_in_peace(meet):
    seen = []
    meet(lambda index, process: seen.append((index, process.codes)))
    assert sorted(seen) == [(0, []), (1, [])]


def test_who_cannot_be_reached_is_told_and_the_run_goes_on(meet, monkeypatch, caplog):
    monkeypatch.setattr(peers, "_MEETING_SECONDS", 0.3)
    monkeypatch.setattr(peers, "_own_address", lambda: "127.0.0.99")
    real = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda to, timeout: real((to[0], 1), timeout)
    )
    seen = []
    meet(lambda index, process: seen.append((index, process.codes)))
    assert sorted(seen) == [(0, []), (1, [])]
    assert "because 1 of 1 processes did not come" in caplog.text
    assert "because process 0 does not answer at 127.0.0.99:" in caplog.text


def test_a_run_of_one_process_has_no_others():
    before = threading.active_count()
    with peers.watch(place(is_chief=True, processes=1), stop=StopRequest()):
        assert threading.active_count() == before


def test_strangers_are_turned_away():
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with (
            socket.create_connection(address) as stranger,
            socket.create_connection(address) as friend,
        ):
            stranger.sendall(peers._HELLO.pack(6, 1))
            friend.sendall(peers._HELLO.pack(7, 1))
            [link] = peers._accepted(server, secret=7, count=2)
            assert stranger.recv(1) == b""
            link.tell(End.WELL, 0)
            assert peers._MESSAGE.unpack(friend.recv(9)) == (End.WELL.value, 0)
            link.socket.close()
    assert placement.gather(place(is_chief=True, processes=1), [3]) == [[3]]
