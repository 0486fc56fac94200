import dataclasses
import importlib.util
import os
import subprocess
import sys
from unittest import mock

import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from runtime.devices import placement
from runtime.devices.placement import (
    Accelerator,
    Backend,
    Placement,
    Precision,
    ProcessGroup,
    TpuAddress,
    place,
)
from runtime.errors import PlacementError
from tests import process_group
from tests.runtime.engine import engine_runs

ROOT = os.path.join(os.path.dirname(__file__), "../../..")
OTHER = {Backend.TENSORFLOW: Backend.JAX, Backend.JAX: Backend.TENSORFLOW}


def test_one_cpu_is_the_default(backend):
    found = place(Accelerator.CPU, backend=backend)
    assert found.backend is backend
    assert found.accelerator is Accelerator.CPU
    assert found.precision is Precision.FLOAT32
    assert found.devices == ("CPU:0",)
    assert found.replicas == 1
    assert found.is_chief


def test_auto_takes_what_is_there(backend, monkeypatch):
    monkeypatch.setattr(placement, "_FINDERS", {backend: placement._FINDERS[backend]})
    found = place()
    assert found.backend is backend
    assert found.accelerator is not Accelerator.AUTO


def test_several_devices_by_name(place_on):
    found = place_on(8, precision=Precision.BFLOAT16)
    assert found.replicas == 8
    assert found.devices[7] == "CPU:7"
    assert found.describe() == f"8 x CPU, {found.backend.value}, bfloat16"
    assert found.describe_batch(64, accumulation=2) == (
        "batch 64 = 8 replicas x 2 slices x 4"
    )
    assert found.processes == 1


def test_a_placement_tells_all_that_is_known_in_a_line():
    found = Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.TPU,
        precision=Precision.BFLOAT16,
        devices=tuple(f"TPU:{index}" for index in range(8)),
        strategy=None,
        max_row_shapes=8,
        kind="TPU v5e",
        device_bytes=16_909_336_576,
    )
    assert found.describe() == "8 x TPU v5e (15.7 GiB each), jax, bfloat16"
    assert found.describe_batch(32) == "batch 32 = 8 replicas x 4"
    several = dataclasses.replace(found, processes=2, device_bytes=None, kind="")
    assert several.describe() == "8 x TPU in 2 processes, jax, bfloat16"
    alone = dataclasses.replace(found, devices=("TPU:0",))
    assert alone.describe() == "1 x TPU v5e (15.7 GiB), jax, bfloat16"
    assert alone.describe_batch(32) == "batch 32 = 1 replica x 32"


def test_placements_on_the_same_devices_share_what_spreads_a_batch(place_on):
    # Two MirroredStrategies of one process mix up each other's reductions.
    assert place_on(8).strategy == place_on(8, precision=Precision.BFLOAT16).strategy


def test_an_unknown_device_is_named_beside_the_known(backend):
    with pytest.raises(PlacementError) as caught:
        place(Accelerator.CPU, backend=backend, devices=["CPU:0", "CPU:99"])
    assert "No device CPU:99;" in str(caught.value)
    assert "CPU:7" in str(caught.value)


@pytest.mark.parametrize("accelerator", [Accelerator.GPU, Accelerator.TPU])
def test_an_accelerator_that_is_not_there_is_refused(backend, accelerator):
    with pytest.raises(PlacementError, match="--accelerator=") as caught:
        place(accelerator, backend=backend)
    assert accelerator.value.upper() in str(caught.value).upper()


def test_a_backend_that_is_not_installed_is_refused(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", mock.Mock(return_value=None))
    with pytest.raises(PlacementError, match=r"jax is not installed.*\[jax\]"):
        place(backend=Backend.JAX)
    with pytest.raises(PlacementError, match="tensorflow or jax is not installed"):
        place()


@pytest.fixture
def asked(monkeypatch):
    """Both backends installed, no device for either; the backends asked, in order."""
    order = []

    class Finder:
        def __init__(self, name):
            self._name = name

        def find(self, request):
            order.append(self._name)
            raise PlacementError(f"{self._name} finds no {request.accelerator.value}.")

    names = {backend: backend.value for backend in placement._FINDERS}
    monkeypatch.setattr(placement, "_FINDERS", names)
    monkeypatch.setattr(placement.importlib, "import_module", Finder)
    monkeypatch.setattr(placement.importlib.util, "find_spec", mock.Mock())
    monkeypatch.setattr(placement, "bind_keras", mock.Mock())
    monkeypatch.setattr(placement.tpu_environment, "prepare", mock.Mock())
    return order


def test_auto_asks_the_first_that_is_installed(asked, monkeypatch):
    with pytest.raises(PlacementError, match=r"^tensorflow finds no auto\.$"):
        place()
    monkeypatch.setattr(
        placement.importlib.util,
        "find_spec",
        lambda name: None if name == "tensorflow" else 1,
    )
    with pytest.raises(PlacementError, match="jax finds no gpu"):
        place(Accelerator.GPU)
    assert asked == ["tensorflow", "jax"]


def test_for_a_tpu_jax_is_asked_first_and_both_say_why_not(asked):
    with pytest.raises(PlacementError) as caught:
        place(Accelerator.TPU, tpu=TpuAddress(name="mine"))
    assert str(caught.value) == "jax finds no tpu. tensorflow finds no tpu."
    assert asked == ["jax", "tensorflow"]
    placement.tpu_environment.prepare.assert_called_once_with("mine")


def test_several_processes_meet_on_jax(asked):
    with pytest.raises(PlacementError, match=r"^jax finds no auto"):
        place(group=ProcessGroup(coordinator="host:1", count=2, index=0))
    assert asked == ["jax"]


def test_each_backend_refuses_what_only_the_other_can(backend):
    if backend is Backend.JAX:
        with pytest.raises(PlacementError, match="knows no --tpu_name=mine"):
            place(Accelerator.TPU, backend=backend, tpu=TpuAddress(name="mine"))
    else:
        group = ProcessGroup(coordinator="host:1", count=2, index=0)
        with pytest.raises(PlacementError, match="TF_CONFIG"):
            place(backend=backend, group=group)


def test_keras_cannot_change_its_backend(backend, monkeypatch):
    import keras

    assert keras.backend.backend() == backend.value
    monkeypatch.setattr(importlib.util, "find_spec", mock.Mock())
    with pytest.raises(PlacementError, match=f"already runs on {backend.value}"):
        place(backend=OTHER[backend])
    assert os.environ["KERAS_BACKEND"] == backend.value


def test_precision_names_the_keras_policy():
    policies = [precision.keras_policy for precision in Precision]
    assert policies == ["float32", "float32", "mixed_bfloat16"]


def test_a_cpu_has_no_tf32(backend):
    with pytest.raises(PlacementError, match="use --precision=float32"):
        place(Accelerator.CPU, backend=backend, precision=Precision.TF32)


@pytest.mark.parametrize(
    ("flags", "precision", "warned"),
    [
        ("fpu avx2", Precision.BFLOAT16, {*OTHER}),
        ("fpu avx2", Precision.FLOAT32, set()),
        ("fpu avx2 avx512_bf16", Precision.BFLOAT16, {Backend.JAX}),
        ("fpu avx2 amx_bf16", Precision.BFLOAT16, set()),
    ],
)
def test_a_slow_precision_is_warned_of(
    backend, tmp_path, monkeypatch, caplog, flags, precision, warned
):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : {flags}\n")
    monkeypatch.setattr(placement.processor, "CPUINFO", str(cpuinfo))
    place(Accelerator.CPU, backend=backend, precision=precision)
    said = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    assert [each for each in said if "bfloat16" in each] == said
    assert bool(said) is (backend in warned)


def test_what_needs_no_framework_loads_none():
    code = (
        "import sys\n"
        "from runtime.devices import placement\n"
        "from runtime.engine import engine, optimizer_settings\n"
        "from runtime.training import loop\n"
        "from tf_bert.classifier import preparation, settings\n"
        "from tf_bert.formats import weights\n"
        "from scripts import console, flag_definitions, run_classifier\n"
        "print(*({'tensorflow', 'jax', 'keras', 'torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == []


# Several processes -------------------------------------------------------------------


def share_a_run(backend, folder, *, steps):
    """Exit codes and outputs of two processes that start from these steps."""

    def arguments(index, flags):
        program = ["-m", "tests.runtime.training.shared_run", backend.value]
        return [*program, str(folder), str(steps[index]), *flags]

    return process_group.wait_for(process_group.start_both(backend, arguments))


@pytest.mark.slow
def test_two_processes_train_and_predict_as_one(backend, place_on, tmp_path):
    codes, outputs = share_a_run(backend, tmp_path, steps=[3, 3])
    assert codes == [0, 0], outputs
    one = engine_runs.small(place_on(), pad_to=PadTo.MAX)
    losses = one.train(stop=engine_runs.PER_CALL)
    batch = {name: value[0, 0] for name, value in one.calls[0].items()}
    expected = one.engine.predict(batch)
    for name in ("chief", "other"):
        with np.load(tmp_path / f"{name}.npz") as found:
            assert len(found["devices"]) == 2
            assert str(found["line"]) == (
                f"2 x CPU in 2 processes, {backend.value}, float32"
            )
            np.testing.assert_allclose(found["train_losses"], losses, rtol=1e-5)
            for key, value in expected.items():
                ours = found[key].reshape(value.shape)
                np.testing.assert_allclose(ours, value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_processes_that_start_from_different_steps_are_refused(backend, tmp_path):
    codes, outputs = share_a_run(backend, tmp_path, steps=[3, 0])
    assert codes == [1, 1], outputs
    for output in outputs:
        assert "The 2 processes do not start from the same." in output
        assert "step: 3, 0." in output
        assert "other" not in output.partition("Process by process:")[2]
