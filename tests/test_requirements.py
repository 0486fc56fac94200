"""Each pinned set as pip resolves it, and what it makes work.

Needs the package index and, for each set, a Python that it is for.
"""

import glob
import json
import os
import re
import shutil
import subprocess

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
RUN_CLASSIFIER = os.path.join(ROOT, "scripts/run_classifier.py")

pytestmark = pytest.mark.slow

# Set, extras and the Pythons they are for, the newest first.
RESOLUTIONS = [
    ("cpu.txt", "tensorflow,jax,gcs,test,docs", ["3.13", "3.12", "3.11"]),
    ("cpu.txt", "tensorflow-cpu,tpu-check,gcs", ["3.12", "3.11", "3.13"]),
    # What `scripts/test.sh --all` installs.
    (
        "cpu.txt",
        "tensorflow,jax,test,docs,tfds,beam,test-parity,index",
        ["3.11", "3.12", "3.13"],
    ),
    ("gpu.txt", "tensorflow-gpu,gcs", ["3.13", "3.12", "3.11"]),
    ("gpu.txt", "jax-gpu,gcs", ["3.13", "3.12", "3.11"]),
    ("colab-tpu-jax.txt", "jax,gcs", ["3.13"]),
    ("kaggle-tpu.txt", "tensorflow-cpu,jax,gcs", ["3.12"]),
    ("tpu-tensorflow.txt", "tpu-tensorflow,gcs", ["3.12", "3.11"]),
]


def find_python(versions):
    """An interpreter of one of the versions, from PATH or from pyenv."""
    for version in versions:
        pyenv = os.path.expanduser(f"~/.pyenv/versions/{version}*/bin/python")
        for candidate in (f"python{version}", *sorted(glob.glob(pyenv))):
            program = "import sys; print('%d.%d' % sys.version_info[:2])"
            path = shutil.which(candidate)
            if path and run([path, "-c", program], check=False) == version:
                return path
    pytest.skip(f"Python {' or '.join(versions)} is not installed")


def run(command, *, check=True, **options):
    """What the command prints."""
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, **options
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done.stdout.strip()


def make_environment(folder, versions):
    """A new virtual environment; returns its interpreter."""
    run([find_python(versions), "-m", "venv", str(folder)])
    return str(folder / "bin/python")


def pip_install(python, pins, extras, *arguments):
    run(
        [
            *(python, "-m", "pip", "install", "--quiet", "--no-compile"),
            *("--disable-pip-version-check", "--no-input", "--prefer-binary"),
            *("--constraint", f"requirements/{pins}", *arguments),
            *("--editable", f".[{extras}]"),
        ],
        cwd=ROOT,
    )


def resolve(python, pins, extras, *, report):
    """Package -> version that pip would install, the toolkit left out."""
    pip_install(python, pins, extras, "--dry-run", "--report", str(report))
    chosen = {
        normal(each["metadata"]["name"]): each["metadata"]["version"]
        for each in json.loads(report.read_text())["install"]
    }
    del chosen["tf-bert-toolkit"]
    return chosen


def run_alone(python, *arguments, **variables):
    """Runs the interpreter without this session's variables."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME")}
    return run([python, *arguments], cwd=ROOT, env={**kept, **variables})


def read_pins(name):
    """Package -> version, those of a set that it names first included."""
    pins = {}
    with open(os.path.join(ROOT, "requirements", name), encoding="utf-8") as file:
        for line in file:
            if line.startswith("-c "):
                pins |= read_pins(line.split()[1])
            elif match := re.match(r"([\w-]+)==(\S+)", line):
                pins[normal(match[1])] = match[2]
    return pins


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize(("pins", "extras", "versions"), RESOLUTIONS)
def test_all_that_pip_would_install_is_pinned(tmp_path, pins, extras, versions):
    python = make_environment(tmp_path / "venv", versions)
    chosen = resolve(python, pins, extras, report=tmp_path / "report.json")
    assert chosen.items() <= read_pins(pins).items()


def test_elsewhere_than_on_colab_its_set_takes_the_libtpu_of_its_jax(tmp_path):
    python = make_environment(tmp_path / "venv", ["3.13"])
    report = tmp_path / "report.json"
    chosen = resolve(python, "colab-tpu-jax.txt", "tpu-check,gcs", report=report)
    assert chosen.pop("libtpu") == "0.0.23"
    assert chosen.items() <= read_pins("colab-tpu-jax.txt").items()


def test_jax_of_the_gpu_set_starts_without_a_gpu(tmp_path):
    python = make_environment(tmp_path / "venv", ["3.13", "3.12", "3.11"])
    pip_install(python, "gpu.txt", "jax")
    program = "import jax; print(jax.devices()[0].platform)"
    assert run_alone(python, "-c", program) == "cpu"


def test_tensorflow_of_tpus_says_in_a_sentence_that_there_is_none(tmp_path):
    python = make_environment(tmp_path / "venv", ["3.12", "3.11"])
    pip_install(python, "tpu-tensorflow.txt", "tpu-tensorflow,gcs")
    program = """
from runtime.errors import PlacementError
from runtime.devices.placement import Accelerator, Backend, place
try:
    place(Accelerator.TPU, backend=Backend.TENSORFLOW)
except PlacementError as error:
    print(error)
import keras, tensorflow, tf_bert.classifier.run
print(keras.backend.backend(), tensorflow.__version__)
"""
    *said, versions = run_alone(python, "-c", program).splitlines()
    assert len(said) == 1
    assert "This machine has no TPU" in said[0]
    assert versions == "tensorflow 2.19.1"


def test_colabs_tpu_image_trains_without_tensorflow(tmp_path, small_task):
    python = make_environment(tmp_path / "venv", ["3.13"])
    pip_install(python, "colab-tpu-jax.txt", "jax,gcs")
    output_dir = tmp_path / "out"
    settings = {
        name: ",".join(value) if isinstance(value, tuple) else value
        for name, value in small_task.settings().items()
    }
    run_alone(
        python,
        RUN_CLASSIFIER,
        *[f"--{name}={value}" for name, value in settings.items()],
        *("--do_train", "--do_eval", "--do_predict", "--accelerator=cpu"),
        *("--train_batch_size=16", "--learning_rate=1e-2", "--max_steps=40"),
        *("--steps_per_call=4", "--pad_to=max", f"--output_dir={output_dir}"),
    )
    assert {path.name for path in output_dir.iterdir()} >= {
        "train.tf_record",
        "classification_report.txt",
        "confusion_matrix.png",
        "test_results.tsv",
        "predictions.tsv",
    }
    lines = (output_dir / "metrics.jsonl").read_text().splitlines()
    losses = [each["loss"] for each in map(json.loads, lines) if "loss" in each]
    assert sum(losses[-8:]) < 0.5 * sum(losses[:8])
    run_record = json.loads((output_dir / "run.json").read_text())
    assert "tensorflow" not in json.dumps(run_record.get("versions", {}))
