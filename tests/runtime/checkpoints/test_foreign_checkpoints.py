import pytest

from runtime.checkpoints import foreign_checkpoints
from runtime.errors import CheckpointError

FILES = [
    "checkpoint",
    "model.ckpt-500.index",
    "ckpt-1.index",
    "model.ckpt",
    "pytorch_model.bin",
    "pytorch_model-00001-of-00002.bin",
    "model.safetensors",
    "best.keras",
    "model.weights.h5",
    "tf_model.h5",
]


@pytest.mark.parametrize("name", FILES)
def test_files_of_other_programs(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    assert foreign_checkpoints.find(str(tmp_path)) == str(tmp_path / name)


def test_the_newest_folder_of_a_trainer(tmp_path):
    for name in ("checkpoint-500", "checkpoint-1000", "runs"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(b"")
    newest = str(tmp_path / "checkpoint-1000")
    assert foreign_checkpoints.find(str(tmp_path)) == newest
    with pytest.raises(CheckpointError, match=f"--init_checkpoint={newest}"):
        foreign_checkpoints.refuse(str(tmp_path), init_checkpoint=None)


def test_what_is_none(tmp_path):
    for name in (
        "data_report.txt",
        "train.tsv",
        "vocab.txt",
        "c.json",
        "spm.model",
    ):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "checkpoints").mkdir()
    assert foreign_checkpoints.find(str(tmp_path)) is None
    assert foreign_checkpoints.find(str(tmp_path / "nothing")) is None


def test_it_is_refused_unless_it_is_what_is_started_from(tmp_path):
    (tmp_path / "model.ckpt-5.index").write_bytes(b"")
    folder = str(tmp_path)
    for start in (None, str(tmp_path.parent / "other"), f"{folder}-2/model.ckpt"):
        with pytest.raises(CheckpointError) as caught:
            foreign_checkpoints.refuse(folder, init_checkpoint=start)
    assert str(caught.value) == (
        f"{folder}/model.ckpt-5.index is a checkpoint of another program, and"
        f" --output_dir={folder} would not go on from it. Choose another --output_dir;"
        f" to start from its weights, add --init_checkpoint={folder}."
    )
    for start in (folder, f"{folder}/", f"{folder}/model.ckpt-5"):
        foreign_checkpoints.refuse(folder, init_checkpoint=start)
