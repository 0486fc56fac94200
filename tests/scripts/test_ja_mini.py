"""The recipe of the model in the box, on a few works, killed midway."""

import io
import os
import signal
import subprocess
import sys
import tarfile
import time

import pytest

from processors.corpora.authors import AUTHORS
from processors.tasks import registry
from processors.tokenization import hugging_face
from tf_bert.formats import find

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUDGET = {
    "VOCABULARY": "2000",
    "COVERAGE": "0.98",
    "SAMPLED": "0.8",
    "SHORT_STEPS": "6",
    "LONG_STEPS": "3",
    "BATCH": "8",
    "LONG_BATCH": "2",
    "PRECISION": "float32",
}
MADE = (
    "corpus/train.txt",
    "tokenizer/sentencepiece.model",
    "data/train128.tf_record",
    "data/heldout512.tf_record",
    "model/model.safetensors",
    "model/config.json",
    "model/README.md",
)


@pytest.fixture
def archive(tmp_path):
    """Works of the shipped paragraphs, laid out as Aozora does."""
    task = registry.create("authors")
    folder = task.default_data_dir
    examples = task.get_train_examples(folder)[:900] + task.get_dev_examples(folder)
    names = {label: name for name, label in AUTHORS.items()}
    works = {}
    for example in examples:
        works.setdefault((example.group, names[example.label]), []).append(
            example.text_a
        )
    path = tmp_path / "works.tar"
    with tarfile.open(path, "w") as tar:
        for (number, author), texts in works.items():
            body = "\r\n".join(texts)
            text = f"題{number}\r\n{author}\r\n\r\n{body}\r\n\r\n底本：本\r\n"
            content = text.encode("cp932")
            member = tarfile.TarInfo(
                f"cards/000001/files/{number}_txt/{number}_txt.txt"
            )
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return str(path)


def start(archive, folder, *, config):
    path = f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["bash", "recipes/ja_mini.sh", archive, str(folder)],
        cwd=ROOT,
        env={
            **os.environ,
            **BUDGET,
            "PATH": path,
            "PYTHONPATH": ROOT,
            "CONFIG": str(config),
        },
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_killed_in_every_kind_of_step_it_makes_the_same_model(archive, tmp_path):
    config = tmp_path / "tiny.json"
    with open(f"{ROOT}/recipes/ja_mini.json", encoding="utf-8") as file:
        sizes = file.read().replace("16000", "2000").replace("256", "16")
    config.write_text(sizes.replace('layers": 4', 'layers": 1'))
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    process = start(archive, whole, config=config)
    log, _ = process.communicate()
    assert process.returncode == 0, log
    for step in ("tokenizer", "train-128", "pretraining-128", "pretraining-512"):
        process = start(archive, killed, config=config)
        while f"== {step}" not in process.stdout.readline():
            assert process.poll() is None
        time.sleep(2)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        assert not (killed / "done" / step).exists()
    process = start(archive, killed, config=config)
    log, _ = process.communicate()
    assert process.returncode == 0, log
    assert "== corpus" not in log
    for name in MADE:
        assert (whole / name).read_bytes() == (killed / name).read_bytes(), name
    found = find.open_source(str(whole / "model"))
    tokenizer = hugging_face.read(str(whole / "model"))
    assert found.special_ids == tokenizer.special.known()
