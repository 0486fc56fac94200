"""The language model that comes with the package."""

import glob
import os

import numpy as np
import pytest

from lstm_pretrain.classifier.preparation import prepare
from lstm_pretrain.classifier.settings import LstmClassifierSettings

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))
LETTERS = f"{ROOT}/lstm_pretrain/bundled/aozora-letters"


@pytest.fixture(scope="module")
def job(tmp_path_factory):
    """A classifier of six authors that starts from it."""
    return prepare(
        LstmClassifierSettings(
            task_name="authors",
            init_checkpoint=LETTERS,
            output_dir=str(tmp_path_factory.mktemp("bundled") / "out"),
            max_seq_length=16,
            do_train=True,
        )
    )


def test_it_brings_sizes_and_vocabulary(job):
    assert job.config.vocab_size == job.tokenizer.vocab_size == 2500
    assert (job.config.embedding_size, job.config.hidden_size) == (64, 128)


def test_its_weights_are_numbers(job):
    assert "encoder/embedding/embeddings" in job.initial.weights
    for name in job.initial.weights:
        assert np.isfinite(job.initial.weights[name]).all(), name


def test_it_is_small():
    files = glob.glob(f"{LETTERS}/**", recursive=True)
    assert 0 < sum(os.path.getsize(path) for path in files) < 5_000_000
