"""What needs no TensorFlow: the whole way from texts to reports on JAX, and errors."""

import json
import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
ABSENT = ("tensorflow", "tensorflow_text", "tf_keras", "keras_hub")

# None in sys.modules is what Python itself makes of a package that must not load.
PROGRAM = f"""
import runpy, sys
sys.modules.update(dict.fromkeys({ABSENT!r}))
runpy.run_path("scripts/run_classifier.py", run_name="__main__")
"""


def run_classifier(*flags):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *flags],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "", "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def as_flags(settings):
    for name, value in settings.items():
        text = ",".join(value) if isinstance(value, tuple) else value
        yield f"--{name}={text}"


def read_lines(path):
    with open(path, encoding="utf-8") as file:
        return file.read().splitlines()


def test_train_evaluate_and_predict(small_task, tmp_path):
    output_dir = f"{tmp_path}/out"
    log = run_classifier(
        *as_flags(small_task.settings()),
        f"--output_dir={output_dir}",
        "--backend=jax",
        "--accelerator=cpu",
        "--do_train",
        "--do_eval",
        "--do_predict",
        "--train_batch_size=16",
        "--eval_batch_size=16",
        "--predict_batch_size=16",
        "--learning_rate=1e-2",
        "--max_steps=40",
        "--steps_per_call=4",
        "--pad_to=max",  # one shape to compile
    )
    assert "Running on 1 x CPU, jax, float32; batch " in log
    assert set(os.listdir(output_dir)) >= {
        "run.json",
        "train.tf_record",
        "learning_curve.png",
        "eval_results.txt",
        "classification_report.txt",
        "confusion_matrix.png",
        "test_results.tsv",
    }
    assert os.listdir(f"{output_dir}/checkpoints") == ["step-00000040"]
    lines = map(json.loads, read_lines(f"{output_dir}/metrics.jsonl"))
    losses = [line["loss"] for line in lines if "loss" in line]
    assert len(losses) == 40
    assert sum(losses[-8:]) < 0.5 * sum(losses[:8])
    predictions = read_lines(f"{output_dir}/predictions.tsv")
    assert len(predictions) == 1 + small_task.counts["test"]


# Errors ------------------------------------------------------------------------------

# Where no framework can be imported: an error is told before one is asked for.
ERRORS = """
import runpy, sys
sys.modules.update(dict.fromkeys(("tensorflow", "jax", "keras")))
script, *sys.argv[1:] = sys.argv[1:]
runpy.run_path(f"scripts/{script}.py", run_name="__main__")
"""

DEEP = {"task_name": "tsv", "max_seq_length": 16, "output_dir": "OUT"}
BERT = {
    **DEEP,
    "vocab_file": "DATA/vocab.txt",
    "bert_config_file": "DATA/bert_config.json",
}
TRAIN = {"data_dir": "DATA", "do_train": "true"}
MASKED = {
    "bert_config_file": "DATA/bert_config.json",
    "output_dir": "OUT",
    "max_seq_length": 16,
    "do_train": "true",
}


@pytest.mark.parametrize(
    ("script", "values", "said"),
    [
        ("run_classifier", {**BERT, **TRAIN}, "train.tsv:3: expected 3 columns"),
        ("finetune_lstm", {**DEEP, **TRAIN}, "train.tsv:3: expected 3 columns"),
        ("pretrain_lstm", {**DEEP, **TRAIN}, "train.tsv:3: expected 3 columns"),
        (
            "run_classifier",
            {**BERT, "data_dir": "NONE", "do_train": "true"},
            "The data folder NONE does not exist",
        ),
        (
            "finetune_lstm",
            {**DEEP, "data_dir": "NONE", "do_train": "true"},
            "The data folder NONE does not exist",
        ),
        (
            "pretrain_lstm",
            {**DEEP, "data_dir": "NONE"},
            "The data folder NONE does not exist",
        ),
        (
            "run_classifier",
            {**BERT, "data_dir": "DATA", "do_eval": "true"},
            "there is nothing to evaluate",
        ),
        (
            "lstm_experiment",
            {**DEEP, "data_dir": "DATA"},
            "train.tsv:3: expected 3 columns",
        ),
        ("run_pretraining", {**MASKED, "input_file": "NONE"}, "NONE"),
        (
            "create_tfrecords",
            {**DEEP, "vocab_file": "DATA/vocab.txt", "data_dir": "DATA"},
            "train.tsv:3: expected 3 columns",
        ),
    ],
)
def test_errors_are_told_before_a_framework_loads(
    small_task, tmp_path, script, values, said
):
    data = tmp_path / "data"
    shutil.copytree(small_task.folder, data)
    (data / "train.tsv").write_text("text\tsecond\tlabel\na\tb\thot\nc\td\n")
    places = {"DATA": str(data), "OUT": str(tmp_path / "out")}

    def placed(value):
        head, _, rest = str(value).partition("/")
        return f"{places.get(head, head)}/{rest}" if rest else places.get(head, head)

    done = subprocess.run(
        [
            *(sys.executable, "-c", ERRORS, script),
            *as_flags({name: placed(value) for name, value in values.items()}),
        ],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert said in done.stderr
    assert not (tmp_path / "out").exists()
