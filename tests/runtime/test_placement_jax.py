import types

import pytest

from runtime import placement_jax
from runtime.errors import PlacementError
from runtime.placement import Accelerator, Precision, Request

MACHINES = {
    "cpu": ["cpu", "cpu"],
    "gpu": ["gpu", "gpu", "gpu"],
    "tpu": ["tpu"] * 4,
}


KINDS = {"cpu": "cpu", "gpu": "NVIDIA H200", "tpu": "TPU v5 lite"}


@pytest.fixture
def machine(monkeypatch):
    """Makes JAX see other platforms, best first."""

    def make(*platforms):
        seen = {
            name: [
                types.SimpleNamespace(
                    platform=name,
                    id=index,
                    device_kind=KINDS[name],
                    process_index=0,
                    memory_stats=dict,
                )
                for index, name in enumerate(MACHINES[name])
            ]
            for name in platforms
        }

        def devices(backend=None):
            platform = backend
            if platform is None:
                return seen[platforms[0]]
            if platform not in seen:
                raise RuntimeError(f"Unknown backend {platform}")
            return seen[platform]

        monkeypatch.setattr(placement_jax.jax, "devices", devices)
        monkeypatch.setattr(placement_jax.jax, "local_devices", devices)
        monkeypatch.setattr(placement_jax, "Mesh", lambda found, axes: (found, axes))

    return make


def find(accelerator=Accelerator.AUTO, devices=()):
    return placement_jax.find(
        Request(
            accelerator=accelerator,
            precision=Precision.FLOAT32,
            devices=tuple(devices),
        )
    )


@pytest.mark.parametrize(
    ("platforms", "names", "kind"),
    [
        (["cpu"], ("CPU:0",), "CPU"),
        (["gpu", "cpu"], ("GPU:0", "GPU:1", "GPU:2"), "NVIDIA H200"),
        (["tpu", "cpu"], ("TPU:0", "TPU:1", "TPU:2", "TPU:3"), "TPU v5e"),
    ],
)
def test_auto_takes_all_devices_of_the_best_platform_or_one_cpu(
    machine, platforms, names, kind
):
    machine(*platforms)
    found = find()
    assert found.devices == names
    assert found.kind == kind
    assert found.device_bytes is None
    assert found.accelerator.value == platforms[0]
    assert found.row_counts == 8
    assert found.is_chief


def test_the_cpu_can_be_chosen_beside_an_accelerator(machine):
    machine("tpu", "cpu")
    assert find(Accelerator.CPU).devices == ("CPU:0",)
    assert find(Accelerator.TPU, devices=["TPU:2", "TPU:1"]).devices == (
        "TPU:2",
        "TPU:1",
    )


def test_what_is_not_there_is_named_beside_what_is(machine):
    machine("gpu", "cpu")
    with pytest.raises(PlacementError, match=r"=tpu needs.*GPU:0, GPU:1, GPU:2\."):
        find(Accelerator.TPU)
    with pytest.raises(PlacementError, match="No device CPU:1; JAX sees GPU:0, "):
        find(devices=["CPU:1"])


def test_the_host_must_be_visible(machine):
    machine("gpu")  # JAX_PLATFORMS=cuda
    with pytest.raises(PlacementError, match="JAX_PLATFORMS, if set, names it and cpu"):
        find(Accelerator.GPU)


def test_replicas_are_the_axis_of_the_mesh(place_on):
    mesh = place_on(8).strategy
    assert dict(mesh.shape) == {placement_jax.REPLICA_AXIS: 8}


def test_memory_is_told_where_the_backend_tells_it(machine, monkeypatch):
    machine("gpu", "cpu")
    for device in placement_jax.jax.devices():
        monkeypatch.setattr(device, "memory_stats", lambda: {"bytes_limit": 2**34})
    assert find().device_bytes == 2**34
    assert find().describe() == "3 x NVIDIA H200 (16.0 GiB each), jax, float32"
