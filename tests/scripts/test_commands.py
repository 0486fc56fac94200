"""`tf-bert COMMAND`: the scripts as one command."""

import os
import subprocess
import sys

import pytest

from scripts import commands
from tests.scripts.conftest import ROOT, scripts


def tf_bert(*words):
    return subprocess.run(
        [sys.executable, "-m", "scripts.commands", *words],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": ROOT},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_script_is_a_command():
    assert sorted(f"scripts/{name}.py" for name in commands.SCRIPTS.values()) == (
        scripts()
    )


@pytest.mark.parametrize("words", [(), ("help",), ("--help",), ("-h",)])
def test_alone_it_lists_the_commands(words):
    done = tf_bert(*words)
    assert done.returncode == 0
    assert "  classify " in done.stdout
    assert all(f"  {name} " in done.stdout for name in commands.SCRIPTS)


def test_a_command_is_its_script():
    by_command = tf_bert("train-tokenizer", "--help")
    assert by_command.returncode == 0
    assert by_command.stdout.startswith("Makes a vocabulary from text")


def test_errors_are_those_of_the_script():
    done = tf_bert("classify", "--epochs=3", "--task_name=authors")
    assert done.returncode == 1
    assert "Did you mean --num_train_epochs?" in done.stderr


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("clasify", "Did you mean classify?"),
        ("run_classifier", "Did you mean classify?"),
        ("run_classifier.py", "Did you mean classify?"),
        ("xyzzy", "tf-bert alone lists them."),
    ],
)
def test_a_command_that_there_is_not(word, said):
    done = tf_bert(word)
    assert done.returncode == 1
    assert done.stderr == f"error: There is no command {word}. {said}\n"
