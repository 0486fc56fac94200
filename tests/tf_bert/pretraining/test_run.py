import dataclasses
import json
import os
import re

import numpy as np
import pytest

from processors.batches import long_array
from processors.pretraining import records
from processors.pretraining.create import create
from processors.pretraining.settings import (
    Mode,
    PretrainingDataSettings,
    PretrainingTask,
)
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import DataError, SettingsError, TrainingError
from tf_bert.pretraining import run as pretrain
from tf_bert.pretraining.preparation import prepare
from tf_bert.pretraining.settings import PretrainingSettings

WORDS = [f"w{n}" for n in range(30)]
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]
CONFIG = {
    "vocab_size": len(VOCABULARY),
    "hidden_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "max_position_embeddings": 32,
    "type_vocab_size": 2,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
    "initializer_range": 0.1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A folder with a text whose lines repeat a word."""
    folder = tmp_path_factory.mktemp("corpus")
    random = np.random.RandomState(0)
    documents = []
    for _ in range(12):
        starts = random.randint(0, 30, 8)
        lines = [" ".join([f"w{start}"] * 9) for start in starts]
        documents.append("\n".join(lines) + "\n")
    (folder / "text.txt").write_text("\n".join(documents))
    (folder / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    (folder / "bert_config.json").write_text(json.dumps(CONFIG))
    return folder


@pytest.fixture
def make_records(corpus, tmp_path):
    def make(name="train.tf_record", **changes):
        path = str(tmp_path / name)
        settings = {
            "input_file": (f"{corpus}/text.txt",),
            "output_file": (path,),
            "vocab_file": f"{corpus}/vocab.txt",
            "max_seq_length": 32,
            "max_predictions_per_seq": 6,
            "dupe_factor": 2,
        }
        create(PretrainingDataSettings(**{**settings, **changes}))
        return (path,)

    return make


@pytest.fixture
def make_settings(corpus, tmp_path):
    def make(**changes):
        settings = {
            "bert_config_file": f"{corpus}/bert_config.json",
            "output_dir": str(tmp_path / "out"),
            "max_seq_length": 32,
            "max_predictions_per_seq": 6,
            "train_batch_size": 16,
            "eval_batch_size": 16,
            "learning_rate": 5e-3,
            "train_steps": 80,
            "num_warmup_steps": 4,
            "steps_per_call": 10,
            "do_train": True,
            "do_eval": True,
        }
        return PretrainingSettings(**{**settings, **changes})

    return make


def results(settings):
    lines = storage.read_text(f"{settings.output_dir}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def digest(settings):
    return checkpoints.weights_digest(
        checkpoints.latest(f"{settings.output_dir}/checkpoints")
    )


def losses(settings):
    lines = storage.read_text(f"{settings.output_dir}/metrics.jsonl").splitlines()
    rows = map(json.loads, lines)
    return [row["loss"] for row in rows if "learning_rate" in row]


@pytest.mark.parametrize("mode", Mode)
def test_trains_and_evaluates(make_records, make_settings, place_on, mode, caplog):
    settings = make_settings(input_file=make_records(mode=mode))
    pretrain.run(prepare(settings), placement=place_on())
    assert "The learning rate rises over" not in caplog.text
    found = results(settings)
    assert set(found) == {
        "global_step",
        "loss",
        "masked_lm_accuracy",
        "masked_lm_loss",
        "masked_lm_perplexity",
        "next_sentence_accuracy",
        "next_sentence_loss",
    }
    assert found["global_step"] == 80
    trace = losses(settings)
    assert len(trace) == 80
    assert np.mean(trace[-5:]) < np.mean(trace[:5]) - 0.3
    assert found["masked_lm_perplexity"] == pytest.approx(
        np.exp(found["masked_lm_loss"]), rel=1e-5
    )
    assert found["loss"] == pytest.approx(
        found["masked_lm_loss"] + found["next_sentence_loss"], rel=0.2
    )


@pytest.mark.slow
def test_what_takes_the_worth_from_a_run_is_said(
    make_records, make_settings, place_on, caplog
):
    settings = make_settings(
        input_file=make_records(), train_steps=2, num_warmup_steps=10_000
    )
    pretrain.run(prepare(settings), placement=place_on())
    assert (
        "The learning rate rises over 10000 updates, and training ends after 2: it "
        "reaches 1e-06, not 0.005."
    ) in caplog.text
    report = storage.read_text(f"{settings.output_dir}/data_report.txt")
    said = "Evaluation reads the sequences that are trained on, because --eval_file"
    assert said in " ".join(report.split())
    assert said in caplog.text


def test_goes_on_where_it_stopped(make_records, make_settings, place_on, tmp_path):
    records = make_records(mode=Mode.DYNAMIC)
    whole = make_settings(
        input_file=records, output_dir=str(tmp_path / "whole"), do_eval=False
    )
    pretrain.run(prepare(whole), placement=place_on())
    parts = dataclasses.replace(
        whole, output_dir=str(tmp_path / "parts"), save_checkpoints_steps=40
    )
    pretrain.run(prepare(parts), placement=place_on())
    directory = f"{parts.output_dir}/checkpoints"
    storage.delete_tree(f"{directory}/step-00000080")
    pretrain.run(prepare(parts), placement=place_on())
    ours, theirs = (
        checkpoints.load(f"{settings.output_dir}/checkpoints/step-00000080")
        for settings in (parts, whole)
    )
    for name, value in theirs.weights.items():
        np.testing.assert_array_equal(ours.weights[name], value)


@pytest.mark.parametrize(
    "mode", [pytest.param(Mode.STATIC, marks=pytest.mark.slow), Mode.DYNAMIC]
)
def test_tokens_on_the_disk_train_the_same_weights(
    make_records, make_settings, place_on, tmp_path, monkeypatch, mode
):
    held = make_settings(input_file=make_records(mode=mode), train_steps=10)
    pretrain.run(prepare(held), placement=place_on())
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 0)
    mapped = dataclasses.replace(held, output_dir=str(tmp_path / "mapped"))
    job = prepare(mapped)
    assert not job.training.tokens.ids.flags.owndata
    pretrain.run(job, placement=place_on())
    assert results(mapped) == results(held)
    assert digest(mapped) == digest(held)


@pytest.mark.slow
def test_text_without_segments(corpus, make_settings, place_on):
    settings = make_settings(
        text_file=(f"{corpus}/text.txt",),
        vocab_file=f"{corpus}/vocab.txt",
        objective=PretrainingTask.MLM,
        show_predictions=5,
        mlm_schedule=("0.18", "0.1"),
    )
    job = prepare(settings)
    assert not job.relates_segments
    total = len(job.training) + len(job.evaluation)
    assert len(job.evaluation) == round(total * settings.eval_share) > 0
    pretrain.run(job, placement=place_on())
    assert "next_sentence_loss" not in results(settings)
    shown = storage.read_text(f"{settings.output_dir}/masked_words.txt")
    assert shown.startswith("Right: ")
    assert shown.count("  answer  w") == shown.count("  before  ") == 5
    page = storage.read_text(f"{settings.output_dir}/report.html")
    assert "Masked words" in page
    assert "Learning curve" in page
    path = f"{settings.output_dir}/masked_words.txt"
    storage.delete(path)  # as if killed right before it was written
    pretrain.run(prepare(settings), placement=place_on())
    assert storage.read_text(path) == shown
    fewer = dataclasses.replace(settings, show_predictions=2)
    pretrain.run(prepare(fewer), placement=place_on())
    assert storage.read_text(path).splitlines()[2:11] == shown.splitlines()[2:11]
    assert storage.read_text(path).count("  answer  ") == 2
    weights = checkpoints.load(
        f"{settings.output_dir}/checkpoints/step-00000080"
    ).weights
    assert not any("seq_relationship" in name for name in weights)
    assert any(name.startswith("bert/pooler") for name in weights)


def test_starts_from_other_weights(make_records, make_settings, place_on, tmp_path):
    first = make_settings(input_file=make_records(), train_steps=2, do_eval=False)
    pretrain.run(prepare(first), placement=place_on())
    second = dataclasses.replace(
        first,
        output_dir=str(tmp_path / "second"),
        init_checkpoint=first.output_dir,
        bert_config_file=None,
        do_train=False,
        do_eval=True,
    )
    pretrain.run(prepare(second), placement=place_on())
    third = dataclasses.replace(first, do_train=False, do_eval=True)
    pretrain.run(prepare(third), placement=place_on())
    ours, theirs = results(second), results(third)
    assert ours["global_step"] == 2
    assert ours == theirs


def test_an_update_that_is_no_number_names_its_sequences(
    corpus, make_records, make_settings, place_on
):
    [path] = make_records()
    settings = make_settings(
        input_file=(path,),
        vocab_file=f"{corpus}/vocab.txt",
        learning_rate=1e38,
        num_warmup_steps=0,
    )
    with pytest.raises(TrainingError, match="was not applied") as caught:
        pretrain.run(prepare(settings), placement=place_on())
    names = re.findall(rf"{path}, record (\d+) \(\[CLS\] ", str(caught.value))
    made = records.read([path])
    assert len(names) == len(set(names)) == 16
    assert all(1 <= int(name) <= len(made) for name in names)
    # The beginning is that of the record.
    [start] = re.findall(rf"record {names[0]} \(([^)]*)\)", str(caught.value))
    ids = made.tokens.example(int(names[0]) - 1).input_ids[:6]
    assert start.split() == [VOCABULARY[number] for number in ids]


def test_records_of_another_tokenizer(corpus, make_records, make_settings, tmp_path):
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*VOCABULARY[:-2], *VOCABULARY[:-3:-1]]) + "\n")
    settings = make_settings(input_file=make_records(), vocab_file=str(other))
    with pytest.raises(SettingsError, match="another tokenizer"):
        prepare(settings)


def test_records_of_another_tokenizer_than_the_weights(
    corpus, make_records, make_settings, place_on, tmp_path
):
    first = make_settings(input_file=make_records(), train_steps=1, do_eval=False)
    pretrain.run(prepare(first), placement=place_on())
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*VOCABULARY[:-2], *VOCABULARY[:-3:-1]]) + "\n")
    records = make_records("other.tf_record", vocab_file=str(other))
    second = dataclasses.replace(
        first,
        input_file=records,
        output_dir=str(tmp_path / "second"),
        init_checkpoint=first.output_dir,
    )
    with pytest.raises(SettingsError, match="another tokenizer"):
        prepare(second)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"do_train": False, "do_eval": False}, "`do_train` or `do_eval` must be True"),
        ({"input_file": ()}, "--input_file"),
        ({"train_steps": 0}, "--num_train_steps"),
        ({"num_warmup_steps": -1}, "--num_warmup_steps"),
        ({"mlm_prob": 0.0}, "between 0 and 1"),
        ({"mlm_prob": 0.9}, "max_predictions_per_seq"),
        ({"eval_share": 1.0}, "--eval_share"),
        ({"show_predictions": 3}, "tokenizer"),
    ],
)
def test_wrong_settings(make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        make_settings(**{"input_file": ("x",), **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"max_seq_length": 20}, "raise it, or make the records again"),
        ({"max_predictions_per_seq": 3}, "max_predictions_per_seq"),
        ({"mlm_prob": 0.1}, "masked already"),
    ],
)
def test_records_that_do_not_fit(make_records, make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        prepare(make_settings(input_file=make_records(), **changes))


def test_a_smaller_vocabulary(corpus, make_records, make_settings, tmp_path):
    path = tmp_path / "config.json"
    path.write_text(json.dumps({**CONFIG, "vocab_size": 20}))
    settings = make_settings(input_file=make_records(), bert_config_file=str(path))
    with pytest.raises(SettingsError, match="one of 20"):
        prepare(settings)


def test_too_little_text_to_hold_some_out(corpus, make_settings, tmp_path):
    (tmp_path / "short.txt").write_text("w1 w2\n")
    settings = make_settings(
        text_file=(str(tmp_path / "short.txt"),),
        vocab_file=f"{corpus}/vocab.txt",
        objective=PretrainingTask.MLM,
    )
    with pytest.raises(DataError, match="--eval_share"):
        prepare(settings)


def test_records_of_the_original(make_settings, place_on, tmp_path):
    golden = os.path.join(os.path.dirname(__file__), "../../golden/pretraining")
    path = tmp_path / "config.json"
    sizes = {"vocab_size": 400, "max_position_embeddings": 64}
    path.write_text(json.dumps({**CONFIG, **sizes}))
    settings = make_settings(
        input_file=(f"{golden}/words.tf_record",),
        bert_config_file=str(path),
        max_seq_length=64,
        max_predictions_per_seq=10,
        train_steps=2,
    )
    pretrain.run(prepare(settings), placement=place_on())
    assert results(settings)["global_step"] == 2


def test_evaluation_of_another_tokenizer(make_records, make_settings, tmp_path):
    other = tmp_path / "vocab.txt"
    other.write_text("\n".join([*VOCABULARY[:-2], *VOCABULARY[:-3:-1]]) + "\n")
    settings = make_settings(
        input_file=make_records(),
        eval_file=make_records("other.tf_record", vocab_file=str(other)),
    )
    with pytest.raises(SettingsError, match="--eval_file was made"):
        prepare(settings)
