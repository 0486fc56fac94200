"""Whatever classifier a path means, opened to be asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from lstm_pretrain.classifier import loading as lstm
from pipelines.classification import best_seed
from pipelines.serving.predictor import Predictor, open_predictor
from pipelines.serving.served import Served
from pipelines.serving.settings import ModelSettings
from runtime.training import trained_run
from tf_bert.classifier import loading as bert

_LSTM = "lstm_config"


def served_of(path: str) -> Callable[..., Served]:
    """What gives the classifier at a path, by the kind that its checkpoint says."""
    return lstm.served if _LSTM in trained_run.state_of(path) else bert.served


def load(path: str, *, labels: Sequence[str] = (), **devices: Any) -> Predictor:
    """Opens a trained classifier of any kind.

    Args:
        path: See `tf_bert.load` and `lstm_pretrain.load`.
        labels: See there.
        devices: See there.
    """
    meant = best_seed.folder_meant(path)
    return open_predictor(served_of(meant)(meant, labels=labels), **devices)


def open_model(settings: ModelSettings) -> Predictor:
    """Opens the classifier that flags name, on the devices that they ask for."""
    backend, precision = settings.backend, settings.precision
    return load(
        str(settings.model),
        labels=settings.labels,
        accelerator=settings.accelerator.value,
        backend=None if backend is None else backend.value,
        precision=None if precision is None else precision.value,
    )
