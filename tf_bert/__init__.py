"""Third floor: BERT, pre-trained, fine-tuned, read for its vectors, or asked.

classifier = tf_bert.load("runs/quickstart")
classifier.predict(["走れメロス"])
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipelines.serving.predictor import Predictor


def load(path: str, *, labels: Sequence[str] = (), **devices: Any) -> Predictor:
    """Opens a trained classifier to be asked.

    Tokenizer, labels, thresholds, lengths and precision come with it; of a checkpoint
    the weights alone are read.

    Args:
        path: A run's folder, one of its checkpoints, or a Hugging Face folder of a
            classifier; also in a bucket.
        labels: What its outputs are called, where nothing beside the weights says it.
        devices: `accelerator`, `backend` and `precision`, as the flags of these names;
            by default what is there, and the run's precision.

    Raises:
        CheckpointError: There is no classifier, or it is damaged.
        SettingsError: Its labels are not known, or its tokenizer is not there.
        PlacementError: The devices are not there, or Keras runs on another backend.
    """
    from tf_bert.classifier import loading  # which loads what `import tf_bert` need not

    return loading.load(path, labels=labels, **devices)
