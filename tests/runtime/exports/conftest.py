"""Classifiers with random weights, on plain rows."""

import functools

import numpy as np
import pytest

from lstm_pretrain.classifier.model import build_classifier as build_lstm
from lstm_pretrain.classifier.settings import ClassifierStepSettings
from lstm_pretrain.model.config import LstmConfig, StatePooling
from processors.batches.batch_shape import PadTo
from runtime.devices.placement import Accelerator
from runtime.exports import rows_model
from runtime.exports.row_inputs import Reading
from tf_bert.classifier.heads import build_classifier as build_bert
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.model.config import BertConfig

VOCABULARY = 50


def bert(hidden_act="gelu"):
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=24,
        type_vocab_size=2,
        hidden_act=hidden_act,
    )
    return build_bert(config, num_labels=3, trained_part=TrainedPart(), dtype="float32")


def lstm(pooling=StatePooling.MEAN, pad_to=PadTo.PACK, **sizes):
    config = LstmConfig(vocab_size=VOCABULARY, embedding_size=6, hidden_size=8, **sizes)
    return build_lstm(
        config,
        settings=ClassifierStepSettings(
            max_seq_length=24, pooling=pooling, pad_to=pad_to
        ),
        num_labels=3,
        accelerator=Accelerator.CPU,
        dtype="float32",
    )


MODELS = {
    "bert": bert,
    "bert of Hugging Face": functools.partial(bert, hidden_act="gelu_exact"),
    "lstm": lstm,
    "lstm, all of it": functools.partial(
        lstm,
        pooling=StatePooling.CONCAT,
        pad_to=PadTo.MAX,
        bidirectional=True,
        num_layers=2,
    ),
}


@pytest.fixture(scope="session", params=MODELS.values(), ids=MODELS)
def model(request, place_on):
    """A classifier of three labels."""
    place_on()
    random = np.random.default_rng(0)

    def weights(shapes):
        return {name: random.normal(0, 0.3, shape) for name, shape in shapes.items()}

    return rows_model.make(request.param, weights=weights, reading=Reading.ONE)


@pytest.fixture
def rows():
    """Makes rows of random ids: `rows(sizes)`, padded to the longest or to a length."""
    random = np.random.default_rng(1)

    def rows(sizes, length=None):
        ids = np.zeros((len(sizes), length or max(sizes)), np.int32)
        mask = np.zeros_like(ids)
        for row, size in enumerate(sizes):
            ids[row, :size] = random.integers(5, VOCABULARY, size)
            mask[row, :size] = 1
        return {"input_ids": ids, "input_mask": mask, "segment_ids": np.zeros_like(ids)}

    return rows
