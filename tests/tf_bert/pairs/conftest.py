"""A small task on pairs, and a bi-encoder trained on it."""

import dataclasses
import json

import numpy as np
import pytest

from tests.tf_bert.pairs import golden
from tf_bert.pairs import run as pairs_run
from tf_bert.pairs.preparation import prepare
from tf_bert.pairs.settings import BiEncoderSettings

LABELS = ("even", "odd", "other")
STEPS = 6


def write_table(path, rows):
    lines = ["first\tsecond\tlabel", *("\t".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def golden_rows():
    texts = golden.SPEC["texts"]
    return [
        (texts[first], texts[second], LABELS[label])
        for (first, second), label in zip(
            golden.SPEC["pairs"], golden.SPEC["labels"], strict=True
        )
    ]


@pytest.fixture(scope="session")
def pairs_task(tmp_path_factory):
    """A folder with the golden pairs as all three splits; not to be changed."""
    folder = tmp_path_factory.mktemp("pairs_task")
    for name in ("train", "dev", "test"):
        write_table(folder / f"{name}.tsv", golden_rows())
    texts = {f"t{n}": text for n, text in enumerate(golden.SPEC["texts"])}
    (folder / "texts.json").write_text(json.dumps(texts), encoding="utf-8")
    pairs = [[f"t{a}", f"t{b}"] for a, b in golden.SPEC["pairs"]]
    (folder / "pairs.json").write_text(json.dumps(pairs), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def task_settings(pairs_task):
    """What a run on the task takes."""
    return {
        "task_name": "tsv",
        "data_dir": str(pairs_task),
        "text_a": "first",
        "text_b": "second",
        "label": "label",
        "labels": LABELS,
        "init_checkpoint": golden.ENCODER,
        "tokenizer_dir": golden.ENCODER,
        "max_seq_length": 40,
        "train_batch_size": 8,
        "eval_batch_size": 8,
        "predict_batch_size": 8,
        "learning_rate": 1e-3,
        "max_steps": STEPS,
        "save_checkpoints_steps": 2,
        "attention_size": 20,
        "reduced_size": 12,
    }


@pytest.fixture(scope="session")
def make_settings(task_settings):
    def make(output_dir, **others):
        told = {"output_dir": str(output_dir), "do_train": True, **others}
        return BiEncoderSettings(**(task_settings | told))

    return make


@pytest.fixture(scope="session")
def run_pairs(make_settings, place_on):
    """Runs with some settings changed; returns what came of it."""

    def run(output_dir, *, replicas=1, **others):
        job = prepare(make_settings(output_dir, **others))
        return pairs_run.run(job, placement=place_on(replicas))

    return run


@pytest.fixture(scope="session")
def trained_runs(run_pairs, tmp_path_factory):
    """Makes the folder of a trained run of a way, once; not to be changed."""
    made = {}

    def of(way, **others):
        key = (way, *sorted(others.items()))
        if key not in made:
            head = golden.head(way)
            folder = str(tmp_path_factory.mktemp("trained") / "out")
            run_pairs(
                folder,
                combine=head.combine,
                attend=head.attend,
                do_eval=True,
                do_predict=True,
                **others,
            )
            made[key] = folder
        return made[key]

    return of


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def replaced(settings, **others):
    return dataclasses.replace(settings, **others)
