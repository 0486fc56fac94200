"""Whole runs of a tiny encoder-decoder."""

import json
import logging
import os

import keras
import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from processors.tasks.source_target import SourceTargetLists
from processors.tokenization.settings import TokenizerKind
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Precision
from runtime.errors import CheckpointError, SettingsError
from tests.tf_bert.seq2seq import small_titles
from tf_bert.seq2seq import run as generate
from tf_bert.seq2seq.preparation import prepare
from tf_bert.seq2seq.settings import Seq2SeqSettings


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    made = small_titles.write(tmp_path_factory.mktemp("titles"))
    return made | {"tokenizer": TokenizerKind.CHAR}


@pytest.fixture
def do(values, place_on, tmp_path):
    def run(*, replicas=1, precision=Precision.FLOAT32, processor=None, **changes):
        settings = Seq2SeqSettings(
            **(values | {"output_dir": str(tmp_path / "out")} | changes)
        )
        job = prepare(settings, processor=processor)
        placement = place_on(replicas, precision=precision)
        return generate.run(job, placement=placement)

    return run


def metrics(folder, name="loss"):
    with open(os.path.join(folder, "metrics.jsonl"), encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row[name] for row in rows if name in row]


def read(folder, name):
    with open(os.path.join(folder, name), encoding="utf-8") as file:
        return file.read()


def test_a_run_learns_writes_and_says_how_well(do, tmp_path):
    assert keras.backend.backend()
    found = do(
        do_train=True,
        do_eval=True,
        do_predict=True,
        compare=True,
        num_train_epochs=25.0,
        num_return_sequences=2,
        best_by="eval_loss",
    )
    folder = tmp_path / "out"
    losses = metrics(folder)
    assert losses[-1] < 0.6 * losses[0]
    assert len(metrics(folder, "eval_loss")) >= 25
    results = dict(
        line.split(" = ") for line in read(folder, "eval_results.txt").splitlines()
    )
    assert {
        *("eval_loss", "eval_perplexity", "rouge1_char", "rougeL_word", "exact"),
        *("length_ratio", "ended", "repeated", "distinct", "copied", "global_step"),
    } <= results.keys()
    assert found.scores["rouge1_char"] > 40
    assert found.scores["ended"] > 0.9
    assert float(results["rouge1_char"]) == pytest.approx(found.scores["rouge1_char"])
    assert {name: len(texts) for name, texts in found.outputs.items()} == {
        "dev": 21,
        "test": 10,
    }
    rows = [json.loads(line) for line in read(folder, "predictions.jsonl").splitlines()]
    assert [len(row["generated"]) for row in rows] == [2] * 10
    for row in rows:
        first, second = row["generated"]
        assert first["score"] >= second["score"]
    assert read(folder, "predictions.tsv").count("\n") == 11
    assert read(folder, "samples.txt").count("generated: ") == 20
    assert "this run" in read(folder, "compare.txt")
    assert set(found.comparison) == {"dev", "test"}
    for name in ("data_report.txt", "learning_curve.png", "run.json", "vocab.txt"):
        assert os.path.exists(folder / name), name
    assert os.path.exists(folder / "test_scores.txt")
    page = read(folder, "report.html")
    for shown in ("Samples", "Learning curve", "Beside simple models", "rouge1_char"):
        assert shown in page, shown


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        {"gradient_accumulation_steps": 4},
        {"pad_to": PadTo.MAX},
        {"pad_to": PadTo.BUCKET, "gradient_accumulation_steps": 2},
        {"replicas": 8},
        {"replicas": 8, "gradient_accumulation_steps": 2},
    ],
    ids=str,
)
def test_how_an_update_is_cut_changes_nothing(do, tmp_path, way):
    plain, cut = tmp_path / "plain", tmp_path / "cut"
    do(do_train=True, max_steps=6, output_dir=str(plain))
    do(do_train=True, max_steps=6, output_dir=str(cut), **way)
    assert metrics(cut) == pytest.approx(metrics(plain), rel=2e-4)
    assert metrics(cut, "gradient_norm") == pytest.approx(
        metrics(plain, "gradient_norm"), rel=2e-3
    )


def test_a_run_goes_on_where_it_was_and_to_the_same_weights(do, tmp_path):
    shared = {"do_train": True, "max_steps": 8, "save_checkpoints_steps": 4}
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    do(**shared, output_dir=str(whole))
    do(**shared, output_dir=str(parts))
    newest = checkpoints.latest(str(parts / "checkpoints"))
    for name in os.listdir(newest):  # as if it had never come to its end
        os.remove(os.path.join(newest, name))
    os.rmdir(newest)
    do(**shared, output_dir=str(parts))
    ours, theirs = (
        {path.name: path.read_bytes() for path in folder.iterdir()}
        for each in (whole, parts)
        for folder in [each / "checkpoints" / "step-00000008"]
    )
    assert ours == theirs


@pytest.mark.slow
def test_a_run_goes_on_that_started_from_other_weights(do, tmp_path):
    first = str(tmp_path / "first")
    do(do_train=True, max_steps=2, output_dir=first)
    shared = {"do_train": True, "max_steps": 4, "output_dir": str(tmp_path / "next")}
    do(**shared, init_checkpoint=first)
    assert do(**shared, init_checkpoint=first).scores == {}
    sides = {"encoder_checkpoint": first, "decoder_checkpoint": first}
    with pytest.raises((SettingsError, CheckpointError)):
        do(**(shared | sides | {"max_steps": 5}))


@pytest.mark.slow
def test_bfloat16(do, tmp_path):
    do(
        do_train=True,
        do_eval=True,
        max_steps=4,
        precision=Precision.BFLOAT16,
        output_dir=str(tmp_path / "out"),
    )
    assert np.isfinite(metrics(tmp_path / "out")).all()


@pytest.mark.slow
def test_a_trained_run_is_measured_and_written_with_again(do, tmp_path, caplog):
    trained = do(do_train=True, do_eval=True, do_predict=True, max_steps=12)
    with caplog.at_level(logging.INFO):
        again = do(do_eval=True, do_predict=True)
    assert again.outputs == trained.outputs
    assert again.scores == pytest.approx(trained.scores)
    assert "The dev split is taken from" in caplog.text
    assert "Using step 12" in caplog.text
    elsewhere = do(
        do_predict=True,
        init_checkpoint=str(tmp_path / "out"),
        output_dir=str(tmp_path / "elsewhere"),
    )
    assert elsewhere.outputs["test"] == trained.outputs["test"]


@pytest.mark.slow
def test_a_text_is_the_same_in_any_batch(do):
    do(do_train=True, max_steps=12)
    found = [
        do(do_predict=True, predict_batch_size=size, replicas=replicas).outputs["test"]
        for size, replicas in ((1, 1), (7, 1), (8, 8))
    ]
    texts = [[[text.ids for text in row] for row in rows] for rows in found]
    assert texts[0] == texts[1] == texts[2]


def test_nothing_is_scored_where_targets_are_unknown(do, tmp_path):
    lists = SourceTargetLists(
        train=[("山川空", "山"), ("海森風", "海")] * 8, test=["山森風", "海川"]
    )
    found = do(
        do_train=True,
        do_predict=True,
        compare=True,
        max_steps=2,
        task_name="lists",
        processor=lists,
    )
    assert found.scores == {}
    assert found.comparison == {}
    assert not os.path.exists(tmp_path / "out" / "test_scores.txt")
    lines = read(tmp_path / "out", "predictions.tsv").splitlines()
    assert [line.split("\t")[1] for line in lines] == ["gold", "", ""]


def test_untrained_weights_write_nothing(do):
    with pytest.raises(CheckpointError):
        do(do_predict=True)
