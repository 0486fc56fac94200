"""Twenty updates of each pipeline on what the package ships.

Their losses lie in golden/loss_traces, a file a backend. A change that should not alter
results leaves them; one that should writes them anew, and says what is gained:

    KERAS_BACKEND=jax python -m tests.loss_traces
"""

import json
import os
import tempfile

from lstm_pretrain.classifier import preparation as lstm_classifier
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.language_model import preparation as language_model
from lstm_pretrain.language_model.settings import LanguageModelSettings
from processors.batches.batch_shape import PadTo
from processors.pretraining.settings import PretrainingTask
from processors.tokenization.units import Units
from runtime import storage
from runtime.devices.placement import Accelerator, Backend, place
from tf_bert.classifier import preparation as bert_classifier
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.pretraining import preparation as masked_lm
from tf_bert.pretraining.settings import PretrainingSettings

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDER = os.path.join(ROOT, "tests/golden/loss_traces")
UPDATES = 20

TOKENS = {"model_file": f"{ROOT}/processors/data/aozora_spm_8k/aozora-ja.model"}
BERT = {**TOKENS, "bert_config_file": f"{ROOT}/recipes/bert_tiny.json"}
TRAINING = {"do_train": True, "train_batch_size": 8, "learning_rate": 1e-3}
AUTHORS = {"task_name": "authors", "max_steps": UPDATES, "pad_to": PadTo.MAX}
LSTM = {
    **{"units": Units.CHARACTER, "vocab_size": 500, "max_seq_length": 32},
    **{"embedding_size": 16, "hidden_size": 16},
}
STORY = {
    "text_file": (f"{ROOT}/processors/data/merosu/merosu.sjis.txt",),
    "text_encoding": "cp932",
    "split_sentences": True,
    "objective": PretrainingTask.MLM,
    "max_predictions_per_seq": 5,
    "train_steps": UPDATES,
    "num_warmup_steps": 2,
}

# Pipeline -> what prepares a run, and its settings.
PIPELINES = {
    "bert_classifier": (
        bert_classifier,
        ClassifierSettings,
        {**BERT, **TRAINING, **AUTHORS, "max_seq_length": 32},
    ),
    "masked_lm": (
        masked_lm,
        PretrainingSettings,
        {**BERT, **TRAINING, **STORY, "max_seq_length": 32},
    ),
    "lstm_language_model": (
        language_model,
        LanguageModelSettings,
        {**TRAINING, **AUTHORS, **LSTM},
    ),
    "lstm_classifier": (
        lstm_classifier,
        LstmClassifierSettings,
        {**TRAINING, **AUTHORS, **LSTM},
    ),
}


def losses(pipeline, *, folder, placement):
    """The loss of each update, in float32, by a run in the folder."""
    from lstm_pretrain.classifier import run as fine_tune
    from lstm_pretrain.language_model import run as read
    from tf_bert.classifier import run as classify
    from tf_bert.pretraining import run as pretrain

    runs = dict(zip(PIPELINES, (classify, pretrain, read, fine_tune), strict=True))
    preparation, settings, values = PIPELINES[pipeline]
    job = preparation.prepare(settings(**values, output_dir=folder))
    runs[pipeline].run(job, placement=placement)
    rows = map(json.loads, storage.read_text(f"{folder}/metrics.jsonl").splitlines())
    return [row["loss"] for row in rows if "learning_rate" in row]


def path_of(backend):
    return os.path.join(FOLDER, f"{backend.value}.json")


def main():
    backend = Backend(os.environ["KERAS_BACKEND"])
    placement = place(Accelerator.CPU, backend=backend)
    with tempfile.TemporaryDirectory() as folder:
        found = {
            name: losses(name, folder=f"{folder}/{name}", placement=placement)
            for name in PIPELINES
        }
    storage.make_dirs(FOLDER)
    storage.write_text(path_of(backend), json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
