import importlib.util
import os
import subprocess
import sys
from unittest import mock

import pytest

from runtime import placement
from runtime.errors import PlacementError
from runtime.placement import Accelerator, Backend, Precision, place

ROOT = os.path.join(os.path.dirname(__file__), "../..")
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
    assert found.describe().startswith("8 x CPU (CPU:0, CPU:1, ")
    assert found.describe().endswith(f"{found.backend.value}, bfloat16")


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


def test_auto_takes_the_first_that_is_installed(monkeypatch):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorflow" else 1
    )
    assert placement._installed_backend(Backend.AUTO) is Backend.JAX


def test_keras_cannot_change_its_backend(backend, monkeypatch):
    import keras

    assert keras.backend.backend() == backend.value
    monkeypatch.setattr(importlib.util, "find_spec", mock.Mock())
    with pytest.raises(PlacementError, match=f"already runs on {backend.value}"):
        place(backend=OTHER[backend])
    assert os.environ["KERAS_BACKEND"] == backend.value


def test_keras_is_told_its_backend_before_it_is_imported(monkeypatch):
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    placement._bind_keras(Backend.JAX)
    assert os.environ["KERAS_BACKEND"] == "jax"


def test_precision_names_the_keras_policy():
    policies = [precision.keras_policy for precision in Precision]
    assert policies == ["float32", "mixed_bfloat16"]


def test_what_needs_no_framework_loads_none():
    code = (
        "import sys\n"
        "from runtime import engine, loop, placement, optimizer_settings\n"
        "from tf_bert import config, preparation, settings, weights\n"
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
