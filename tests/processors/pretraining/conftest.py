"""A corpus, its vocabulary, and what the original makes of them."""

import os

import numpy as np
import pytest

from processors.pretraining.settings import PretrainingDataSettings

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden/pretraining")
DATA = os.path.join(os.path.dirname(__file__), "../../../processors/data")


@pytest.fixture
def sample():
    """The folder of the original's sample, vocabulary and results."""
    return GOLDEN


@pytest.fixture
def original():
    """The features that the original writes."""
    with np.load(f"{GOLDEN}/golden.npz") as file:
        return dict(file)


@pytest.fixture
def make_settings(tmp_path):
    """Settings for the sample, changed at will."""

    def make(**changes):
        return PretrainingDataSettings(
            **{
                "input_file": (f"{GOLDEN}/sample_text.txt",),
                "output_file": (str(tmp_path / "made.tf_record"),),
                "vocab_file": f"{GOLDEN}/vocab.txt",
                "max_seq_length": 64,
                "max_predictions_per_seq": 10,
                "dupe_factor": 2,
                **changes,
            }
        )

    return make


@pytest.fixture
def sentence_piece():
    """Flags of the shipped SentencePiece model."""
    return {
        "vocab_file": None,
        "model_file": f"{DATA}/aozora_spm_8k/aozora-ja.model",
    }
