"""Third floor: an LSTM language model, and the classifier it becomes.

settings.py      what both models' runs are told; each field is a flag
preparation.py   what both models' runs are made of
vocabularies.py  which tokenizer a run reads
data.py          texts as it reads them; a language model's targets

    classifier = lstm_pretrain.load("runs/lstm")
    classifier.predict(["走れメロス"])
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.serving.predictor import Predictor


def load(path: str, **devices: Any) -> Predictor:
    """Opens a trained classifier to be asked.

    Tokenizer, labels, thresholds, lengths and precision come with it; of a checkpoint
    the weights alone are read.

    Args:
        path: A run's folder, or one of its checkpoints; also in a bucket.
        devices: `accelerator`, `backend` and `precision`, as the flags of these names;
            by default what is there, and the run's precision.

    Raises:
        CheckpointError: There is no classifier, or it is damaged.
        SettingsError: Its tokenizer is not there.
        PlacementError: The devices are not there, or Keras runs on another backend.
    """
    from lstm_pretrain.classifier import loading  # which `import` need not load

    return loading.load(path, **devices)
