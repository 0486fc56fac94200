import contextlib
import json

import pytest
import tensorflow as tf

from runtime.devices.placement import (
    Accelerator,
    Backend,
    Precision,
    Recompute,
    StepOptions,
    TpuAddress,
    place,
)
from runtime.errors import PlacementError


@pytest.mark.parametrize(
    ("precision", "may_be_tf32"),
    [(Precision.FLOAT32, False), (Precision.TF32, True), (Precision.BFLOAT16, True)],
)
def test_float32_is_float32(precision, may_be_tf32):
    with contextlib.suppress(PlacementError):  # of a CPU, which has no TF32
        place(Accelerator.CPU, backend=Backend.TENSORFLOW, precision=precision)
    enabled = tf.config.experimental.tensor_float_32_execution_enabled()
    assert enabled is may_be_tf32


@pytest.mark.parametrize("recompute", [Recompute.NONE, Recompute.ALL])
def test_what_is_recomputed_is_for_jax_to_say(recompute):
    with pytest.raises(PlacementError, match="is for JAX"):
        place(
            Accelerator.CPU,
            backend=Backend.TENSORFLOW,
            options=StepOptions(recompute=recompute),
        )


def test_a_tpu_that_is_not_there_is_refused_with_the_cause():
    with pytest.raises(PlacementError) as caught:
        place(Accelerator.TPU, backend=Backend.TENSORFLOW)
    message = str(caught.value)
    assert message.startswith("--accelerator=tpu: TensorFlow found no TPU. ")
    assert "This machine has no TPU" in message


def test_an_address_of_a_kind_of_tpu_that_no_longer_exists():
    address = TpuAddress(name="grpc://127.0.0.1:8470")
    with pytest.raises(PlacementError, match="a kind of TPU that no longer exists"):
        place(Accelerator.TPU, backend=Backend.TENSORFLOW, tpu=address)


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("{", "cannot be read"),
        ('{"cluster": 3}', "cannot be read"),
        (
            json.dumps(
                {
                    "cluster": {"worker": ["a:1"], "ps": ["b:1"]},
                    "task": {"type": "worker", "index": 0},
                }
            ),
            "names ps, worker",
        ),
        (json.dumps({"cluster": {"worker": ["a:1", "b:1"]}}), "makes this a None"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_refused(monkeypatch, content, named):
    monkeypatch.setenv("TF_CONFIG", content)
    with pytest.raises(PlacementError, match="TF_CONFIG") as caught:
        place(backend=Backend.TENSORFLOW)
    assert named in str(caught.value)


def test_a_cluster_of_one_is_this_machine(monkeypatch):
    task = {"type": "worker", "index": 0}
    cluster = {"cluster": {"worker": ["127.0.0.1:1"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    found = place(Accelerator.CPU, backend=Backend.TENSORFLOW)
    assert found.processes == 1
    assert found.devices == ("CPU:0",)


def test_devices_of_several_workers_are_not_chosen_by_name(monkeypatch):
    task = {"type": "worker", "index": 0}
    cluster = {"cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}, "task": task}
    monkeypatch.setenv("TF_CONFIG", json.dumps(cluster))
    with pytest.raises(PlacementError, match="cannot be chosen by name"):
        place(Accelerator.CPU, backend=Backend.TENSORFLOW, devices=["CPU:0"])
