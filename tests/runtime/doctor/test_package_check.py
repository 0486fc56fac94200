import configparser
import os
import re
import sys

import pytest

from runtime import storage
from runtime.doctor import package_check
from runtime.doctor.diagnosis import Verdict

ROOT = os.path.dirname(package_check.PINS)


@pytest.fixture
def install(tmp_path):
    """Writes metadata as pip does; returns the folder they lie in."""
    folder = tmp_path / "site-packages"
    folder.mkdir()

    def install(packages):
        for name, version in packages.items():
            info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (info / "METADATA").write_text(text)
        return [str(folder)]

    return install


@pytest.fixture
def complete():
    """The required packages, each in some version."""
    return dict.fromkeys(package_check.REQUIRED, "9.1")


@pytest.fixture
def machine(tmp_path):
    """Runs the check on made-up folders; returns its findings by name."""
    pins = tmp_path / "requirements"
    pins.mkdir()
    (pins / "cpu.txt").write_text("# why\nkeras==9.1  # because\nnumpy==2.4.6  # so\n")

    def check(path):
        found = package_check.check(
            search_path=path, pins=str(pins), root=str(tmp_path / "root")
        )
        return {finding.check: finding for finding in found}

    return check


def test_required_packages_are_those_of_the_setup():
    setup = configparser.ConfigParser()
    setup.read(os.path.join(ROOT, "setup.cfg"), encoding="utf-8")
    lines = setup["options"]["install_requires"].splitlines()
    names = [re.match(r"[\w-]*", line)[0] for line in lines]
    assert tuple(filter(None, names)) == package_check.REQUIRED
    assert [line for line in lines if ">=" in line] == [
        "keras>=3.15",
        "absl-py>=2",
        "sentencepiece>=0.2",
    ]


def test_all_is_well(machine, install, complete):
    found = machine(install({**complete, "numpy": "2.4.6", "tensorflow-cpu": "2.21.0"}))
    assert [*found] == ["python", "packages", "versions", "tensorflow"]
    assert {finding.verdict for finding in found.values()} == {Verdict.OK}
    assert found["versions"].found == "all 2 as in requirements/cpu.txt"
    assert found["tensorflow"].found == "tensorflow-cpu 2.21.0"


def test_a_missing_package(machine, install, complete):
    del complete["safetensors"]
    found = machine(install(complete))["packages"]
    assert found.verdict is Verdict.PROBLEM
    assert found.found == "not installed: safetensors"
    assert "pip install" in found.remedy


def test_packages_that_are_too_old(machine, install, complete):
    old = {**complete, "keras": "3.14.2", "absl-py": "1.4.0"}
    found = machine(install(old))["packages"]
    assert found.verdict is Verdict.PROBLEM
    assert found.found == (
        "keras 3.14.2 is older than 3.15; absl-py 1.4.0 is older than 2"
    )


def test_other_versions_than_the_pinned_are_worth_a_note(machine, install, complete):
    found = machine(install(complete))["versions"]
    assert found.verdict is Verdict.NOTE
    assert found.found == "other than in requirements/cpu.txt: numpy 9.1 (not 2.4.6)"
    assert "--constraint requirements/cpu.txt" in found.remedy


def test_without_a_checkout_there_are_no_pins(install, complete, tmp_path):
    found = package_check.check(
        search_path=install(complete), pins=str(tmp_path / "none"), root=str(tmp_path)
    )
    assert [f.verdict for f in found if f.check == "versions"] == [Verdict.NOTE]


def test_no_tensorflow_is_no_problem(machine, install, complete):
    found = machine(install(complete))["tensorflow"]
    assert found.verdict is Verdict.OK
    assert "--backend=jax" in found.found


@pytest.mark.parametrize(
    "packages",
    [
        {"tensorflow": "2.21.0", "tensorflow-cpu": "2.21.0"},
        {"tensorflow-tpu": "2.20.0", "libtpu": "0.0.52"},
        {"tensorflow-tpu": "2.19.1"},
    ],
)
def test_a_tensorflow_that_does_not_fit(machine, install, complete, packages):
    found = machine(install(complete | packages))["tensorflow"]
    assert found.verdict is Verdict.PROBLEM
    assert "pip " in found.found


@pytest.mark.parametrize("version", [(3, 10, 4, "final", 0), (3, 14, 0, "final", 0)])
def test_a_python_that_does_not_fit(machine, install, complete, monkeypatch, version):
    monkeypatch.setattr(sys, "version_info", version)
    assert machine(install(complete))["python"].verdict is Verdict.PROBLEM


class TestFittingSet:
    @pytest.fixture
    def add(self, tmp_path):
        def add(path):
            (tmp_path / path).parent.mkdir(parents=True)
            (tmp_path / path).touch()

        return add

    def test_a_machine_without_accelerator(self, tmp_path):
        found = package_check.fitting_set(search_path=[], root=str(tmp_path))
        assert found == "cpu.txt"

    @pytest.mark.parametrize("file", ["dev/nvidia0", "dev/dxg"])
    def test_a_gpu(self, tmp_path, add, file):
        add(file)
        found = package_check.fitting_set(search_path=[], root=str(tmp_path))
        assert found == "gpu.txt"

    def test_a_tpu(self, tmp_path, add, install):
        add("dev/vfio/0")
        path = install({"jax": "0.7.2"})
        found = package_check.fitting_set(search_path=path, root=str(tmp_path))
        assert found == "colab-tpu-jax.txt"
        path = install({"tensorflow-tpu": "2.19.1"})
        found = package_check.fitting_set(search_path=path, root=str(tmp_path))
        assert found == "tpu-tensorflow.txt"

    def test_every_set_is_there(self):
        names = {"cpu.txt", "gpu.txt", "colab-tpu-jax.txt", "tpu-tensorflow.txt"}
        assert names == {*storage.list_dir(package_check.PINS)}


def test_pins_are_read_without_their_reasons(tmp_path):
    text = "# keras==1\nkeras==3.15.1  # floor\nml_dtypes==0.6.0  # x==1\n\n"
    (tmp_path / "a.txt").write_text(text)
    (tmp_path / "b.txt").write_text("-c a.txt\nnumpy==2.4.6  # so\n")
    assert package_check.read_pins(str(tmp_path / "b.txt")) == {
        "numpy": "2.4.6",
        "keras": "3.15.1",
        "ml_dtypes": "0.6.0",
    }
