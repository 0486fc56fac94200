"""The whole way from texts to reports on JAX, where TensorFlow cannot be imported."""

import json
import os
import subprocess
import sys

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
