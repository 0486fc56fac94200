from __future__ import annotations

import json
import logging

import google_crc32c
import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, StorageError, StorageReason

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
    real = storage.open_write

    def open_write(path):
        if path.endswith(ending):
            raise StorageError(f"Cannot write {path}: no space left on the disk.")
        return real(path)

    monkeypatch.setattr(storage, "open_write", open_write)


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
    assert manifest["format"] == 2
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
        '{"format": 2}',
        '{"format": 2, "step": 2, "metrics": {}, "files": {}, "crc32c": "0"}',
        "[" * 100_000,
        " " * (2 << 20) + "{}",
    ],
)
def test_folder_with_an_invalid_manifest_does_not_exist(directory, text):
    save(directory, step=1)
    folder = save(directory, step=2)
    storage.write_text(storage.join(folder, "manifest.json"), text)
    assert checkpoints.list_steps(directory) == [1]
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        checkpoints.load(folder)


def write_manifest(path, manifest):
    """Writes a manifest as an attacker would, with the checksum that it must have."""
    rest = {name: value for name, value in manifest.items() if name != "crc32c"}
    content = (json.dumps(rest, indent=2, sort_keys=True) + "\n").encode()
    checksum = f"{google_crc32c.value(content):08x}"
    storage.write_text(path, json.dumps({**rest, "crc32c": checksum}))


@pytest.mark.parametrize(
    "change",
    [
        {"files": {}},
        {"files": []},
        {"step": "2"},
        {"metrics": {"loss": "x"}},
        {"metrics": []},
    ],
)
def test_a_manifest_with_a_wrong_field_is_invalid(directory, change):
    path = storage.join(save(directory, step=1), "manifest.json")
    write_manifest(path, json.loads(storage.read_text(path)) | change)
    assert checkpoints.list_steps(directory) == []


def test_manifest_cannot_name_files_elsewhere(directory):
    folder = save(directory, step=1)
    path = storage.join(folder, "manifest.json")
    manifest = json.loads(storage.read_text(path))
    write_manifest(path, manifest)
    assert checkpoints.list_steps(directory) == [1]
    manifest["files"]["weights"]["name"] = "../../secret"
    write_manifest(path, manifest)
    assert checkpoints.list_steps(directory) == []


def test_later_format_is_refused_not_overlooked(directory):
    folder = save(directory, step=1)
    storage.write_text(storage.join(folder, "manifest.json"), '{"format": 3}')
    for ask in (checkpoints.list_steps, checkpoints.latest):
        with pytest.raises(CheckpointError, match="written in format 3"):
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


def test_slots_that_are_not_needed_are_not_read(directory):
    """Whoever evaluates needs no undamaged slots."""
    folder = save(directory, step=1)
    storage.write_bytes(storage.join(folder, "optimizer.safetensors"), b"damaged")
    for loaded in (
        checkpoints.load(folder, with_slots=False),
        checkpoints.load_newest(directory, with_slots=False),
    ):
        assert loaded.slots == {}
        assert (loaded.weights[KERNEL] == 1).all()
    with pytest.raises(CheckpointError, match=r"optimizer\.safetensors is damaged"):
        checkpoints.load(folder)


def test_tensors_outlive_their_folder_until_it_is_closed(directory):
    """A run deletes old checkpoints while it still reads the one it goes on from."""
    loaded = checkpoints.load(save(directory, step=1))
    checkpoints.delete(directory, step=1)
    assert (loaded.weights[KERNEL] == 1).all()
    loaded.close()
    for tensors in (loaded.weights, loaded.slots):
        with pytest.raises(StorageError, match="does not exist"):
            next(iter(tensors.values()))


def test_load_of_no_folder(directory):
    with pytest.raises(CheckpointError, match=r"expected a valid manifest\.json"):
        checkpoints.load(storage.join(directory, "step-00000001"))


# Which one a run goes on from --------------------------------------------------------


def test_the_newest_is_loaded(directory, caplog):
    assert checkpoints.load_newest(directory) is None
    for step in (1, 2):
        save(directory, step=step)
    assert checkpoints.load_newest(directory).step == 2
    assert caplog.messages == []


def test_an_incomplete_or_damaged_newest_is_named_and_passed_over(directory, caplog):
    folders = {step: save(directory, step=step) for step in (1, 2, 3)}
    storage.delete(storage.join(folders[3], "manifest.json"))
    storage.write_bytes(storage.join(folders[2], "weights.safetensors"), b"x")
    with caplog.at_level(logging.WARNING):
        assert checkpoints.load_newest(directory).step == 1
    incomplete, damaged, back = caplog.messages
    assert incomplete.startswith(f"{folders[3]} is not complete")
    assert f"{folders[2]}/weights.safetensors is damaged" in damaged
    assert back == f"Going back to {folders[1]}."


def test_when_all_are_damaged_the_run_does_not_start_anew(directory):
    for step in (1, 2):
        name = {1: "state.json", 2: "manifest.json"}[step]
        storage.write_bytes(storage.join(save(directory, step=step), name), b"{}")
    with pytest.raises(CheckpointError, match="no checkpoint that can be read") as told:
        checkpoints.load_newest(directory)
    assert "step-00000001/state.json is damaged" in str(told.value)
    assert "step-00000002 is no complete checkpoint" in str(told.value)


def test_an_interrupted_first_save_leaves_nothing_to_go_on_from(directory):
    storage.delete(storage.join(save(directory, step=1), "manifest.json"))
    assert checkpoints.load_newest(directory) is None


def test_what_could_not_be_asked_is_not_passed_over(directory, monkeypatch):
    """Older weights must not be taken because the network was down."""
    for step in (1, 2):
        save(directory, step=step)
    real = storage.open_read

    def open_read(path):
        if path.endswith("step-00000002/weights.safetensors"):
            raise StorageError("could not ask", reason=StorageReason.NO_ANSWER)
        return real(path)

    monkeypatch.setattr(storage, "open_read", open_read)
    with pytest.raises(StorageError, match="could not ask"):
        checkpoints.load_newest(directory)


# Deleting ----------------------------------------------------------------------------


def test_only_what_save_wrote_is_deleted(directory):
    for step in (1, 2):
        save(directory, step=step)
    note = storage.join(directory, "step-00000001", "note.txt")
    others = storage.join(directory, "step-best", "weights.safetensors")
    storage.write_text(note, "mine")
    storage.write_text(others, "mine too")
    checkpoints.delete_all(directory)
    assert checkpoints.list_steps(directory) == []
    assert storage.list_dir(directory) == ["step-00000001", "step-best"]
    assert storage.list_dir(storage.dirname(note)) == ["note.txt"]
    assert storage.exists(others)


def test_a_copy_that_is_under_way_is_not_deleted(directory):
    folder = storage.join(directory, "step-00000001")
    storage.write_text(storage.join(folder, "weights.safetensors"), "the first half")
    checkpoints.delete_all(directory)
    checkpoints.tidy(directory)
    assert storage.list_dir(folder) == ["weights.safetensors"]


@pytest.mark.parametrize("clear", [checkpoints.delete_all, checkpoints.tidy])
@pytest.mark.parametrize(
    "ending", ["weights.safetensors", "optimizer.safetensors", "manifest.json"]
)
def test_what_an_interrupted_save_left_is_deleted(
    directory, monkeypatch, ending, clear
):
    with monkeypatch.context() as patch:
        fail_at(patch, ending=ending)
        with pytest.raises(StorageError):
            save(directory, step=2)
    assert storage.list_dir(directory) == ["step-00000002"]
    clear(directory)
    assert storage.list_dir(directory) == []


def test_of_an_interrupted_replacement_the_earlier_one_is_left_alone(
    directory, monkeypatch
):
    folder = save(directory, step=2)
    note = storage.join(folder, "note.txt")
    storage.write_text(note, "mine")
    before = storage.list_dir(folder)
    with monkeypatch.context() as patch:
        fail_at(patch, ending="state.2.json")
        with pytest.raises(StorageError):
            save(directory, step=2, value=3.0)
    assert set(before) < set(storage.list_dir(folder))
    checkpoints.tidy(directory)
    assert storage.list_dir(folder) == before
    assert saved_value(folder) == 1.0


def test_there_is_nothing_to_tidy_where_nothing_is(directory):
    checkpoints.tidy(directory)
    assert not storage.exists(directory)


# Damage ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["weights.safetensors", "optimizer.safetensors", "state.json", "manifest.json"],
)
def test_a_flipped_bit_or_a_cut_at_any_place_is_found(directory, name):
    weights = {KERNEL: np.random.default_rng(0).random((20, 30), np.float32)}
    folder = checkpoints.save(
        directory, step=7, weights=weights, slots=weights, state={"seed": 1}
    )
    path = storage.join(folder, name)
    content = storage.read_bytes(path)
    places = np.linspace(0, len(content) - 1, 100).astype(int)
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << (place % 8)
        for damaged in (bytes(flipped), content[:place]):
            storage.write_bytes(path, damaged)
            assert is_refused_or_the_same(folder, name=name, weights=weights)
    storage.write_bytes(path, content)
    assert checkpoints.load(folder).step == 7


def is_refused_or_the_same(folder, *, name, weights):
    """Blanks between the words of a manifest may change without harm."""
    try:
        loaded = checkpoints.load(folder)
    except CheckpointError as error:
        return name in str(error)
    same = np.array_equal(loaded.weights[KERNEL], weights[KERNEL])
    return name == "manifest.json" and same and loaded.step == 7


def test_a_header_that_claims_more_than_there_is(directory):
    """An attacker can make the checksums fit; memory is taken for real bytes only."""
    folder = save(directory, step=1)
    claimed = {"w": {"dtype": "F32", "shape": [1 << 40], "data_offsets": [0, 1 << 42]}}
    for header in (json.dumps(claimed).encode(), b"[" * 5000, b""):
        for length in (len(header), 1 << 62):
            content = length.to_bytes(8, "little") + header
            storage.write_bytes(storage.join(folder, "weights.safetensors"), content)
            path = storage.join(folder, "manifest.json")
            manifest = json.loads(storage.read_text(path))
            manifest["files"]["weights"] |= {
                "size": len(content),
                "crc32c": f"{google_crc32c.value(content):08x}",
            }
            write_manifest(path, manifest)
            with pytest.raises(
                CheckpointError, match=r"weights\.safetensors: expected"
            ):
                checkpoints.load(folder)


def chose(step, score=0.5):
    """The state of a checkpoint whose run chose one."""
    chosen = {"best_by": "eval_loss", "best_step": step, "best_score": score}
    return {checkpoints.EVALUATIONS: chosen}


def saved(directory, step, state):
    weights = {"w": np.full(2, step, np.float32)}
    return checkpoints.save(
        directory, step=step, weights=weights, slots={}, state=state
    )


def test_the_best_is_the_one_that_the_newest_names(tmp_path):
    directory = str(tmp_path / checkpoints.DIRECTORY)
    assert checkpoints.best(directory) is None
    assert checkpoints.chosen(directory) is None
    for step, state in [(1, chose(1)), (2, chose(2, 0.25)), (3, chose(2, 0.25))]:
        folder = saved(directory, step, state)
    best = checkpoints.Best(step=2, by="eval_loss", score=0.25)
    assert checkpoints.best(directory) == best
    found = checkpoints.load_best(directory)
    assert found.step == 2
    assert found.slots == {}
    np.testing.assert_array_equal(found.weights["w"], [2, 2])
    assert checkpoints.chosen(directory).endswith("step-00000002")
    assert checkpoints.meant_by(str(tmp_path)) == checkpoints.chosen(directory)
    assert checkpoints.meant_by(folder) == folder
    assert checkpoints.load_newest(directory).step == 3


def test_a_run_that_chose_none_means_its_newest(tmp_path):
    directory = str(tmp_path)
    for step in (1, 2):
        saved(directory, step, {checkpoints.EVALUATIONS: {"pending": True}})
    assert checkpoints.load_best(directory) is None
    assert checkpoints.chosen(directory) == checkpoints.latest(directory)


def test_where_the_newest_cannot_be_read_the_one_before_names_the_best(tmp_path):
    directory = str(tmp_path)
    saved(directory, 1, chose(1))
    folder = saved(directory, 2, chose(2))
    storage.write_text(storage.join(folder, "state.json"), "{}")
    assert checkpoints.best(directory).step == 1


def test_no_other_checkpoint_stands_in_for_the_best(tmp_path):
    directory = str(tmp_path)
    saved(directory, 2, chose(1))
    with pytest.raises(CheckpointError, match=r"step-00000001 is no complete"):
        checkpoints.load_best(directory)
