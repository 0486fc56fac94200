"""The command as its users type it: a process of its own, or the script run in this."""

import dataclasses
import json
import logging
import os
import runpy
import shutil
import sys

import numpy as np
import pytest
import sklearn.metrics
from absl import flags

from processors.tasks import registry
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files.tfrecord import iter_payloads
from tests.scripts.classifier_process import SCRIPT, as_flags, start
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.model.config import BertConfig

SCORES = (
    "eval_accuracy",
    "eval_loss",
    "eval_macro_f1",
    "eval_mcc",
    "eval_weighted_f1",
)
STEPS = 8

RETIRED_FLAGS = {"master": "--accelerator"}


@pytest.fixture(scope="session")
def settings(small_task, backend):
    """What a run on the small task takes, by flag."""
    return {
        **small_task.settings(),
        "backend": backend.value,
        "accelerator": "cpu",
        "train_batch_size": 4,
        "learning_rate": 3e-3,
        "max_steps": STEPS,
        "save_checkpoints_steps": 3,
        "do_train": True,
    }


@pytest.fixture(scope="session")
def command(settings, tmp_path_factory):
    """A finished process that trained, evaluated and predicted: folder and output."""
    folder = str(tmp_path_factory.mktemp("command") / "out")
    given = {
        "do_eval": True,
        "do_predict": True,
        "master": "local",
        "output_dir": folder,
    }
    process = start(settings | given)
    output, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    return folder, output, log


@pytest.fixture(scope="session")
def finished(command):
    """That run's folder; not to be changed."""
    return command[0]


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of it, to be changed."""
    return shutil.copytree(finished, str(tmp_path / "copy"))


@pytest.fixture
def main(settings, monkeypatch, capsys, forget_flags):
    """Runs the script in this process; returns exit code and what it said."""
    root = logging.getLogger()
    before = root.level, list(root.handlers)

    def main(**values):
        arguments = as_flags(settings | values)
        monkeypatch.setattr(sys, "argv", [SCRIPT, *arguments])
        try:
            with pytest.raises(SystemExit) as caught:
                runpy.run_path(SCRIPT, run_name="__main__")
        finally:
            forget_flags()
        return caught.value.code, capsys.readouterr().err

    yield main
    root.setLevel(before[0])
    root.handlers[:] = before[1]


def read_results(output_dir):
    lines = storage.read_text(f"{output_dir}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def read_metrics(output_dir):
    text = storage.read_text(f"{output_dir}/metrics.jsonl")
    return list(map(json.loads, text.splitlines()))


def read_table(path):
    return [line.split("\t") for line in storage.read_text(path).splitlines()]


# What a run leaves --------------------------------------------------------------------


def test_every_file_of_a_run_is_there(finished, small_task):
    events = [name for name in os.listdir(finished) if name.startswith("events.out")]
    assert len(events) == 1
    expected = {
        "run.json",
        "metrics.jsonl",
        "data_report.txt",
        "checkpoints",
        "train.tf_record",
        "eval.tf_record",
        "predict.tf_record",
        "learning_curve.png",
        "eval_results.txt",
        "eval_predictions.tsv",
        "vocab.txt",
        "report.html",
        "classification_report.txt",
        "confusion_matrix.txt",
        "confusion_matrix.png",
        "test_results.tsv",
        "labels.txt",
        "predictions.tsv",
        "test_classification_report.txt",
        "test_confusion_matrix.txt",
        "test_confusion_matrix.png",
    }
    records = {name for name in expected if name.endswith(".tf_record")}
    manifests = {f"{name}.manifest.json" for name in records}
    assert set(os.listdir(finished)) == expected | manifests | set(events)
    for name in expected:
        if name.endswith(".png"):
            assert storage.read_bytes(f"{finished}/{name}").startswith(b"\x89PNG")
    counts = small_task.counts.values()
    for name, count in zip(("train", "eval", "predict"), counts, strict=True):
        assert len(list(iter_payloads(f"{finished}/{name}.tf_record"))) == count


def test_run_json_says_how_to_do_it_again(finished, small_task):
    content = json.loads(storage.read_text(f"{finished}/run.json"))
    assert set(content) == {"command_line", "fingerprints", "settings", "versions"}
    assert content["settings"]["learning_rate"] == 0.003
    assert content["settings"]["labels"] == list(small_task.labels)
    assert content["fingerprints"]["num_train_steps"] == STEPS
    train_data = content["fingerprints"]["train_data"]
    assert train_data["examples"] == small_task.counts["train"]
    assert content["fingerprints"]["bert_config"]["hidden_size"] == 16
    assert content["fingerprints"]["tokenizer"]["kind"] == "wordpiece"
    assert {"python", "keras", "numpy"} <= set(content["versions"])


def test_metrics_have_a_line_an_update_and_one_for_the_evaluation(finished):
    lines = read_metrics(finished)
    assert [line["step"] for line in lines] == [*range(1, STEPS + 1), STEPS]
    for line in lines[:-1]:
        assert set(line) == {"step", "loss", "gradient_norm", "learning_rate"}
    assert set(lines[-1]) == {"step", *SCORES}
    assert lines[STEPS - 1]["learning_rate"] == 0


def test_checkpoints_fall_due_every_three_updates_and_at_the_end(finished, small_task):
    steps = checkpoints.list_steps(f"{finished}/checkpoints")
    assert steps == [3, 6, 8]
    loaded = checkpoints.load(checkpoints.latest(f"{finished}/checkpoints"))
    assert loaded.state["labels"] == list(small_task.labels)
    assert loaded.state["bert_config"] == BertConfig(**small_task.sizes).to_dict()
    assert loaded.state["seed"] == 0
    assert "bert/encoder/layer_0/attention/self/query/kernel" in loaded.weights
    assert set(loaded.slots) == {
        f"{name}/{slot}" for name in loaded.weights for slot in ("adam_m", "adam_v")
    }


def test_evaluation_results_are_written_as_the_original_does(finished, small_task):
    results = read_results(finished)
    original = ["eval_accuracy", "eval_loss", "global_step", "loss"]
    assert list(results) == sorted({*SCORES, *original})
    assert results["global_step"] == STEPS
    gold = [row[2] for row in read_table(f"{small_task.folder}/dev.tsv")[1:]]
    text = storage.read_text(f"{finished}/classification_report.txt")
    assert text.split("accuracy")[1].split()[:2] == [
        f"{results['eval_accuracy']:.2f}",
        str(len(gold)),
    ]
    matrix = storage.read_text(f"{finished}/confusion_matrix.txt").splitlines()
    totals = {row.split()[0]: int(row.split()[-1]) for row in matrix[3:]}
    assert totals == {
        **{label: gold.count(label) for label in small_task.labels},
        "total": len(gold),
    }


def test_predictions_stand_in_the_order_of_the_file(finished, small_task):
    labels = small_task.labels
    assert storage.read_text(f"{finished}/labels.txt").split() == list(labels)
    rows = read_table(f"{small_task.folder}/test.tsv")[1:]
    probabilities = np.array(read_table(f"{finished}/test_results.tsv"), np.float64)
    assert probabilities.shape == (11, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
    header, *predictions = read_table(f"{finished}/predictions.tsv")
    assert header == ["guid", "gold", "predicted", "probability", "text"]
    assert [row[0] for row in predictions] == [f"test-{n + 1}" for n in range(11)]
    assert [row[1] for row in predictions] == [row[2] for row in rows]
    assert [row[4] for row in predictions] == [" ||| ".join(row[:2]) for row in rows]
    best = probabilities.argmax(axis=1)
    assert [row[2] for row in predictions] == [labels[index] for index in best]
    assert [float(row[3]) for row in predictions] == probabilities.max(axis=1).tolist()
    assert storage.read_text(
        f"{finished}/test_classification_report.txt"
    ) == sklearn.metrics.classification_report(
        [labels.index(row[1]) for row in predictions],
        best,
        labels=range(3),
        target_names=labels,
        zero_division=0,
    )


def test_the_process_says_what_it_does(command, backend):
    _, output, log = command
    assert output == ""
    lines = log.splitlines()
    for line in (
        "--master has no meaning any more and is ignored. Use --accelerator.",
        f"Running on 1 x CPU, {backend.value}, float32; batch 4 = 1 replica x 4",
        "***** Running training *****",
        "  Num examples = 90",
        "  Batch size = 4",
        "  Num steps = 8",
        "***** Running evaluation *****",
        "***** Eval results *****",
        "  global_step = 8",
        "***** Predict results *****",
    ):
        assert lines.count(line) == 1, line
    assert any(line.startswith("step 8/8  loss ") for line in lines)
    assert "Traceback" not in log


# Flags -------------------------------------------------------------------------------


@pytest.fixture
def defined(monkeypatch, forget_flags):
    """The flags of the script, by name."""
    monkeypatch.setattr(sys, "argv", [SCRIPT, "--helpshort"])
    with pytest.raises(SystemExit):
        runpy.run_path(SCRIPT, run_name="__main__")
    return {name: flags.FLAGS[name] for name in flags.FLAGS}


def test_every_setting_is_a_flag(defined):
    for field in dataclasses.fields(ClassifierSettings):
        default = defined[field.name].default
        is_list = isinstance(field.default, tuple)
        assert default == (list(field.default) if is_list else field.default)


def test_retired_flags_say_what_to_use(defined):
    for name, instead in RETIRED_FLAGS.items():
        assert instead in defined[name].help


def test_a_retired_flag_gives_one_warning(main, tmp_path, caplog):
    code, _ = main(output_dir=tmp_path / "out", task_name="none", master="local")
    assert code == 1  # the task is unknown: nothing has to run for the warning
    [warning] = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert warning.startswith("--master has no meaning any more and is ignored.")
    assert RETIRED_FLAGS["master"] in warning


def test_a_tpu_that_is_asked_for_and_is_not_there(main, tmp_path):
    log = refuse(main, tmp_path, use_tpu=True, accelerator=None, num_tpu_cores=8)
    assert "--accelerator=tpu" in log


def test_flags_that_contradict_each_other(main, tmp_path):
    log = refuse(main, tmp_path, use_tpu=True, num_processes=2)
    assert "--use_tpu and --accelerator=cpu contradict each other" in log
    assert "--num_processes and --process_id need --coordinator_address" in log


def test_one_seed_or_several(main, tmp_path):
    log = refuse(main, tmp_path, seed=0, seeds="1,2")
    assert log == "error: --seed and --seeds: give the one or the other.\n"
    log = refuse(main, tmp_path, seeds="1,1,-2")
    assert log.startswith("error: --seeds: expected whole numbers in [0, 2**32)")


# Bad input ---------------------------------------------------------------------------


def refuse(main, tmp_path, **values):
    """Runs what must fail; returns the error's text. Nothing may have been written."""
    out = tmp_path / "out"
    code, log = main(output_dir=out, **values)
    assert code == 1
    assert log.count("error: ") == 1
    assert not out.exists()
    assert "Traceback" not in log
    return log[log.index("error: ") :]


def test_no_mode(main, tmp_path):
    assert refuse(main, tmp_path, do_train=False) == (
        "error: At least one of `do_train`, `do_eval` or `do_predict' must be True.\n"
    )


def test_no_task_no_vocabulary_no_output(main):
    code, log = main(task_name=None, vocab_file=None)
    assert code == 1
    for flag in ("--task_name", "--output_dir", "--vocab_file"):
        assert log.count(f"{flag} ") == 1


def test_an_unknown_task_lists_the_known(main, tmp_path):
    log = refuse(main, tmp_path, task_name="sst2")
    assert "'sst2'" in log
    for name in registry.known():
        assert name in log


def test_a_value_that_is_none_of_the_known(main, tmp_path):
    code, log = main(output_dir=tmp_path / "out", pad_to="pad")
    assert code == 1
    assert "expected one of pack, bucket, max" in log
    code, log = main(output_dir=tmp_path / "out", long_texts="middle")
    assert code == 1
    assert "expected one of truncate, head_tail, chunk" in log


def test_a_missing_folder(main, tmp_path):
    log = refuse(main, tmp_path, data_dir="/nowhere/data")
    assert "The data folder /nowhere/data does not exist" in log


def test_a_missing_file(main, tmp_path, small_task):
    log = refuse(main, tmp_path, train_file="trian.tsv")
    assert f"{small_task.folder}/trian.tsv does not exist" in log
    assert "train.tsv" in log


@pytest.mark.parametrize("name", ["vocab_file", "bert_config_file", "model_file"])
def test_a_missing_file_of_the_model(main, tmp_path, name):
    assert "/nowhere/file" in refuse(main, tmp_path, **{name: "/nowhere/file"})


def test_a_missing_checkpoint(main, tmp_path):
    code, log = main(
        output_dir=tmp_path / "out", init_checkpoint="/nowhere/bert_model.ckpt"
    )
    assert code == 1
    assert "error: /nowhere/bert_model.ckpt" in log
    assert not (tmp_path / "out/checkpoints").exists()


def test_sequences_longer_than_the_positions(main, tmp_path):
    log = refuse(main, tmp_path, max_seq_length=25)
    assert "Cannot use sequence length 25 because the BERT model was only" in log


def test_a_vocabulary_that_does_not_fit_the_model(main, tmp_path, small_task):
    vocabulary = tmp_path / "vocab.txt"
    vocabulary.write_text("\n".join([*small_task.vocabulary, "more"]) + "\n")
    log = refuse(main, tmp_path, vocab_file=vocabulary)
    assert "vocabulary has 49 tokens" in log
    assert "vocab_size is 48" in log


def test_a_vocabulary_that_does_not_fit_the_checkpoint(main, tmp_path, golden_dir):
    sizes = json.loads(storage.read_text(f"{golden_dir}/bert_config.json"))
    config = tmp_path / "bert_config.json"
    config.write_text(json.dumps(sizes | {"vocab_size": 48}))
    code, log = main(
        output_dir=tmp_path / "out",
        bert_config_file=config,
        init_checkpoint=f"{golden_dir}/bert_model.ckpt",
    )
    assert code == 1
    assert "vocab_size is 48 in the model, 1200 in the checkpoint" in log
    assert not (tmp_path / "out/run.json").exists()


def write_rows(folder, small_task, *lines):
    """A copy of the task whose training file holds these lines after its header."""
    shutil.copytree(small_task.folder, folder)
    path = folder / "train.tsv"
    path.write_text("\n".join(["text\tsecond\tlabel", *lines]) + "\n")
    return path


def test_an_unknown_label(main, tmp_path, small_task):
    rows = ["a\tb\thot", "a\tb\tcold", "a\tb\twarm"]
    path = write_rows(tmp_path / "data", small_task, *rows)
    log = refuse(main, tmp_path, data_dir=tmp_path / "data")
    assert log.startswith(f"error: {path}:4: unknown label 'warm'")
    assert "hot, cold, mild" in log


def test_a_wrong_number_of_columns(main, tmp_path, small_task):
    path = write_rows(tmp_path / "data", small_task, "a\tb\thot", "a\thot")
    log = refuse(main, tmp_path, data_dir=tmp_path / "data")
    assert log.startswith(f"error: {path}:3: ")
    assert "3 columns" in log
    assert "2" in log.removeprefix(f"error: {path}:3: ")


def test_an_empty_training_split(main, tmp_path, small_task):
    path = write_rows(tmp_path / "data", small_task)
    log = refuse(main, tmp_path, data_dir=tmp_path / "data")
    assert log == f"error: {path}: the train split holds no examples\n"


def test_the_folder_of_another_run(main, copied):
    before = sorted(os.walk(copied))
    code, log = main(output_dir=copied, learning_rate=1e-5, seed=9)
    assert code == 1
    assert f"error: {copied} holds the checkpoints of another run." in log
    assert "learning_rate: 0.003 there, 1e-05 here.\nseed: 0 there, 9 here.\n" in log
    assert sorted(os.walk(copied)) == before


# Going on ----------------------------------------------------------------------------


def test_a_finished_run_says_so(main, copied, caplog):
    code, _ = main(output_dir=copied)
    assert code == 0
    assert "Skipping training since max_steps has already saved." in caplog.messages


def test_a_checkpoint_without_a_head_cannot_predict(main, tmp_path, golden_dir):
    code, log = main(
        output_dir=tmp_path / "out",
        bert_config_file=f"{golden_dir}/bert_config.json",
        init_checkpoint=f"{golden_dir}/bert_model.ckpt",
        do_train=False,
        do_predict=True,
    )
    assert code == 1
    assert (
        "has no trained output_weights, output_bias: predictions would come from" in log
    )
    assert not (tmp_path / "out/test_results.tsv").exists()
