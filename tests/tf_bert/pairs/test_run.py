"""Whole runs of a very small bi-encoder, in this process."""

import json
import signal
import subprocess
import sys
import time

import keras  # noqa: F401 - the outcome depends on its backend
import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from processors.labels.targets import Objective
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError
from runtime.training.run_settings import Resume
from tests.scripts.classifier_process import SCRIPT, start
from tests.tf_bert.pairs import golden
from tests.tf_bert.pairs.conftest import STEPS
from tf_bert.classifier import preparation as cross
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import convert
from tf_bert.formats.names import WeightsFormat
from tf_bert.pairs.heads import Attend, Combine
from tf_bert.pairs.preparation import prepare


def results(folder, name="eval_results.txt"):
    lines = storage.read_text(f"{folder}/{name}").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def weights(folder, step=STEPS):
    path = f"{folder}/checkpoints/step-{step:08d}"
    return [
        storage.read_bytes(f"{path}/{name}.safetensors")
        for name in ("weights", "optimizer")
    ]


def table(path):
    return [line.split("\t") for line in storage.read_text(path).splitlines()]


def test_a_run_writes_what_a_classifiers_does(trained_runs):
    folder = trained_runs("vectors/additive")
    for name in (
        "data_report.txt",
        "eval_results.txt",
        "confusion_matrix.txt",
        "test_results.tsv",
        "predictions.tsv",
        "learning_curve.png",
        "train.tf_record",
        "metrics.jsonl",
    ):
        assert storage.exists(f"{folder}/{name}"), name
    assert results(folder)["global_step"] == STEPS
    assert np.array(table(f"{folder}/test_results.tsv"), float).shape == (16, 3)
    told = json.loads(storage.read_text(f"{folder}/run.json"))["settings"]
    assert (told["architecture"], told["combine"]) == ("bi", "additive")
    state = checkpoints.read_state(f"{folder}/checkpoints/step-{STEPS:08d}")
    assert state["settings"]["attend"] == "vectors"
    assert state["settings"]["pooling"] == "mean"


def test_cut_texts_are_counted_text_by_text(run_pairs, tmp_path):
    run_pairs(tmp_path / "out", max_seq_length=12, max_steps=1)
    report = storage.read_text(f"{tmp_path}/out/data_report.txt")
    lengths = [len(text) + 2 for text in golden.SPEC["texts"]]
    cut = sum(lengths[place] > 12 for pair in golden.SPEC["pairs"] for place in pair)
    tokens = report.partition("\ntokens")[2]
    [line] = [line for line in tokens.splitlines() if line.startswith("train")][:1]
    assert f" {cut} " in line
    assert "encoded by itself" in " ".join(report.split())


def test_training_learns(run_pairs, tmp_path):
    run_pairs(tmp_path / "out", max_steps=60, do_eval=True, learning_rate=3e-3)
    lines = storage.read_text(f"{tmp_path}/out/metrics.jsonl").splitlines()
    losses = [json.loads(line)["loss"] for line in lines if '"loss"' in line]
    assert losses[-1] < 0.6 * losses[0]


@pytest.mark.slow
def test_a_stopped_run_goes_on_to_the_same_bytes(run_pairs, trained_runs, tmp_path):
    whole = trained_runs("tokens/reduced")
    kind = {"combine": Combine.REDUCED, "attend": Attend.TOKENS}
    part = tmp_path / "part"
    run_pairs(part, **kind)
    storage.delete_tree(f"{part}/checkpoints/step-{STEPS:08d}")
    run_pairs(part, resume=Resume.MUST, do_eval=True, do_predict=True, **kind)
    assert weights(part) == weights(whole)
    assert table(f"{part}/test_results.tsv") == table(f"{whole}/test_results.tsv")


def test_records_are_taken_again_and_not_for_another_architecture(
    run_pairs, trained_runs, make_settings, tmp_path, caplog
):
    folder = trained_runs("vectors/additive")
    caplog.set_level("INFO")
    job = prepare(
        make_settings(folder, do_train=False, do_predict=True, resume=Resume.AUTO)
    )
    assert "is taken from" in caplog.text
    assert job.splits["test"].records is not None
    told = {
        name: value
        for name, value in vars(make_settings(tmp_path / "x")).items()
        if name in ClassifierSettings.__dataclass_fields__
    }
    caplog.clear()
    cross.prepare(
        ClassifierSettings(
            **told | {"architecture": cross.Architecture.CROSS, "records_dir": folder}
        )
    )
    assert "texts are read as" in caplog.text


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["accumulation", "replicas"])
def test_updates_are_those_of_one_device(run_pairs, tmp_path, kind):
    """Which texts share a slice changes, and with it only rounding."""
    run_pairs(tmp_path / "one", max_steps=2, train_batch_size=16)
    changed = {"replicas": 8} if kind == "replicas" else {}
    if kind == "accumulation":
        changed["gradient_accumulation_steps"] = 2
    run_pairs(tmp_path / kind, max_steps=2, train_batch_size=16, **changed)

    def losses(name):
        lines = storage.read_text(f"{tmp_path}/{name}/metrics.jsonl").splitlines()
        return [json.loads(line)["loss"] for line in lines if '"loss"' in line]

    np.testing.assert_allclose(losses(kind), losses("one"), rtol=2e-3)


def test_numbers_are_learned_too(run_pairs, pairs_task, tmp_path):
    rows = table(f"{pairs_task}/train.tsv")
    number = {"even": "0", "odd": "2.5", "other": "5"}
    for name in ("train", "dev", "test"):
        lines = ["\t".join([a, b, number.get(c, c)]) for a, b, c in rows]
        (tmp_path / f"{name}.tsv").write_text("\n".join(lines) + "\n")
    found = run_pairs(
        tmp_path / "out",
        data_dir=str(tmp_path),
        labels=(),
        objective=Objective.REGRESSION,
        do_eval=True,
        combine=Combine.REDUCED,
    )
    assert {"eval_pearson", "eval_spearman"} <= set(found.scores)


def test_a_checkpoint_of_one_architecture_is_refused_by_the_other(
    trained_runs, make_settings, tmp_path
):
    folder = trained_runs("vectors/additive")
    told = {
        name: value
        for name, value in vars(make_settings(tmp_path / "x")).items()
        if name in ClassifierSettings.__dataclass_fields__
    }
    told |= {"architecture": cross.Architecture.CROSS, "init_checkpoint": folder}
    with pytest.raises(
        CheckpointError, match=r"--architecture=bi there, .*=cross here"
    ):
        cross.prepare(ClassifierSettings(**told))
    with pytest.raises(CheckpointError, match=r"--combine=additive there, .*=dot here"):
        prepare(
            make_settings(tmp_path / "y", init_checkpoint=folder, combine=Combine.DOT)
        )
    with pytest.raises(CheckpointError, match="--attend=vectors there"):
        prepare(
            make_settings(folder, do_train=False, do_eval=True, attend=Attend.TOKENS)
        )


@pytest.mark.slow
def test_padded_and_packed_runs_start_with_equal_losses(run_pairs, tmp_path):
    found = {}
    for pad_to in PadTo:
        run_pairs(tmp_path / pad_to.value, max_steps=1, pad_to=pad_to)
        path = f"{tmp_path}/{pad_to.value}/metrics.jsonl"
        found[pad_to] = json.loads(storage.read_text(path).splitlines()[0])["loss"]
    np.testing.assert_allclose(list(found.values()), found[PadTo.PACK], rtol=1e-4)


@pytest.mark.slow
def test_a_killed_run_ends_the_same(task_settings, backend, tmp_path):
    """The command is killed in training; the next one goes on to the same bytes."""
    told = {
        name: getattr(value, "value", value)
        for name, value in task_settings.items()
        if value is not None
    }
    told |= {
        "architecture": "bi",
        "combine": "dot",
        "backend": backend.value,
        "accelerator": "cpu",
        "max_steps": 40,
        "do_train": True,
        "do_predict": True,
    }
    whole, part = (str(tmp_path / name) for name in ("whole", "part"))
    process = start(told | {"output_dir": whole})
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    process = start(told | {"output_dir": part})
    while not checkpoints.list_steps(f"{part}/checkpoints"):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert 40 not in checkpoints.list_steps(f"{part}/checkpoints")
    process = start(told | {"output_dir": part, "resume": "must"})
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    assert weights(part, step=40) == weights(whole, step=40)
    for name in ("test_results.tsv", "metrics.jsonl", "data_report.txt"):
        assert storage.read_bytes(f"{part}/{name}") == storage.read_bytes(
            f"{whole}/{name}"
        )


@pytest.mark.parametrize("word", ["--combine=dot", "--attend=tokens"])
def test_flags_of_one_architecture_are_refused_by_the_other(word, tmp_path):
    done = subprocess.run(
        [sys.executable, SCRIPT, word, f"--output_dir={tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "for --architecture=bi, which was not given" in done.stderr


def test_other_formats_take_the_encoder_and_leave_the_head(trained_runs, tmp_path):
    report = convert.convert(
        convert.Conversion(
            input=trained_runs("vectors/additive"),
            output=f"{tmp_path}/hf",
            to=WeightsFormat.HUGGING_FACE,
        )
    )
    assert {"pair_query", "pair_output_weights"} <= set(report.left_out)
    config = json.loads(storage.read_text(f"{tmp_path}/hf/config.json"))
    assert "BertForSequenceClassification" not in config["architectures"]


def test_a_run_starts_from_another_one_of_its_kind(run_pairs, trained_runs, tmp_path):
    folder = trained_runs("vectors/additive")
    run_pairs(tmp_path / "more", init_checkpoint=folder, max_steps=1)
    losses = [
        json.loads(storage.read_text(f"{path}/metrics.jsonl").splitlines()[0])["loss"]
        for path in (tmp_path / "more", folder)
    ]
    assert losses[0] < losses[1]  # the head was taken, too


def test_the_head_may_have_a_rate_of_its_own(make_settings, tmp_path):
    settings = make_settings(tmp_path, learning_rate=1e-4, head_learning_rate=1e-2)
    optimizer = settings.optimizer_settings(10)
    assert optimizer.group_of("pair_query").rate == pytest.approx(100)
    assert optimizer.group_of("bert/pooler/dense/kernel").rate == 1
    usual = make_settings(tmp_path, learning_rate=1e-4).optimizer_settings(10)
    assert usual.group_of("pair_query").rate == 1
