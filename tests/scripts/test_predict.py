"""The command as its users type it."""

import os
import subprocess
import sys

import pytest

ROOT = os.path.join(os.path.dirname(__file__), "../..")
SCRIPT = os.path.join(ROOT, "scripts/predict.py")


def start(*flags, **pipes):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *flags],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ROOT},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        **pipes,
    )


def test_a_folder_that_is_no_model(tmp_path):
    done = start(f"--model={tmp_path}")
    out, said = done.communicate(b"")
    assert (done.returncode, out) == (1, b"")
    assert f"error: {tmp_path}: holds no weights" in said.decode()


def test_flags_that_do_not_fit():
    done = start("--text_a=x")
    said = done.communicate(b"")[1].decode()
    assert done.returncode == 1
    assert "--model is required." in said
    assert "--text_a names a column of a table" in said


@pytest.mark.slow
class TestATrainedRun:
    @pytest.fixture(scope="class")
    def model(self, tmp_path_factory, small_task):
        """The weights of a run's first checkpoint are as good as any."""
        folder = tmp_path_factory.mktemp("run")
        values = {**small_task.settings(), "labels": "hot,cold,mild"}
        del values["text_b"]
        flags = [f"--{name}={value}" for name, value in values.items()]
        subprocess.run(
            [
                sys.executable,
                os.path.join(ROOT, "scripts/run_classifier.py"),
                *flags,
                "--do_train",
                "--max_steps=1",
                f"--output_dir={folder}/run",
            ],
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": ROOT},
            check=True,
            capture_output=True,
        )
        return f"--model={folder}/run"

    def test_a_pipe_in_and_out(self, model):
        done = start(model)
        out, said = done.communicate(b"hot w1\ncold w2\n")
        assert done.returncode == 0, said
        rows = [line.split("\t") for line in out.decode().splitlines()]
        assert [row[2] for row in rows] == ["hot w1", "cold w2"]
        assert {row[0] for row in rows} <= {"hot", "cold", "mild"}

    def test_what_is_not_utf_8_is_named(self, model):
        done = start(model)
        said = done.communicate(b"hot\n\xff\n")[1].decode()
        assert done.returncode == 1
        assert "standard input:2: expected UTF-8, found 0xff at byte 4" in said
        assert "Traceback" not in said

    def test_a_reader_that_goes_ends_it_quietly(self, model):
        done = start(model)
        done.stdout.close()
        said = done.communicate(b"hot\n" * 5000)[1].decode()
        assert done.returncode == 0
        assert "Traceback" not in said
        assert "BrokenPipe" not in said
