import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.retention import Retention
from runtime.errors import SettingsError


@pytest.fixture
def directory(tmp_path):
    return str(tmp_path / checkpoints.DIRECTORY)


def save(directory, step, **metrics):
    return checkpoints.save(
        directory,
        step=step,
        weights={"w": np.zeros(2, np.float32)},
        slots={},
        state={},
        metrics=metrics,
    )


def test_the_newest_are_kept(directory):
    for step in (1, 2, 3, 10):
        save(directory, step)
    Retention(newest=2).prune(directory, saved=10)
    assert checkpoints.list_steps(directory) == [3, 10]
    assert storage.list_dir(directory) == ["step-00000003", "step-00000010"]
    Retention(newest=5).prune(directory, saved=10)
    assert checkpoints.list_steps(directory) == [3, 10]


def test_every_so_often_one_is_kept(directory):
    retention = Retention(newest=1, every=4)
    for step in range(1, 11):
        save(directory, step)
        retention.prune(directory, saved=step)
    assert checkpoints.list_steps(directory) == [4, 8, 10]


def test_the_best_is_kept(directory):
    retention = Retention(newest=1)
    for step, best in [(1, None), (2, 2), (3, 2), (4, 2)]:
        save(directory, step)
        retention.prune(directory, saved=step, best=best)
    assert checkpoints.list_steps(directory) == [2, 4]
    save(directory, 5)
    retention.prune(directory, saved=5, best=5)
    assert checkpoints.list_steps(directory) == [5]


@pytest.mark.parametrize("settings", [{"newest": 0}, {"newest": 1, "every": -1}])
def test_none_to_keep_is_refused(settings):
    with pytest.raises(SettingsError):
        Retention(**settings)


def test_what_was_just_saved_is_kept_whatever_lies_behind_it(directory):
    """After going back from a damaged checkpoint, later ones are still there."""
    for step in (100, 200):
        save(directory, step)
    save(directory, 150)
    Retention(newest=1).prune(directory, saved=150)
    assert checkpoints.list_steps(directory) == [150, 200]


def test_what_interrupted_saves_left_is_swept_up(directory):
    for step in (1, 3, 4):
        save(directory, step)
    for step in (2, 5):
        folder = save(directory, step)
        storage.delete(storage.join(folder, "manifest.json"))
        storage.write_text(storage.join(folder, "unfinished.json"), "{}")
    Retention(newest=2).prune(directory, saved=4)
    assert storage.list_dir(directory) == [
        "step-00000003",
        "step-00000004",
        "step-00000005",
    ]


def test_a_copy_under_way_is_left_alone(directory):
    storage.write_text(storage.join(directory, "step-00000001", "state.json"), "{")
    save(directory, 2)
    Retention(newest=1).prune(directory, saved=2)
    assert storage.list_dir(directory) == ["step-00000001", "step-00000002"]
