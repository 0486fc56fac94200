"""Each notebook runs from its first cell to its last, in a folder of its own."""

import glob
import json
import os
import shutil
import subprocess
import sys

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTEBOOKS = sorted(glob.glob(os.path.join(ROOT, "notebooks/*.ipynb")))
EXECUTE = "import sys; from nbclient.cli import main; main(sys.argv[1:])"
TIMEOUT = 1800  # seconds a cell

# What a notebook leaves, by its name.
MADE = {
    "lstm_pretraining": {"runs/lstm/summary.txt", "runs/lstm/data_size_curve.png"},
    "own_texts": {"runs/new/predictions.tsv", "runs/hf/model.safetensors"},
}

notebooks = pytest.mark.parametrize(
    "path", NOTEBOOKS, ids=lambda path: os.path.basename(path).partition(".")[0]
)


@notebooks
def test_outputs_are_stripped(path):
    with open(path, encoding="utf-8") as file:
        cells = json.load(file)["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert code
    assert all(cell["execution_count"] is None for cell in code)
    assert all(cell["outputs"] == [] for cell in code)
    assert cells[0]["cell_type"] == "markdown"


@pytest.mark.slow
@notebooks
def test_it_runs_from_top_to_bottom(path, tmp_path):
    pytest.importorskip("nbclient", reason="of the extra [test]")
    pytest.importorskip("ipykernel", reason="of the extra [test]")
    name = os.path.basename(path).partition(".")[0]
    copy = shutil.copy(path, tmp_path)  # a notebook runs in the folder that it is in
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([ROOT, *filter(None, sys.path)]),
    }
    environment.pop("KERAS_BACKEND", None)  # tests choose it, users do not
    done = subprocess.run(
        [sys.executable, "-c", EXECUTE, f"--timeout={TIMEOUT}", copy],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    assert [made for made in MADE[name] if not (tmp_path / made).exists()] == []
