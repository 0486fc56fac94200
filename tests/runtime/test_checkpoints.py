from __future__ import annotations

import json

import numpy as np
import pytest

from runtime import checkpoints, storage
from runtime.errors import CheckpointError, SettingsError, StorageError

KERNEL = "bert/encoder/layer_0/attention/self/query/kernel"


@pytest.fixture
def directory(tmp_path) -> str:
    return str(tmp_path / checkpoints.DIRECTORY)


def save(directory: str, *, step: int, value: float = 1.0) -> str:
    return checkpoints.save(
        directory,
        step=step,
        weights={KERNEL: np.full((2, 3), value, np.float32)},
        slots={f"{KERNEL}/adam_m": np.full((2, 3), -value, np.float32)},
        state={"step": step, "value": value},
    )


def saved_value(folder: str) -> float:
    loaded = checkpoints.load(folder)
    assert loaded.slots[f"{KERNEL}/adam_m"][0, 0] == -loaded.weights[KERNEL][0, 0]
    assert loaded.state["value"] == loaded.weights[KERNEL][0, 0]
    return loaded.state["value"]


def fail_at(monkeypatch, *, ending: str):
    """Makes the write of one file fail, as a crash at that moment would."""
    real = storage.write_bytes

    def write_bytes(path, data):
        if path.endswith(ending):
            raise StorageError(f"Cannot write {path}: no space left on the disk.")
        real(path, data)

    monkeypatch.setattr(storage, "write_bytes", write_bytes)


def test_everything_comes_back_as_it_was(directory):
    square = np.arange(6, dtype=np.float32).reshape(2, 3)
    weights = {
        "a/transposed": square.T,
        "a/every_second": np.arange(10)[::2],
        "a/scalar": np.array(7, np.int64),
        "a/empty": np.zeros((0, 4), np.float32),
        "a/half": np.array([0.5, -2.0], np.float16),
        "語/名前": np.array([True, False]),
    }
    state = {"step": 500, "best": None, "fingerprint": {"data": "ab12"}, "名": "値"}
    folder = checkpoints.save(
        directory, step=500, weights=weights, slots={}, state=state
    )
    assert folder == storage.join(directory, "step-00000500")
    loaded = checkpoints.load(folder)
    assert loaded.step == 500
    assert loaded.state == state
    assert loaded.slots == {}
    assert loaded.weights.keys() == weights.keys()
    for name, value in weights.items():
        assert loaded.weights[name].dtype == value.dtype
        assert loaded.weights[name].shape == value.shape
        np.testing.assert_array_equal(loaded.weights[name], value)


def test_files_of_a_checkpoint(directory):
    folder = save(directory, step=3)
    assert storage.list_dir(folder) == [
        "manifest.json",
        "optimizer.safetensors",
        "state.json",
        "weights.safetensors",
    ]
    manifest = json.loads(storage.read_text(storage.join(folder, "manifest.json")))
    assert manifest["format"] == 1
    assert manifest["step"] == 3
    for entry in manifest["files"].values():
        assert entry["size"] == storage.size(storage.join(folder, entry["name"]))


def test_same_values_same_bytes(tmp_path):
    first, second = (
        save(str(tmp_path / name), step=1, value=0.5) for name in ("a", "b")
    )
    for name in storage.list_dir(first):
        assert storage.read_bytes(storage.join(first, name)) == storage.read_bytes(
            storage.join(second, name)
        )


def test_steps_are_in_order_of_number(directory):
    assert checkpoints.list_steps(directory) == []
    assert checkpoints.latest(directory) is None
    for step in (20, 123456789, 3, 100):
        save(directory, step=step)
    assert checkpoints.list_steps(directory) == [3, 20, 100, 123456789]
    assert checkpoints.latest(directory) == storage.join(directory, "step-123456789")


@pytest.mark.parametrize(
    "ending",
    ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"],
)
def test_interrupted_save_does_not_exist(directory, monkeypatch, ending):
    save(directory, step=1)
    with monkeypatch.context() as patch:
        fail_at(patch, ending=ending)
        with pytest.raises(StorageError):
            save(directory, step=2)
    assert checkpoints.list_steps(directory) == [1]
    with pytest.raises(CheckpointError, match=r"step-00000002 is no complete"):
        checkpoints.load(storage.join(directory, "step-00000002"))
    assert saved_value(save(directory, step=2, value=2.0)) == 2.0
    assert checkpoints.list_steps(directory) == [1, 2]


@pytest.mark.parametrize(
    "ending",
    [
        "weights.2.safetensors",
        "optimizer.2.safetensors",
        "state.2.json",
        "manifest.json",
    ],
)
def test_interrupted_replacement_leaves_the_earlier_one(directory, monkeypatch, ending):
    folder = save(directory, step=1, value=1.0)
    with monkeypatch.context() as patch:
        fail_at(patch, ending=ending)
        with pytest.raises(StorageError):
            save(directory, step=1, value=2.0)
    assert saved_value(folder) == 1.0
    for value in (3.0, 4.0, 5.0):
        assert saved_value(save(directory, step=1, value=value)) == value
        assert len(storage.list_dir(folder)) == 4


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "{}",
        '{"format": 1}',
        '{"format": 1, "step": 2, "files": {}}',
        '{"format": 1, "step": 2, "files": []}',
        '{"format": 1, "step": "2", "files": {}}',
    ],
)
def test_folder_with_an_invalid_manifest_does_not_exist(directory, text):
    save(directory, step=1)
    folder = save(directory, step=2)
    storage.write_text(storage.join(folder, "manifest.json"), text)
    assert checkpoints.list_steps(directory) == [1]
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        checkpoints.load(folder)


def test_manifest_cannot_name_files_elsewhere(directory):
    folder = save(directory, step=1)
    path = storage.join(folder, "manifest.json")
    manifest = json.loads(storage.read_text(path))
    manifest["files"]["weights"]["name"] = "../../secret"
    storage.write_text(path, json.dumps(manifest))
    assert checkpoints.list_steps(directory) == []


def test_later_format_is_refused_not_overlooked(directory):
    folder = save(directory, step=1)
    storage.write_text(storage.join(folder, "manifest.json"), '{"format": 2}')
    for ask in (checkpoints.list_steps, checkpoints.latest):
        with pytest.raises(CheckpointError, match="written in format 2"):
            ask(directory)


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "optimizer.safetensors", "state.json"]
)
def test_damage_is_found_and_named(directory, name):
    folder = save(directory, step=1)
    path = storage.join(folder, name)
    content = bytearray(storage.read_bytes(path))
    content[-3] ^= 1
    storage.write_bytes(path, bytes(content))
    with pytest.raises(CheckpointError, match=f"{name} is damaged: expected") as caught:
        checkpoints.load(folder)
    assert path in str(caught.value)
    storage.write_bytes(path, bytes(content[:-1]))
    with pytest.raises(CheckpointError, match=f"found {len(content) - 1} bytes"):
        checkpoints.load(folder)
    storage.delete(path)
    with pytest.raises(CheckpointError, match=f"{name}: does not exist"):
        checkpoints.load(folder)


def test_prune_keeps_the_newest(directory):
    for step in (1, 2, 3, 10):
        save(directory, step=step)
    checkpoints.prune(directory, keep=2)
    assert checkpoints.list_steps(directory) == [3, 10]
    assert storage.list_dir(directory) == ["step-00000003", "step-00000010"]
    checkpoints.prune(directory, keep=5)
    assert checkpoints.list_steps(directory) == [3, 10]


def test_prune_never_empties(directory):
    checkpoints.prune(directory, keep=1)
    save(directory, step=1)
    with pytest.raises(
        SettingsError, match="At least 1 checkpoint must be kept, not 0"
    ):
        checkpoints.prune(directory, keep=0)
    checkpoints.prune(directory, keep=1)
    assert checkpoints.list_steps(directory) == [1]


def test_prune_spares_what_save_did_not_write(directory):
    for step in (1, 2):
        save(directory, step=step)
    note = storage.join(directory, "step-00000001", "note.txt")
    others = storage.join(directory, "step-best", "weights.safetensors")
    storage.write_text(note, "mine")
    storage.write_text(others, "mine too")
    checkpoints.prune(directory, keep=1)
    assert checkpoints.list_steps(directory) == [2]
    assert storage.list_dir(storage.dirname(note)) == ["note.txt"]
    assert storage.exists(others)


def test_prune_sweeps_up_after_interrupted_saves(directory, monkeypatch):
    for step in (1, 3, 4):
        save(directory, step=step)
    for step in (2, 5):
        storage.delete(storage.join(save(directory, step=step), "manifest.json"))
    checkpoints.prune(directory, keep=2)
    assert storage.list_dir(directory) == [
        "step-00000003",
        "step-00000004",
        "step-00000005",  # may be one that is being written
    ]


def test_load_of_no_folder(directory):
    with pytest.raises(CheckpointError, match=r"expected a valid manifest\.json"):
        checkpoints.load(storage.join(directory, "step-00000001"))
