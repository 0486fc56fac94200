import dataclasses

import numpy as np
import pytest

from processors.batches.token_dataset import TokenDataset, offsets_of
from processors.pretraining import data_check
from processors.pretraining.dataset import (
    Description,
    Predictions,
    PretrainingDataset,
)
from processors.pretraining.settings import Mode
from runtime import storage

DESCRIPTION = Description(
    mode=Mode.DYNAMIC,
    objective="mlm",
    max_seq_length=8,
    max_predictions_per_seq=2,
    mlm_rates=(0.15,),
    tokenizer={},
    vocab_size=50,
    special_ids={},
)


def dataset(*sequences):
    ids = np.concatenate([np.array(each, np.int32) for each in sequences])
    return PretrainingDataset(
        tokens=TokenDataset(
            ids=ids,
            segments=np.zeros(len(ids), np.int8),
            offsets=offsets_of([len(each) for each in sequences]),
            label_ids=np.zeros(len(sequences), np.int32),
        ),
        predictions=None,
        starts_word=None,
        description=DESCRIPTION,
    )


def masked(plain, *, position, weight=1.0):
    """The same sequences with a token of each masked, and a filler after it."""
    count = len(plain)
    places = plain.tokens.offsets[:-1] + position
    ids = plain.tokens.ids.copy()
    ids[places] = 4
    pairs = {
        "positions": np.array([position, 0] * count, np.int32),
        "ids": np.stack([plain.tokens.ids[places], np.zeros(count, np.int32)], axis=1),
        "weights": np.array([weight, 0.0] * count, np.float32),
    }
    return dataclasses.replace(
        plain,
        tokens=dataclasses.replace(plain.tokens, ids=ids),
        predictions=Predictions(
            **{**pairs, "ids": pairs["ids"].ravel()}, offsets=offsets_of([2] * count)
        ),
    )


@pytest.fixture
def report(tmp_path):
    """Writes the report; returns its lines."""

    def report(training, evaluation):
        path = str(tmp_path / "data_report.txt")
        data_check.write(path, training=training, evaluation=evaluation)
        text = storage.read_text(path)
        return [" ".join(line.split()) for line in text.splitlines()]

    return report


def test_counts_of_both(report, caplog):
    training = dataset([10, 11], [12, 13, 14], [15, 16, 17, 18])
    lines = report(training, masked(dataset([20, 21, 22]), position=1))
    assert lines == [
        "Data report",
        "",
        "sequences tokens min median 95 % max masked",
        "training 3 9 2 3 4 4 in training",
        "evaluation 1 3 3 3 3 3 1",
    ]
    assert caplog.text == ""


def test_an_evaluation_of_what_is_trained_on_is_said(report, caplog):
    training = dataset([10, 11], [12, 13])
    text = " ".join(report(training, training))
    said = "Evaluation reads the sequences that are trained on"
    assert said in text
    assert said in caplog.text
    caplog.clear()
    assert said not in " ".join(report(training, None))
    assert caplog.text == ""


def test_copies_are_counted_whatever_is_masked_in_them(report, caplog):
    training = masked(dataset([10, 11, 12], [13, 14, 15]), position=0)
    others = masked(dataset([10, 11, 12], [13, 14, 16], [7, 8, 9]), position=2)
    said = "1 of 3 sequences that are evaluated on (33.33%) are also trained on."
    before = training.tokens.ids.copy()
    assert said in " ".join(report(training, others))
    assert said in caplog.text
    np.testing.assert_array_equal(training.tokens.ids, before)
