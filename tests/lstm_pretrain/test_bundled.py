"""The language model that comes with the package."""

import glob
import os

import numpy as np
import pytest

from lstm_pretrain.classifier.preparation import prepare
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from runtime.errors import CheckpointError

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
PIECES = f"{ROOT}/lstm_pretrain/bundled/aozora-pieces"


def job_from(start, folder):
    """A classifier of six authors that starts from a language model."""
    return prepare(
        LstmClassifierSettings(
            task_name="authors",
            init_checkpoint=start,
            output_dir=str(folder / "out"),
            max_seq_length=16,
            do_train=True,
        )
    )


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    return job_from("bundled:aozora-pieces", tmp_path_factory.mktemp("bundled"))


def test_a_name_stands_for_its_folder(job, tmp_path):
    assert job.init_checkpoint == job_from(PIECES, tmp_path).init_checkpoint


def test_unknown_names_list_the_known(tmp_path):
    with pytest.raises(CheckpointError, match="There is: aozora-pieces"):
        job_from("bundled:pieces", tmp_path)


def test_it_brings_sizes_and_vocabulary(job):
    assert job.config.vocab_size == job.tokenizer.vocab_size == 8000
    assert (job.config.embedding_size, job.config.hidden_size) == (128, 128)


def test_its_weights_are_numbers(job):
    assert "encoder/embedding/embeddings" in job.initial.weights
    for name in job.initial.weights:
        assert np.isfinite(job.initial.weights[name]).all(), name


def test_it_is_small():
    files = glob.glob(f"{PIECES}/**", recursive=True)
    assert 0 < sum(os.path.getsize(path) for path in files) < 6_000_000
