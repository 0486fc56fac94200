"""The golden encoder-decoders and their batches; see golden/bert2bert/README.txt."""

import os

import numpy as np
import pytest

from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime.engine import engine
from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings
from tf_bert.seq2seq import modeling, start
from tf_bert.seq2seq.objective import Seq2SeqObjective

FOLDER = os.path.join(os.path.dirname(__file__), "../../golden/bert2bert")
NAMES = ("equal", "projected")
# What projects from one width to another has all that the other has.
BOTH = [pytest.param("equal", marks=pytest.mark.slow), "projected"]
PADDING = -100  # among labels
SOURCES = {"input_ids", "position_ids", "example_ids"}


def folder(name):
    return os.path.join(FOLDER, name)


def golden(name):
    with np.load(os.path.join(folder(name), "golden.npz")) as file:
        return dict(file)


def make_engine(name, placement, *, objective=None, clip_norm=1.0, dtype="float32"):
    """An engine with the golden weights and the optimiser of the golden run."""
    opened = start.open_start(init_checkpoint=folder(name))
    config = start.find_config(opened, bert_config_file=None, model_file=None)
    made = engine.create(
        placement,
        build_model=lambda: modeling.build_encoder_decoder(config, dtype=dtype),
        objective=objective or Seq2SeqObjective(),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAMW,
            learning_rate=1e-3,
            num_train_steps=20,
            num_warmup_steps=2,
            weight_decay=0.0,
            # torch adds its 1e-8 after the bias correction, Keras before: there, it is
            # 3e-10 in the first update and 1.4e-9 in the twentieth.
            adam_epsilon=1e-9,
            max_grad_norm=clip_norm,
        ),
        seed=1,
    )
    assert start.initialise(opened, made).missing == []
    return made


def sources(input_ids, attention_mask):
    """The source grids of texts, one a row."""
    mask = attention_mask.astype(np.int32)
    places = np.broadcast_to(np.arange(mask.shape[-1]), mask.shape)
    return {
        "input_ids": input_ids.astype(np.int32),
        "position_ids": (places * mask).astype(np.int32),
        "example_ids": mask,
    }


def targets(labels, *, cls=2):
    """The target grids and the flat arrays of one slice `[rows, target_len]`."""
    mask = (labels != PADDING).astype(np.int32)
    given = np.concatenate([np.full_like(labels[:, :1], cls), labels[:, :-1]], axis=1)
    positions = np.flatnonzero(mask)
    room = labels.size - len(positions)
    return {
        "decoder_input_ids": (given * mask).astype(np.int32),
        "decoder_position_ids": (np.arange(labels.shape[1]) * mask).astype(np.int32),
        "decoder_example_ids": mask,
        "target_positions": np.pad(positions, (0, room)).astype(np.int32),
        "target_ids": np.pad(labels.ravel()[positions], (0, room)).astype(np.int32),
        "target_weight": np.pad(np.ones(len(positions), np.float32), (0, room)),
    }


def update(input_ids, attention_mask, labels):
    """The arrays of one update, `[1, accumulation, 1, ...]`, of slices of pairs."""
    slices = [
        sources(*each[:2]) | targets(each[2])
        for each in zip(input_ids, attention_mask, labels.astype(np.int32), strict=True)
    ]
    arrays = {name: np.stack([s[name] for s in slices]) for name in slices[0]}
    arrays["target_weight"] /= arrays["target_weight"].sum()
    return {name: value[None, :, None] for name, value in arrays.items()}


def dataset(golden):
    """The golden batch of the forward pass without its padding."""
    features = [
        Features(
            input_ids=ids[mask > 0].astype(np.int32),
            segment_ids=np.zeros(mask.sum(), np.int32),
            label_id=None,
            target_ids=labels[labels != PADDING].astype(np.int32),
        )
        for ids, mask, labels in zip(
            golden["forward/input_ids"],
            golden["forward/attention_mask"],
            golden["forward/labels"],
            strict=True,
        )
    ]
    return TokenDataset.from_features(features)


def forward(golden):
    """The arrays of the golden batch of the forward pass, as one update."""
    names = ("input_ids", "attention_mask", "labels")
    return update(*(golden[f"forward/{name}"][None] for name in names))
