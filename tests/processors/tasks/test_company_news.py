import itertools
import os
import subprocess
import sys

import pytest

from processors.data_check import leakage
from processors.data_check.leakage import ComparedSplit
from processors.tasks import registry
from runtime import storage

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(__file__))))
SCRIPT = os.path.join(ROOT, "scripts", "make_company_news.py")


@pytest.fixture(scope="module")
def splits():
    processor = registry.create("company_news")
    folder = processor.default_data_dir
    return {
        "train": processor.get_train_examples(folder),
        "dev": processor.get_dev_examples(folder),
        "test": processor.get_test_examples(folder),
    }


def test_sizes(splits):
    sizes = {name: len(examples) for name, examples in splits.items()}
    assert sizes == {"train": 931, "dev": 574, "test": 578}
    labels = {example.label for examples in splits.values() for example in examples}
    assert labels == {"negative", "positive"}


def test_nothing_leaks(splits):
    compared = map(ComparedSplit, splits.values())
    for other, split in itertools.combinations(compared, 2):
        found = leakage.compare(split, other=other)
        assert (found.copies, found.near_copies, found.shared_groups) == ({}, {}, 0)


def test_the_data_is_small_and_says_whose_it_is():
    folder = registry.find("company_news").default_data_dir
    names = storage.list_dir(folder)
    assert names == ["README.txt", "dev.tsv", "test.tsv", "train.tsv"]
    assert sum(storage.size(storage.join(folder, name)) for name in names) < 600_000
    text = storage.read_text(storage.join(folder, "README.txt"))
    assert "CC BY 4.0" in text
    assert "github.com/chakki-works/chABSA-dataset" in text


@pytest.mark.slow
def test_the_shipped_data_is_what_the_script_makes(tmp_path):
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/chabsa")
    folder = os.path.join(shared, "data", "chabsa")
    subprocess.run(
        [sys.executable, SCRIPT, f"--data_dir={folder}", f"--output_dir={tmp_path}"],
        env={**os.environ, "PYTHONPATH": ROOT},
        check=True,
    )
    shipped = registry.find("company_news").default_data_dir
    for split in ("train.tsv", "dev.tsv", "test.tsv"):
        made = storage.read_bytes(str(tmp_path / split))
        assert made == storage.read_bytes(storage.join(shipped, split))
