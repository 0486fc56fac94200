"""The scripts of the LSTM as their users start them."""

import os
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS = ("pretrain_lstm", "finetune_lstm", "lstm_experiment")


def start(script, *flags):
    return subprocess.run(
        [sys.executable, f"scripts/{script}.py", *flags],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("script", SCRIPTS)
def test_what_is_missing_is_said_in_sentences(script):
    done = start(script)
    assert done.returncode == 1
    assert "--task_name is required." in done.stderr
    assert "--output_dir is required." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("preset", ["demo", "original"])
def test_flags_win_over_the_preset(preset, tmp_path):
    done = start("lstm_experiment", f"--preset={preset}", "--dropout=2", "--seeds=0")
    assert done.returncode == 1
    assert "--dropout must lie in [0, 1); got 2.0." in done.stderr
    assert "--seeds must be at least 1; got 0." in done.stderr
    assert "--task_name is required." not in done.stderr


@pytest.mark.slow
def test_pretraining_then_finetuning(tmp_path):
    small = (
        "--task_name=authors",
        "--units=character",
        "--max_seq_length=16",
        "--embedding_size=4",
        "--hidden_size=8",
        "--max_steps=3",
    )
    model, classifier = str(tmp_path / "model"), str(tmp_path / "classifier")
    done = start("pretrain_lstm", *small, f"--output_dir={model}")
    assert done.returncode == 0, done.stderr
    assert "eval_perplexity = " in done.stderr
    done = start(
        "finetune_lstm",
        *small,
        "--do_train",
        "--do_eval",
        f"--init_checkpoint={model}",
        f"--output_dir={classifier}",
    )
    assert done.returncode == 0, done.stderr
    assert "4 weights transferred" in done.stderr
    assert os.path.exists(f"{classifier}/classification_report.txt")
