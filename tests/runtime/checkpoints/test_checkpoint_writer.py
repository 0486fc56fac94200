import logging
import threading

import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import EngineState
from runtime.errors import StorageError


class OneWeight:
    """What of an engine is asked: its state."""

    def __init__(self):
        self.step = 0

    def state(self):
        self.step += 1
        value = np.full(1000, self.step, np.float32)
        return EngineState(self.step, {"w": value}, {"w/adam_m": -value})


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / checkpoints.DIRECTORY)


def writer_in(directory, *, before_saving=lambda: None, may_write=lambda: None, keep=9):
    return BackgroundCheckpointWriter(
        directory,
        state={"seed": 3},
        retention=Retention(newest=keep),
        before_saving=before_saving,
        may_write=may_write,
    )


def hold_writes(monkeypatch):
    """Lets no write begin before the event that is returned is set."""
    may_write, real = threading.Event(), storage.open_write

    def open_write(path):
        assert may_write.wait(30)
        return real(path)

    monkeypatch.setattr(storage, "open_write", open_write)
    return may_write


def test_a_save_returns_before_it_is_written(directory, monkeypatch):
    may_write = hold_writes(monkeypatch)
    with writer_in(directory) as writer:
        writer.save(OneWeight(), metrics={"loss": 0.5})
        assert checkpoints.list_steps(directory) == []
        may_write.set()
        writer.wait()
        assert checkpoints.list_steps(directory) == [1]
    loaded = checkpoints.load_newest(directory)
    assert (loaded.state, loaded.metrics) == ({"seed": 3}, {"loss": 0.5})


def test_leaving_waits_for_what_is_under_way(directory):
    with writer_in(directory, keep=2) as writer:
        for _ in range(4):
            writer.save(OneWeight(), metrics={})
    assert checkpoints.list_steps(directory) == [1]
    engine = OneWeight()
    with writer_in(directory, keep=2) as writer:
        for _ in range(4):
            writer.save(engine, metrics={})
    assert checkpoints.list_steps(directory) == [3, 4]


def test_there_is_one_copy_of_the_state_at_a_time(directory, monkeypatch):
    may_write, engine = hold_writes(monkeypatch), OneWeight()
    with writer_in(directory) as writer:
        writer.save(engine, metrics={})
        second = threading.Thread(
            target=writer.save, args=(engine,), kwargs={"metrics": {}}
        )
        second.start()
        second.join(0.2)
        assert second.is_alive()
        assert engine.step == 1
        may_write.set()
        second.join(30)
    assert checkpoints.list_steps(directory) == [1, 2]


def test_what_goes_before_goes_before(directory):
    seen = []
    with writer_in(
        directory, before_saving=lambda: seen.append(checkpoints.list_steps(directory))
    ) as writer:
        for _ in range(2):
            writer.save(OneWeight(), metrics={})
    assert seen == [[], [1]]


@pytest.mark.parametrize(("asked", "kept"), [(1, []), (2, []), (3, [1]), (4, [1])])
def test_who_has_lost_the_folder_leaves_no_checkpoint_in_it(directory, asked, kept):
    """It is asked before each save, and before that becomes a checkpoint."""
    answers = iter(range(1, 9))
    made_safe = []

    def may_write():
        if next(answers) >= asked:
            raise StorageError("Another process holds it.")

    def run():
        engine = OneWeight()
        with writer_in(
            directory, may_write=may_write, before_saving=lambda: made_safe.append(1)
        ) as writer:
            for _ in range(2):
                writer.save(engine, metrics={})
                writer.wait()

    with pytest.raises(StorageError, match="Another process holds it"):
        run()
    assert checkpoints.list_steps(directory) == kept
    assert len(made_safe) == asked // 2


def failing(path):
    raise StorageError(f"Cannot write {path}: no space left on the disk.")


def test_a_failure_shows_at_the_next_save(directory, monkeypatch):
    engine = OneWeight()
    with writer_in(directory) as writer:
        writer.save(engine, metrics={})
        writer.wait()
        with monkeypatch.context() as patch:
            patch.setattr(storage, "open_write", failing)
            writer.save(engine, metrics={})
            with pytest.raises(StorageError, match="no space left"):
                writer.save(engine, metrics={})
    assert checkpoints.load_newest(directory).step == 1


def test_a_failure_shows_at_the_end(directory, monkeypatch):
    monkeypatch.setattr(storage, "open_write", failing)
    writer = writer_in(directory).__enter__()
    writer.save(OneWeight(), metrics={})
    with pytest.raises(StorageError, match="no space left"):
        writer.__exit__(None, None, None)


def test_the_first_of_two_errors_ends_the_run(directory, monkeypatch, caplog):
    monkeypatch.setattr(storage, "open_write", failing)

    def run():
        with writer_in(directory) as writer:
            writer.save(OneWeight(), metrics={})
            raise ZeroDivisionError

    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError):
        run()
    assert "no space left" in caplog.text
