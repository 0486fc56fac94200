"""Whatever classifier a path means, opened to be asked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import lstm_pretrain
import tf_bert
from pipelines.serving.predictor import Predictor
from runtime.errors import SettingsError
from runtime.training import trained_run

_LSTM = "lstm_config"


def load(path: str, *, labels: Sequence[str] = (), **devices: Any) -> Predictor:
    """Opens a trained classifier, of the kind that its checkpoint says.

    Args:
        path: See `tf_bert.load` and `lstm_pretrain.load`.
        labels: See there.
        devices: See there.

    Raises:
        SettingsError: Labels are named of a model that names its own.
    """
    if _LSTM not in trained_run.state_of(path):
        return tf_bert.load(path, labels=labels, **devices)
    if labels:
        raise SettingsError(f"--labels: the run in {path} knows its labels.")
    return lstm_pretrain.load(path, **devices)
