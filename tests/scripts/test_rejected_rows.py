"""Rows that are rejected, whatever reads them and wherever the labels come from.

What the scripts do up to the model: no framework is needed.
"""

import dataclasses
import itertools
import json
import re

import pytest

from lstm_pretrain.classifier import settings as lstm_classifier_settings
from lstm_pretrain.classifier.preparation import prepare as prepare_classifier
from lstm_pretrain.language_model import settings as language_model_settings
from lstm_pretrain.language_model.preparation import prepare as prepare_language_model
from pipelines.classification import conversion
from pipelines.classification.conversion import ConversionSettings
from processors.readers.sieve import OnBadRow
from processors.tokenization.units import Units
from runtime.checkpoints import checkpoints
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"abcdefgh"]
SIZES = {
    "vocab_size": len(WORDS),
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 4,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}
DEALT = ("train:0.5", "dev:0.5")
GOOD = [
    f"{one} {other} {n}\t{'xy'[n % 2]}"
    for n, (one, other) in enumerate(itertools.permutations("abcd", 2))
]
BAD = ["no label", "three\tcolumns\there"]


@pytest.fixture
def data_dir(tmp_path):
    """A training file with two bad rows and a dev file with one."""
    for split, rows in {"train": [*GOOD[:3], *BAD, *GOOD[3:]], "dev": GOOD[:2]}.items():
        bad = [] if split == "train" else BAD[:1]
        lines = "\n".join(["text\tlabel", *rows, *bad])
        (tmp_path / f"{split}.tsv").write_text(lines + "\n")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "bert_config.json").write_text(json.dumps(SIZES))
    return tmp_path


def bert(folder, /, **values):
    return prepare(
        ClassifierSettings(
            vocab_file=f"{folder}/vocab.txt",
            bert_config_file=f"{folder}/bert_config.json",
            **values,
        )
    )


def lstm(folder, /, **values):
    del folder
    return prepare_classifier(
        lstm_classifier_settings.LstmClassifierSettings(
            units=Units.WHITESPACE, embedding_size=2, hidden_size=2, **values
        )
    )


def language_model(folder, /, **values):
    del folder
    return prepare_language_model(
        language_model_settings.LanguageModelSettings(
            units=Units.WHITESPACE, embedding_size=2, hidden_size=2, **values
        )
    )


@pytest.fixture
def common(data_dir):
    return {
        "task_name": "tsv",
        "data_dir": str(data_dir),
        "output_dir": str(data_dir / "out"),
        "max_seq_length": 8,
        "train_batch_size": 2,
        "max_steps": 1,
        "on_bad_row": OnBadRow.REJECT,
    }


def rejected(data_dir):
    """Number of rejected rows by the split that they are of."""
    found = (data_dir / "out").glob("*.rejects.jsonl")
    return {
        path.name.partition(".")[0]: len(path.read_text().splitlines())
        for path in found
    }


def written(job, data_dir):
    """What the run of a job leaves of them once its folder is its own."""
    for split in job.splits:
        job.rows.write_rejects(split, folder=job.output_dir)
    return rejected(data_dir)


LABELS = pytest.mark.parametrize("labels", [(), ("x", "y")])
SPLIT = pytest.mark.parametrize("split", [(), DEALT])
PREPARE = pytest.mark.parametrize("prepared", [bert, lstm, language_model])


@LABELS
@SPLIT
@PREPARE
def test_a_run_that_trains(data_dir, common, prepared, labels, split):
    job = prepared(
        data_dir, **common, labels=labels, split=split, do_train=True, do_eval=True
    )
    total = sum(len(job.rows.examples(name)) for name in ("train", "dev"))
    assert total == len(GOOD) + (0 if split else 2)
    assert job.labels == ("x", "y")
    assert not (data_dir / "out").exists()
    expected = {"train": 2} if split else {"train": 2, "dev": 1}
    assert written(job, data_dir) == expected


@LABELS
@SPLIT
@PREPARE
def test_a_run_that_only_evaluates(data_dir, common, prepared, labels, split):
    given = {**common, "labels": labels, "split": split}
    trained = prepared(data_dir, **given, do_train=True)
    checkpoints.save(
        trained.checkpoint_dir, step=1, weights={}, slots={}, state=trained.state()
    )
    keep_vocabulary(trained, data_dir)
    job = prepared(data_dir, **given, do_train=False, do_eval=True)
    assert job.labels == ("x", "y")
    if job.report:
        assert "could not be read" not in job.report
        count = len(job.rows.examples("train"))
        assert re.search(rf"^train +{count} ", job.report, re.MULTILINE)
    expected = {"train": 2} if split else {"dev": 1}
    assert written(job, data_dir) == expected


def keep_vocabulary(job, data_dir):
    tokens = job.tokenizer.vocabulary.tokens
    text = "".join(f"{tokens[n]}\n" for n in range(job.tokenizer.vocab_size))
    (data_dir / "out" / "vocab.txt").write_text(text)


@LABELS
@SPLIT
@pytest.mark.parametrize("splits", [(), ("dev",), ("dev", "train")])
def test_a_conversion(data_dir, labels, split, splits):
    settings = ConversionSettings(
        task_name="tsv",
        data_dir=str(data_dir),
        output_dir=str(data_dir / "out"),
        vocab_file=str(data_dir / "vocab.txt"),
        max_seq_length=8,
        on_bad_row=OnBadRow.REJECT,
        labels=labels,
        split=split,
        splits=splits or ("train", "dev"),
    )
    conversion.run(settings)
    sources = {"train"} if split else set(settings.splits)
    expected = {"train": 2, "dev": 1}
    assert rejected(data_dir) == {name: expected[name] for name in sources}
    (data_dir / "out" / "dev.rejects.jsonl").write_text("of an earlier one\n")
    (data_dir / "dev.tsv").write_text("\n".join(["text\tlabel", *GOOD]) + "\n")
    conversion.run(dataclasses.replace(settings, split=(), splits=("dev",)))
    assert "dev" not in rejected(data_dir)


def test_without_rejects_a_bad_row_ends_it(data_dir, common):
    for name, values in (
        ("train", {"do_train": True}),
        ("dev", {"do_train": True, "do_eval": True, "train_file": "dev2.tsv"}),
    ):
        (data_dir / "dev2.tsv").write_text("\n".join(["text\tlabel", *GOOD]) + "\n")
        with pytest.raises(ValueError, match=rf"{name}\.tsv:\d+: expected 2 columns"):
            bert(data_dir, **{**common, "on_bad_row": OnBadRow.ERROR, **values})
