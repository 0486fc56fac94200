"""A trained classifier, opened to be asked."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from lstm_pretrain import data
from lstm_pretrain.classifier.settings import ClassifierStepSettings
from lstm_pretrain.model.config import LstmConfig, StatePooling
from pipelines.classification import best_seed
from pipelines.serving import recorded as recorded_runs
from pipelines.serving.predictor import Predictor, open_predictor
from pipelines.serving.recorded import Recorded
from pipelines.serving.served import Reading, Served
from processors.batches.batch_shape import PadTo
from processors.batches.features import Features, TokenCounts
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.tokenization.base import Tokenizer
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Placement
from runtime.errors import CheckpointError, SettingsError
from runtime.training import untrained

_CONFIG = "lstm_config"
_NAME = "LSTM"


def load(path: str, **devices: Any) -> Predictor:
    """Opens a classifier; see `lstm_pretrain.load`."""
    return open_predictor(served(best_seed.folder_meant(path)), **devices)


def served(path: str, *, labels: Sequence[str] = ()) -> Served:
    """A trained classifier, before a framework loads.

    Args:
        path: See `lstm_pretrain.load`.
        labels: None are to be named: its run knows them.

    Raises:
        CheckpointError: There is none, or it is no classifier.
        SettingsError: Its tokenizer is not there, or labels were named.
    """
    run = _run(path)
    if labels:
        raise SettingsError(f"--labels: the run in {path} knows its labels.")
    labels, targets = tuple(run.state["labels"]), run.targets or Targets.LABEL
    settings = _settings(run)
    tokenizer = run.tokenizer()
    return Served(
        path=path,
        name=_NAME,
        labels=labels,
        targets=targets,
        thresholds=run.thresholds(labels),
        pairs=run.pairs,
        tokenizer=tokenizer,
        features=functools.partial(
            _features,
            tokenizer=tokenizer,
            labels=labels,
            targets=targets,
            max_seq_length=run.max_seq_length,
        ),
        reading=Reading(
            max_seq_length=run.max_seq_length,
            batch_size=run.batch_size,
            pad_to=settings.pad_to,
            buckets=settings.buckets,
        ),
        precision=run.precision,
        backend=run.backend,
        step=run.step,
        build=functools.partial(_build, run, settings, num_labels=len(labels)),
        weights=functools.partial(_weights, run),
        has_special_tokens=False,
    )


def _run(path: str) -> Recorded:
    """The run at a path.

    Raises:
        CheckpointError: There is none, or it is no LSTM classifier's.
    """
    run = recorded_runs.read(path)
    if run is None:
        raise CheckpointError(
            f"{path} holds no complete checkpoint. Name the output folder of"
            " scripts/finetune_lstm.py."
        )
    if _CONFIG not in run.state or not run.state.get("labels"):
        raise CheckpointError(
            f"{path}: expected the run of an LSTM classifier, as"
            " scripts/finetune_lstm.py leaves it, found another."
        )
    return run


def _settings(run: Recorded) -> ClassifierStepSettings:
    """What of a run's settings decides the steps of its model."""
    said = {"pooling": StatePooling, "pad_to": PadTo}
    values: dict[str, Any] = {
        name: kind(run.settings[name])
        for name, kind in said.items()
        if name in run.settings
    }
    return ClassifierStepSettings(max_seq_length=run.max_seq_length, **values)


def _features(
    examples: Iterable[InputExample],
    counts: TokenCounts,
    *,
    tokenizer: Tokenizer,
    labels: Sequence[str],
    targets: Targets,
    max_seq_length: int,
) -> Iterator[Features]:
    return data.classifier_rows(
        examples,
        tokenizer=tokenizer,
        labels=labels,
        max_seq_length=max_seq_length,
        counts=counts,
        targets=targets,
    )


def _build(
    run: Recorded,
    settings: ClassifierStepSettings,
    placement: Placement,
    *,
    num_labels: int,
) -> Any:
    from lstm_pretrain.classifier.model import build_classifier  # Keras is bound by now

    return build_classifier(
        LstmConfig(**run.state[_CONFIG]),
        settings=settings,
        num_labels=num_labels,
        accelerator=placement.accelerator,
        dtype=placement.precision.keras_policy,
    )


def _weights(
    run: Recorded, shapes: Mapping[str, tuple[int, ...]]
) -> Mapping[str, np.ndarray]:
    """The weights of its checkpoint.

    Raises:
        CheckpointError: It is damaged, or of another model.
    """
    found = checkpoints.load(run.checkpoint, with_slots=False)
    missing = sorted(set(shapes) - set(found.weights))
    untrained.refuse(
        missing, path=run.checkpoint, work="answers", advice="Name a classifier's."
    )
    values = {name: found.weights[name] for name in shapes}
    found.close()
    return values
