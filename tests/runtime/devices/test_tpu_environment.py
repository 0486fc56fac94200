import os
import sys

import pytest

from runtime.devices import tpu_environment

VARIABLES = (
    "COLAB_TPU_ADDR",
    "NEXT_PLUGGABLE_DEVICE_USE_C_API",
    "PJRT_DEVICE",
    "TF_PLUGGABLE_DEVICE_LIBRARY_PATH",
    "TF_XLA_FLAGS",
    "TPU_ACCELERATOR_TYPE",
    "TPU_LIBRARY_PATH",
    "TPU_NAME",
    "TPU_SKIP_MDS_QUERY",
)
PJRT = {"NEXT_PLUGGABLE_DEVICE_USE_C_API": "true", "PJRT_DEVICE": "TPU"}


@pytest.fixture(autouse=True)
def environment(monkeypatch):
    """An environment without any variable of TPUs, for this test."""
    kept = {name: text for name, text in os.environ.items() if name not in VARIABLES}
    monkeypatch.setattr(os, "environ", kept)
    return kept


@pytest.fixture
def machine(tmp_path):
    """A folder that stands for `/`; `add` puts files into it."""

    class Machine:
        root = str(tmp_path / "root")

        def add(self, path, text=""):
            file = tmp_path / "root" / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")

        def add_chip(self, device, number=4):
            folder = f"sys/bus/pci/devices/0000:00:0{number}.0"
            self.add(f"{folder}/vendor", "0x1ae0\n")
            self.add(f"{folder}/device", f"{device}\n")

    return Machine()


@pytest.fixture
def install(tmp_path):
    """Writes metadata as pip does; returns the folder they lie in."""
    folder = tmp_path / "site-packages"
    folder.mkdir()

    def install(**packages):
        for name, version in packages.items():
            (folder / f"{name}-{version}.dist-info").mkdir()
            text = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
            (folder / f"{name}-{version}.dist-info/METADATA").write_text(text)
        return [str(folder)]

    return install


class TestPrepare:
    def set(self, environment):
        return {name: environment[name] for name in VARIABLES if name in environment}

    def test_without_a_tpu_nobody_is_asked_for_one(self, environment, machine):
        tpu_environment.prepare("local", root=machine.root)
        assert self.set(environment) == {"TPU_NAME": "local", "TPU_SKIP_MDS_QUERY": "1"}

    @pytest.mark.parametrize("chip", ["0x0062", "0x0063", "0x006f"])
    def test_v5p_v5e_and_v6e_are_reached_through_pjrt(self, environment, machine, chip):
        machine.add_chip(chip)
        machine.add("lib/libtpu.so")
        environment["TPU_LIBRARY_PATH"] = "/opt/libtpu.so"
        tpu_environment.prepare("", root=machine.root)
        assert self.set(environment) == PJRT | {
            "TF_PLUGGABLE_DEVICE_LIBRARY_PATH": "/opt/libtpu.so",
            "TF_XLA_FLAGS": "--tf_mlir_enable_mlir_bridge=true",
            "TPU_LIBRARY_PATH": "/opt/libtpu.so",
            "TPU_NAME": "local",
        }

    @pytest.mark.parametrize("chip", ["0x0027", "0x005e"])
    def test_v2_to_v4_are_not(self, environment, machine, chip):
        machine.add_chip(chip)
        machine.add("dev/vfio/0")
        tpu_environment.prepare("local", root=machine.root)
        assert self.set(environment) == {"TPU_NAME": "local"}

    def test_device_files_tell_where_the_bus_is_hidden(self, environment, machine):
        machine.add("dev/accel0")
        tpu_environment.prepare("local", root=machine.root)
        assert "PJRT_DEVICE" not in environment
        machine.add("dev/vfio/0")
        tpu_environment.prepare("local", root=machine.root)
        assert environment.items() >= PJRT.items()

    def test_the_machine_may_say_itself_what_it_is(self, environment, machine):
        machine.add("dev/vfio/0")
        environment["TPU_ACCELERATOR_TYPE"] = "v4-8"
        tpu_environment.prepare("local", root=machine.root)
        assert "PJRT_DEVICE" not in environment
        environment["TPU_ACCELERATOR_TYPE"] = "v5litepod-1"
        tpu_environment.prepare("local", root=machine.root)
        assert environment.items() >= PJRT.items()

    def test_a_named_tpu_is_not_reached_through_pjrt(self, environment, machine):
        machine.add_chip("0x0063")
        tpu_environment.prepare("my-tpu", root=machine.root)
        assert self.set(environment) == {"TPU_NAME": "my-tpu"}

    def test_libtpu_is_found_in_its_package(
        self, environment, machine, tmp_path, monkeypatch
    ):
        machine.add_chip("0x0063")
        (tmp_path / "libtpu").mkdir()
        (tmp_path / "libtpu/__init__.py").write_text("raise ImportError")
        monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
        tpu_environment.prepare("local", root=machine.root)
        found = environment["TF_PLUGGABLE_DEVICE_LIBRARY_PATH"]
        assert found == str(tmp_path / "libtpu/libtpu.so")

    def test_nothing_that_is_set_changes(self, environment, machine):
        machine.add_chip("0x006f")
        mine = {
            "TPU_NAME": "a",
            "PJRT_DEVICE": "b",
            "NEXT_PLUGGABLE_DEVICE_USE_C_API": "c",
            "TF_PLUGGABLE_DEVICE_LIBRARY_PATH": "d",
            "TF_XLA_FLAGS": "--tf_mlir_enable_mlir_bridge=false",
        }
        environment.update(mine)
        tpu_environment.prepare("local", root=machine.root)
        assert self.set(environment) == mine

    def test_other_flags_of_xla_stay(self, environment, machine):
        machine.add_chip("0x006f")
        environment["TF_XLA_FLAGS"] = "--tf_xla_auto_jit=2"
        for _ in range(2):
            tpu_environment.prepare("local", root=machine.root)
        assert environment["TF_XLA_FLAGS"] == (
            "--tf_xla_auto_jit=2 --tf_mlir_enable_mlir_bridge=true"
        )


class TestCauses:
    def test_all_as_it_should_be(self, machine, install):
        machine.add_chip("0x006f")
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        assert tpu_environment.causes(search_path=path, root=machine.root) == ()

    def test_a_machine_without_a_tpu(self, machine, install):
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        machine.add("dev/vfio/vfio")  # the driver's own file: there without any TPU
        machine.add("sys/bus/pci/devices/0000:00:04.0/vendor", "0x1ae0\n")
        machine.add(
            "sys/bus/pci/devices/0000:00:04.0/device", "0x001f\n"
        )  # Google's disk
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert cause.startswith("This machine has no TPU")
        assert "--accelerator=auto" in cause

    @pytest.mark.parametrize("file", ["dev/accel0", "dev/accel/accel0", "dev/vfio/3"])
    def test_device_files_are_a_tpu(self, machine, install, file):
        machine.add(file)
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        assert tpu_environment.causes(search_path=path, root=machine.root) == ()

    @pytest.mark.parametrize("package", ["tensorflow", "tensorflow_cpu"])
    def test_a_tensorflow_without_tpu_support(self, machine, install, package):
        machine.add("dev/accel0")
        path = install(**{package: "2.21.0", "libtpu": "0.0.42"})
        cause = tpu_environment.causes(search_path=path, root=machine.root)[0]
        name = package.replace("_", "-")
        assert cause.startswith(f"{name} 2.21.0 is installed, which has no TPU support")
        assert f"pip uninstall -y {name}`" in cause
        assert "requirements/tpu-tensorflow.txt" in cause

    def test_no_tensorflow(self, machine, install):
        machine.add("dev/accel0")
        cause = tpu_environment.causes(search_path=install(), root=machine.root)[0]
        assert cause.startswith("TensorFlow is not installed")

    def test_two_tensorflows(self, machine, install):
        machine.add("dev/accel0")
        path = install(tensorflow="2.19.1", tensorflow_tpu="2.19.1", libtpu="0.0.10")
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert "tensorflow 2.19.1 and tensorflow-tpu 2.19.1 are installed" in cause
        assert "pip uninstall -y tensorflow tensorflow-tpu`" in cause

    def test_no_libtpu(self, machine, install):
        machine.add("dev/accel0")
        path = install(tensorflow_tpu="2.19.1")
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert "needs libtpu" in cause

    @pytest.mark.parametrize(
        ("tensorflow", "libtpu", "newest"),
        [
            ("2.19.1", "0.0.11", "0.0.10"),
            ("2.20.0", "0.0.34", "0.0.30"),
            ("2.20.0", "0.0.52", "0.0.30"),
        ],
    )
    def test_a_libtpu_that_is_too_new(
        self, machine, install, tensorflow, libtpu, newest
    ):
        machine.add("dev/accel0")
        path = install(tensorflow_tpu=tensorflow, libtpu=libtpu)
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert f"libtpu {libtpu} is installed" in cause
        assert f"pip install libtpu=={newest}`" in cause

    @pytest.mark.parametrize(
        ("tensorflow", "libtpu"),
        [("2.19.1", "0.0.10"), ("2.20.0", "0.0.9"), ("2.20.0", "0.0.30")],
    )
    def test_a_libtpu_that_loads(self, machine, install, tensorflow, libtpu):
        machine.add("dev/accel0")
        path = install(tensorflow_tpu=tensorflow, libtpu=libtpu)
        assert tpu_environment.causes(search_path=path, root=machine.root) == ()

    def test_a_python_without_a_release(self, machine, install, monkeypatch):
        machine.add("dev/accel0")
        monkeypatch.setattr(sys, "version_info", (3, 13, 0, "final", 0))
        found = tpu_environment.causes(search_path=install(), root=machine.root)
        assert "has no release for Python 3.13" in found[1]
        assert "--backend=jax" in found[1]

    def test_a_tpu_that_tensorflow_does_not_know(self, machine, install):
        machine.add_chip("0x0076")
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert "TPU7x" in cause

    def test_addresses_of_tpu_nodes(self, machine, install, environment):
        machine.add("dev/accel0")
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        [cause] = tpu_environment.causes(
            "grpc://10.0.0.2:8470", search_path=path, root=machine.root
        )
        assert cause.startswith("--tpu_name=grpc://10.0.0.2:8470 is the address of a")
        environment["COLAB_TPU_ADDR"] = "10.1.1.1:8470"
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert cause.startswith("COLAB_TPU_ADDR=10.1.1.1:8470 is the address of a")

    def test_a_tpu_in_use(self, machine, install):
        machine.add("dev/accel0")
        machine.add("tmp/libtpu_lockfile")
        path = install(tensorflow_tpu="2.19.1", libtpu="0.0.10")
        [cause] = tpu_environment.causes(search_path=path, root=machine.root)
        assert "Another process may hold the TPU" in cause

    def test_the_most_probable_comes_first(self, machine, install, environment):
        path = install(tensorflow="2.21.0", tensorflow_cpu="2.21.0")
        environment["COLAB_TPU_ADDR"] = "10.1.1.1:8470"
        found = tpu_environment.causes(search_path=path, root=machine.root)
        starts = ["COLAB_TPU_ADDR", "This machine", "tensorflow 2.21.0 and"]
        assert len(found) >= 3
        for cause, start in zip(found, starts, strict=False):
            assert cause.startswith(start)

    def test_it_answers_for_this_machine(self):
        for cause in tpu_environment.causes():
            assert cause[0].isupper() or cause.startswith(("tensorflow", "tf-"))
            assert cause.endswith(".")


def test_versions_of_installed_packages(install):
    path = install(tensorflow_cpu="2.21.0", libtpu_nightly="0.1.dev1")
    names = ("tensorflow", "tensorflow-cpu")
    found = tpu_environment.installed(names, search_path=path)
    assert found == {"tensorflow-cpu": "2.21.0"}
