import importlib.metadata
import os
import sys

import pytest

from runtime import storage
from runtime.doctor import package_check
from runtime.doctor.diagnosis import Verdict

ROOT = os.path.dirname(package_check.PINS)
METADATA = """\
Requires-Dist: keras>=3.15
Requires-Dist: numpy
Requires-Dist: sentencepiece<1,>=0.2
Requires-Dist: winonly; sys_platform == "win32"
Requires-Dist: safetensors>=0.4; sys_platform != "win32"
Provides-Extra: tensorflow
Requires-Dist: tensorflow<2.22,>=2.19; extra == "tensorflow"
Provides-Extra: jax
Requires-Dist: jax>=0.7; extra == "jax"
Provides-Extra: tpu-check
Requires-Dist: jax[tpu]>=0.7; extra == "tpu-check"
Provides-Extra: other
Requires-Dist: numpy>=99; sys_platform == "win32" and extra == "other"
Requires-Dist: only-on-windows==1; sys_platform == "win32" and extra == "other"
Provides-Extra: test
Requires-Dist: pytest>=8; extra == "test"
"""


@pytest.fixture
def install(tmp_path):
    """Writes metadata as pip does; returns the folder they lie in."""
    folder = tmp_path / "site-packages"
    folder.mkdir()

    def install(packages, *, metadata=METADATA):
        for name, version in packages.items():
            info = folder / f"{name.replace('-', '_')}-{version}.dist-info"
            info.mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            more = metadata if name == package_check.DISTRIBUTION else ""
            (info / "METADATA").write_text(text + more)
        return [str(folder)]

    return install


@pytest.fixture
def complete():
    """The package, and what it requires, each in some version that fits."""
    return {
        package_check.DISTRIBUTION: "0.1.0",
        "keras": "9.1",
        "numpy": "9.1",
        "sentencepiece": "0.2.3",
        "safetensors": "9.1",
    }


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


def test_what_is_required_is_what_the_installed_package_says():
    said = importlib.metadata.requires(package_check.DISTRIBUTION)
    core = [line for line in said if "extra ==" not in line]
    found = package_check._requirements("", search_path=None)
    assert [str(each) for each in found] == core
    assert "keras>=3.15" in core
    assert package_check.are_complete()


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


@pytest.mark.parametrize(
    ("name", "version", "said"),
    [
        ("sentencepiece", "0.1.99", "sentencepiece<1,>=0.2"),
        ("sentencepiece", "1.0", "sentencepiece<1,>=0.2"),
        ("sentencepiece", "unknown", "sentencepiece<1,>=0.2"),
        ("keras", "3.14.2", "keras>=3.15"),
        ("keras", "3.15.0rc1", "keras>=3.15"),
        ("keras", "3.2", "keras>=3.15"),
    ],
)
def test_a_version_that_the_setup_refuses(
    machine, install, complete, name, version, said
):
    found = machine(install({**complete, name: version}))["packages"]
    assert found.verdict is Verdict.PROBLEM
    assert found.found == f"{name} {version} does not fit {said}"


@pytest.mark.parametrize("version", ["3.15", "3.16.0.dev1", "3.15.0+local", "10.0"])
def test_a_version_that_the_setup_takes(machine, install, complete, version):
    found = machine(install({**complete, "keras": version}))["packages"]
    assert found.verdict is Verdict.OK
    assert found.found == "all 4 required ones are there"


@pytest.mark.parametrize(
    ("package", "verdict", "said"),
    [
        (
            {"tensorflow": "2.18.1"},
            Verdict.PROBLEM,
            "tensorflow 2.18.1 does not fit tensorflow<2.22,>=2.19, which the extra "
            "[tensorflow] asks for",
        ),
        (
            {"jax": "0.6.2"},
            Verdict.PROBLEM,
            "jax 0.6.2 does not fit jax>=0.7, which the extra [jax] asks for",
        ),
        (
            {"pytest": "7.4"},
            Verdict.NOTE,
            "pytest 7.4 does not fit pytest>=8, which the extra [test] asks for",
        ),
    ],
)
def test_what_an_extra_refuses_is_told_once(install, complete, package, verdict, said):
    found = [
        finding
        for finding in package_check.check(search_path=install(complete | package))
        if finding.check == "packages"
    ]
    assert [(each.verdict, each.found) for each in found[1:]] == [(verdict, said)]
    assert "pip install --upgrade --editable '.[" in found[1].remedy


def test_what_the_package_refuses_by_itself_is_no_extras(install, complete):
    path = install(complete | {"safetensors": "0.3"})
    found = [f for f in package_check.check(search_path=path) if f.check == "packages"]
    assert [each.found for each in found] == [
        "safetensors 0.3 does not fit safetensors>=0.4"
    ]


def test_what_an_extra_takes_or_nobody_installed_is_not_told(install, complete):
    path = install(complete | {"jax": "0.10.2", "only-on-windows": "2"})
    found = [f.check for f in package_check.check(search_path=path)]
    assert found.count("packages") == 1


def test_a_package_that_is_not_installed_says_nothing(machine, install, complete):
    del complete[package_check.DISTRIBUTION]
    found = machine(install(complete))["packages"]
    assert found.verdict is Verdict.PROBLEM
    assert found.found == (
        "tf-bert-toolkit itself is not installed, which says what it needs"
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
        path = install({"tensorflow-cpu": "2.20.0"})  # Kaggle's, beside JAX
        found = package_check.fitting_set(search_path=path, root=str(tmp_path))
        assert found == "kaggle-tpu.txt"
        path = install({"tensorflow-tpu": "2.19.1"})
        found = package_check.fitting_set(search_path=path, root=str(tmp_path))
        assert found == "tpu-tensorflow.txt"

    def test_every_set_is_there(self):
        names = {"cpu.txt", "gpu.txt", "tpu-tensorflow.txt"}
        names |= {"colab-tpu-jax.txt", "kaggle-tpu.txt"}
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
