import io
import os
import subprocess
import sys
import tarfile

import pytest

from processors.corpora.authors import AUTHORS
from processors.tasks import registry
from runtime import storage

SCRIPT = os.path.join(os.path.dirname(__file__), "../../scripts/make_authors_data.py")


def run(*flags):
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.dirname(SCRIPT))}
    return subprocess.run(
        [sys.executable, SCRIPT, *flags],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


KANJI = [c for c in map(chr, range(0x4E00, 0x9FA0)) if c.encode("cp932", "ignore")]


def body(seed):
    letters = [KANJI[(seed * 211 + k * k) % 5000] for k in range(70)]
    return f"　{''.join(letters)}だった。"


@pytest.fixture
def archive(tmp_path):
    path = tmp_path / "works.tar.xz"
    with tarfile.open(path, "w:xz") as tar:
        for number in range(60):
            author = list(AUTHORS)[number % 6]
            text = f"題{number}\r\n{author}\r\n\r\n{body(number)}\r\n\r\n底本：本\r\n"
            content = text.encode("cp932")
            name = f"cards/000001/files/{number}_txt_1/{number}_txt_1.txt"
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return str(path)


def test_it_writes_what_the_task_reads(archive, tmp_path):
    out = str(tmp_path / "out")
    done = run(
        f"--archive={archive}", f"--output_dir={out}", "--train_size=3", "--test_size=1"
    )
    assert done.returncode == 0, done.stderr
    assert "18 paragraphs of 18 works" in done.stdout
    examples = registry.create("authors").get_train_examples(out)
    assert sorted(example.label for example in examples) == sorted(
        [*AUTHORS.values()] * 3
    )


def test_an_archive_that_is_not_there_is_a_sentence(tmp_path):
    done = run(f"--archive={tmp_path}/none.tar.xz", f"--output_dir={tmp_path}")
    assert done.returncode == 1
    assert (
        done.stderr == f"error: Cannot read {tmp_path}/none.tar.xz: does not exist.\n"
    )


@pytest.mark.slow
def test_the_shipped_data_is_what_it_makes(tmp_path):
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/aozora")
    archive = os.path.join(shared, "data", "aozora", "aozora-six-authors.tar.xz")
    done = run(f"--archive={archive}", f"--output_dir={tmp_path}")
    assert done.returncode == 0, done.stderr
    shipped = registry.find("authors").default_data_dir
    for split in ("train.tsv", "dev.tsv", "test.tsv"):
        made = storage.read_bytes(str(tmp_path / split))
        assert made == storage.read_bytes(storage.join(shipped, split))
