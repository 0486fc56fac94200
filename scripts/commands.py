"""The scripts as one command: `tf-bert COMMAND [flags]`, wherever it is installed.

    tf-bert classify --flagfile=recipes:quickstart

is `python scripts/run_classifier.py` with the same flags; `tf-bert` alone lists the
commands.
"""

from __future__ import annotations

import ast
import difflib
import runpy
import sys

from runtime import storage

SCRIPTS = {
    "classify": "run_classifier",
    "predict": "predict",
    "serve": "serve",
    "export": "export_model",
    "report": "report",
    "score-pairs": "score_pairs",
    "write-titles": "run_seq2seq",
    "generate": "generate",
    "pretrain": "run_pretraining",
    "pretrain-lstm": "pretrain_lstm",
    "classify-lstm": "finetune_lstm",
    "lstm-experiment": "lstm_experiment",
    "extract-features": "extract_features",
    "convert": "convert_checkpoint",
    "create-records": "create_tfrecords",
    "create-pretraining-data": "create_pretraining_data",
    "train-tokenizer": "train_tokenizer",
    "doctor": "doctor",
    "tpu-check": "tpu_check",
    "make-aozora-corpus": "make_aozora_corpus",
    "make-authors-data": "make_authors_data",
    "make-company-news": "make_company_news",
    "make-bundled-model": "make_bundled_model",
}
"""Command -> the script that it runs."""

_HELP = {"help", "--help", "-h"}


def main() -> int:
    """Runs the script that the first word names; returns the exit code."""
    command, *words = sys.argv[1:] or ["help"]
    if command in _HELP:
        print(_usage())
        return 0
    if command not in SCRIPTS:
        print(f"error: {_unknown(command)}", file=sys.stderr)
        return 1
    sys.argv = [command, *words]
    runpy.run_module(f"scripts.{SCRIPTS[command]}", run_name="__main__", alter_sys=True)
    return 0


def _usage() -> str:
    width = max(map(len, SCRIPTS))
    lines = [
        f"  {name:{width}}  {_summary(script)}" for name, script in SCRIPTS.items()
    ]
    head = "usage: tf-bert COMMAND [flags]"
    return "\n".join(
        [head, "", *lines, "", "tf-bert COMMAND --help lists the flags of a command."]
    )


def _summary(script: str) -> str:
    """The first line of what a script says of itself, which is not run for it."""
    path = storage.join(storage.dirname(__file__), f"{script}.py")
    text = ast.get_docstring(ast.parse(storage.read_text(path))) or ""
    return text.partition("\n")[0]


def _unknown(command: str) -> str:
    of_script = {script: name for name, script in SCRIPTS.items()}
    name = of_script.get(command.removesuffix(".py"))
    near = [name] if name else difflib.get_close_matches(command, SCRIPTS, n=1)
    advice = f"Did you mean {near[0]}?" if near else "tf-bert alone lists them."
    return f"There is no command {command}. {advice}"


if __name__ == "__main__":
    sys.exit(main())
