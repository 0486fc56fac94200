"""Each notebook runs from its first cell to its last, in a folder of its own."""

import glob
import json
import os
import re
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTEBOOKS = sorted(glob.glob(os.path.join(ROOT, "notebooks/*.ipynb")))
EXECUTE = "import sys; from nbclient.cli import main; main(sys.argv[1:])"
TIMEOUT = 1800  # seconds a cell

# What a notebook leaves in its folder, by its name.
MADE = {
    "kaggle_tpu": {"runs/kaggle/predictions.tsv", "answers.tsv"},
    "lstm_pretraining": {"runs/lstm/summary.txt", "runs/lstm/data_size_curve.png"},
    "own_texts": {"runs/reviews/predictions.tsv", "runs/hf/model.safetensors"},
    "titles_and_pairs": {"titles.jsonl", "nearest.tsv"},
}


def name_of(path):
    return os.path.basename(path).partition(".")[0]


def execute(path, *, folder):
    """Runs a copy of a notebook, in the folder, as whoever opens it would."""
    pytest.importorskip("nbclient", reason="of the extra [test]")
    pytest.importorskip("ipykernel", reason="of the extra [test]")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([ROOT, *filter(None, sys.path)]),
    }
    environment.pop("KERAS_BACKEND", None)  # tests choose it, users do not
    copy = shutil.copy(path, folder)
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, f"--timeout={TIMEOUT}", copy],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_outputs_are_stripped(path):
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["execution_count"] is None for cell in code)
    assert all(cell["outputs"] == [] for cell in code)
    assert cells[0]["cell_type"] == "markdown"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_a_model_that_is_named_comes_with_the_toolkit(path):
    with open(path, encoding="utf-8") as file:
        named = re.findall(r"bundled:([\w-]+)|tf_bert[^\"]*/data/([\w-]+)", file.read())
    there = os.listdir(os.path.join(ROOT, "tf_bert/data"))
    assert {name for pair in named for name in pair if name} <= {*there}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=name_of)
def test_what_a_notebook_installs_it_can_import(path):
    """Pip's entry for an editable package is read when Python starts, not before."""
    with open(path, encoding="utf-8") as file:
        first = json.load(file)["cells"][1]
    *_, install, line = first["source"]
    assert "%pip install" in install
    assert line.strip().startswith("sys.path.append(os.path.abspath(CHECKOUT))")


@pytest.mark.slow
@pytest.mark.parametrize("name", MADE)
def test_it_runs_from_top_to_bottom(name, tmp_path):
    execute(os.path.join(ROOT, f"notebooks/{name}.ipynb"), folder=tmp_path)
    assert [made for made in MADE[name] if not (tmp_path / made).exists()] == []


@pytest.mark.slow
def test_a_run_in_a_bucket_goes_on_after_its_runtime_is_lost(fake_bucket, tmp_path):
    path = os.path.join(ROOT, "notebooks/colab_tpu_bucket.ipynb")
    execute(path, folder=tmp_path)
    made = {name for name in fake_bucket.objects if name.startswith("reviews/")}
    assert made >= {"reviews/eval_results.txt", "reviews/learning_curve.png"}
    steps = [
        json.loads(line)["step"]
        for line in fake_bucket.objects["reviews/metrics.jsonl"].content.splitlines()
        if b"learning_rate" in line
    ]
    assert steps == list(range(1, len(steps) + 1))


def test_no_notebook_is_left_out():
    assert {*MADE, "colab_tpu_bucket"} == set(map(name_of, NOTEBOOKS))
