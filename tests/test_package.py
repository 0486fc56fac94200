"""What the package says it needs, and what is in the wheel that users install."""

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PACKAGES = (
    "lstm_pretrain",
    "pipelines",
    "processors",
    "recipes",
    "runtime",
    "scripts",
    "tf_bert",
)
# Pinned set -> the extras that it is for.
EXTRAS = {
    "cpu.txt": [
        "tensorflow",
        "tensorflow-cpu",
        "jax",
        "tpu-check",
        "gcs",
        "tfds",
        "beam",
        "tokenizers",
        "titles",
        "index",
        "export",
        "serve",
        "mlflow",
        "test",
        "docs",
        "test-parity",
    ],
    "gpu.txt": ["tensorflow-gpu", "jax-gpu", "gcs"],
    "tpu-tensorflow.txt": ["tpu-tensorflow", "gcs"],
    "colab-tpu-jax.txt": ["jax", "gcs"],
    "kaggle-tpu.txt": ["tensorflow-cpu", "jax", "gcs"],
}
BUILD_INPUTS = ("LICENSE", "README.md", "pyproject.toml", "setup.cfg")


@pytest.fixture(scope="module")
def metadata():
    """The package's setup.cfg."""
    parser = configparser.ConfigParser()
    parser.read(os.path.join(ROOT, "setup.cfg"), encoding="utf-8")
    return parser


def read_pins(name):
    """Package -> version of a pinned set; those of a set it names first included."""
    with open(os.path.join(ROOT, "requirements", name), encoding="utf-8") as file:
        lines = [line for line in file if line.strip() and not line.startswith("#")]
    others = [line.split()[1] for line in lines if line.startswith("-c ")]
    lines = [line for line in lines if not line.startswith("-c ")]
    matches = [re.fullmatch(r"([\w-]+)==([\w.]+) +# \S.*\n", line) for line in lines]
    assert None not in matches, "a line is no pin with a reason"
    own = {normal(match[1]): match[2] for match in matches}
    assert len(own) == len(matches), "a package is pinned twice"
    return {k: v for other in others for k, v in read_pins(other).items()} | own


@pytest.fixture(scope="module")
def wheel_file(tmp_path_factory):
    """A wheel, built in a copy of the sources."""
    copy = tmp_path_factory.mktemp("sources")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(os.path.join(ROOT, package), copy / package, ignore=ignored)
    for name in BUILD_INPUTS:
        shutil.copy(os.path.join(ROOT, name), copy)
    program = "from setuptools import build_meta; build_meta.build_wheel('.')"
    subprocess.run(
        [sys.executable, "-c", program], cwd=copy, check=True, capture_output=True
    )
    [path] = copy.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def wheel(wheel_file):
    """Names of the files in it."""
    with zipfile.ZipFile(wheel_file) as file:
        return file.namelist()


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements(text):
    """Names that a block of requirements names, comments left out."""
    lines = [line.strip() for line in text.splitlines()]
    return {
        normal(re.match(r"[\w.-]+", line)[0])
        for line in lines
        if line and not line.startswith("#")
    }


def files_of(package):
    found = []
    for folder, _, names in os.walk(os.path.join(ROOT, package)):
        paths = [os.path.relpath(os.path.join(folder, name), ROOT) for name in names]
        found += [path.replace(os.sep, "/") for path in paths]
    return {path for path in found if "__pycache__" not in path}


def test_no_framework_is_required(metadata):
    core = requirements(metadata["options"]["install_requires"])
    assert "keras" in core
    assert core.isdisjoint({"tensorflow", "tensorflow-cpu", "jax", "jaxlib", "torch"})


def test_keras_is_held_above_its_security_floor(metadata):
    assert "keras>=3.15" in metadata["options"]["install_requires"]


def test_the_extras(metadata):
    extras = dict(metadata["options.extras_require"])
    pinned = {extra for names in EXTRAS.values() for extra in names}
    assert extras.keys() == pinned
    assert extras["tensorflow"].split() == ["tensorflow>=2.19,<2.22"]


@pytest.mark.parametrize("name", EXTRAS)
def test_every_direct_requirement_is_pinned_with_a_reason(metadata, name):
    blocks = [metadata["options"]["install_requires"]]
    extras = dict(metadata["options.extras_require"])
    blocks += [extras[extra] for extra in EXTRAS[name]]
    for block in blocks:
        assert requirements(block) <= read_pins(name).keys()


def test_every_set_of_pins_is_for_some_extras():
    assert set(os.listdir(os.path.join(ROOT, "requirements"))) == EXTRAS.keys()


@pytest.mark.parametrize("name", EXTRAS)
def test_every_set_is_above_keras_security_floor(name):
    assert read_pins(name)["keras"].startswith("3.15.")


def test_both_tensorflows_are_pinned_alike():
    pins = read_pins("cpu.txt")
    assert pins["tensorflow"] == pins["tensorflow-cpu"]


def test_tensorflow_of_tpus_is_pinned_with_the_one_driver_it_loads():
    pins = read_pins("tpu-tensorflow.txt")
    assert (pins["tensorflow-tpu"], pins["libtpu"]) == ("2.19.1", "0.0.10")
    assert pins.keys().isdisjoint({"tensorflow", "tensorflow-cpu"})


def test_the_wheel_holds_every_file_of_the_packages(wheel):
    expected = set().union(
        *(files_of(package) for package in PACKAGES if package != "scripts")
    )
    expected |= {path for path in files_of("scripts") if path.endswith(".py")}
    assert "processors/data/authors/train.tsv" in expected
    assert "processors/data/aozora_spm_8k/aozora-ja.model" in expected
    assert "recipes/quickstart.flags" in expected
    assert expected - set(wheel) == set()


def test_the_wheel_holds_nothing_else(wheel):
    assert {name.partition("/")[0] for name in wheel} == {
        *PACKAGES,
        "tf_bert_toolkit-0.1.0.dist-info",
    }


def test_the_wheel_carries_the_licences(wheel):
    """The code's is not that of the weights and the texts it comes with."""
    folder = "tf_bert_toolkit-0.1.0.dist-info/licenses"
    assert {name for name in wheel if name.startswith(folder)} == {
        f"{folder}/LICENSE",
        f"{folder}/tf_bert/data/ja-mini/LICENSE.txt",
        f"{folder}/tf_bert/data/ja-mini/SOURCES.md",
        f"{folder}/processors/data/company_news/README.txt",
    }


def test_the_wheel_is_small(wheel_file):
    assert wheel_file.stat().st_size < 25_000_000


def test_the_wheel_brings_one_command(wheel_file):
    with zipfile.ZipFile(wheel_file) as file:
        text = file.read("tf_bert_toolkit-0.1.0.dist-info/entry_points.txt").decode()
    assert text.split() == [
        "[console_scripts]",
        "tf-bert",
        "=",
        "scripts.commands:main",
    ]


EXPANDING = """
import json, os, sys
from scripts import recipes
root = os.path.dirname(os.path.dirname(recipes.__file__))
names = [n.removesuffix(".flags") for n in os.listdir(f"{root}/recipes") if ".f" in n]
found = {n: recipes.expand([f"--flagfile=recipes:{n}"]) for n in names}
json.dump([root, found], sys.stdout)
"""


def test_installed_recipes_name_files_that_are_installed_too(wheel_file, tmp_path):
    installed = tmp_path / "site-packages"
    with zipfile.ZipFile(wheel_file) as file:
        file.extractall(installed)
    done = subprocess.run(
        [sys.executable, "-c", EXPANDING],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    root, found = json.loads(done.stdout)
    assert root == str(installed)
    assert {"quickstart", "merosu_mlm", "livedoor_small"} <= found.keys()
    values = [flag.partition("=")[2] for flags in found.values() for flag in flags]
    named = [value for value in values if value.startswith(str(installed))]
    assert len(named) > 5
    assert all(map(os.path.exists, named))
    sources = ("recipes", "processors", "tf_bert", "lstm_pretrain")
    assert not [value for value in values if value.startswith(sources)]
