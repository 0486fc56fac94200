"""Runs that are asked."""

import json

import numpy as np
import pytest

from lstm_pretrain.classifier import run as lstm
from lstm_pretrain.classifier.preparation import prepare as prepare_lstm
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from processors.labels.targets import Objective
from processors.tokenization.units import Units
from tf_bert.classifier import run as bert
from tf_bert.classifier.preparation import prepare as prepare_bert
from tf_bert.classifier.settings import ClassifierSettings

LABELS = ("cold", "hot", "wet")
KINDS = {
    "label": {"label": "one"},
    "labels": {"label": "labels", "multi_label": True, "threshold": "best"},
    "number": {"label": "number", "objective": Objective.REGRESSION},
    "pairs": {"label": "one", "text_b": "second"},
}


@pytest.fixture(scope="session")
def task_dir(tmp_path_factory, small_task):
    """A `tsv` task of single texts or pairs, of every kind of target."""
    folder = tmp_path_factory.mktemp("asked")
    random = np.random.default_rng(0)
    for split, count in {"train": 64, "dev": 21, "test": 37}.items():
        lines = ["text\tsecond\tlabels\tnumber\tone"]
        for _ in range(count):
            has = [label for label in LABELS if random.random() < 0.4]
            more = random.choice(small_task.words, random.integers(0, 14))
            words = random.permutation([*has, "w1", *more])
            said = (" ".join(words), " ".join(more[:3]), ",".join(has))
            lines.append("\t".join([*said, str(len(has) / 2), "ab"[bool(has)]]))
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LABELS, *small_task.words]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    (folder / "bert_config.json").write_text(
        json.dumps({**small_task.sizes, "vocab_size": len(words)})
    )
    return folder


@pytest.fixture(scope="session")
def train(task_dir, place_on):
    """Trains, evaluates and predicts; returns the run's folder."""
    own = {
        "bert": {
            "bert_config_file": str(task_dir / "bert_config.json"),
            "vocab_file": str(task_dir / "vocab.txt"),
            "learning_rate": 3e-3,
        },
        "lstm": {
            "units": Units.WHITESPACE,
            "embedding_size": 6,
            "hidden_size": 8,
            "learning_rate": 0.03,
        },
    }

    def train(model, kind, output_dir, **others):
        values = {
            "task_name": "tsv",
            "data_dir": str(task_dir),
            "output_dir": str(output_dir),
            "max_seq_length": 16,
            "train_batch_size": 16,
            "predict_batch_size": 8,
            "max_steps": 12,
            **dict.fromkeys(("do_train", "do_eval", "do_predict"), True),
            **own[model],
            **KINDS[kind],
            **others,
        }
        if model == "bert":
            bert.run(prepare_bert(ClassifierSettings(**values)), placement=place_on())
        else:
            job = prepare_lstm(LstmClassifierSettings(**values))
            lstm.run(job, placement=place_on())
        return str(output_dir)

    return train


@pytest.fixture(scope="session")
def trained(train, tmp_path_factory):
    """The folder of a run of some model and kind; not to be changed."""
    made = {}

    def trained(model="bert", kind="label"):
        if (model, kind) not in made:
            folder = tmp_path_factory.mktemp(f"{model}_{kind}") / "run"
            made[model, kind] = train(model, kind, folder)
        return made[model, kind]

    return trained


@pytest.fixture(scope="session")
def test_texts(task_dir):
    """The texts, or the pairs, of the test split."""
    lines = (task_dir / "test.tsv").read_text().splitlines()[1:]
    rows = [line.split("\t") for line in lines]
    return lambda kind: [(r[0], r[1]) if kind == "pairs" else r[0] for r in rows]
