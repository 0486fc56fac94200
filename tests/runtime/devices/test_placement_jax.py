import logging
import os
import subprocess
import sys
import types

import pytest

from runtime import storage
from runtime.devices import placement_jax
from runtime.devices.placement import Accelerator, Precision, Request
from runtime.errors import PlacementError

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
        monkeypatch.setattr(placement_jax, "_keep_programs", lambda _: None)

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
    assert found.max_row_shapes == 8
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


@pytest.mark.parametrize(
    ("accelerator", "gpu", "chosen", "platforms"),
    [
        (Accelerator.AUTO, False, "", "cpu"),
        (Accelerator.GPU, False, "", "cpu"),
        (Accelerator.CPU, True, "", "cpu"),
        (Accelerator.AUTO, True, "", ""),
        (Accelerator.GPU, True, "", ""),
        (Accelerator.TPU, False, "", ""),
        (Accelerator.AUTO, False, "cuda,cpu", "cuda,cpu"),
    ],
)
def test_platforms_that_are_left_out(monkeypatch, accelerator, gpu, chosen, platforms):
    config = types.SimpleNamespace(jax_platforms=chosen)
    config.update = lambda name, value: setattr(config, name, value)
    monkeypatch.setattr(placement_jax.jax, "config", config)
    monkeypatch.setattr(placement_jax, "_may_have_gpu", lambda: gpu)
    monkeypatch.setattr(placement_jax.tpu_environment, "has_tpu", lambda: False)
    placement_jax._leave_out_absent_tpus(accelerator)
    assert config.jax_platforms == platforms


def test_jax_says_nothing_of_tpus_where_it_looks_by_itself(monkeypatch):
    logger = logging.getLogger("jax._src.xla_bridge")
    monkeypatch.setattr(logger, "level", logging.NOTSET)
    monkeypatch.setattr(placement_jax, "_may_have_gpu", lambda: True)
    monkeypatch.setattr(placement_jax.tpu_environment, "has_tpu", lambda: False)
    placement_jax._leave_out_absent_tpus(Accelerator.GPU)
    assert logger.level == logging.WARNING  # it tells of them at INFO


def test_nothing_is_left_out_beside_a_tpu(monkeypatch):
    config = types.SimpleNamespace(jax_platforms="")
    monkeypatch.setattr(placement_jax.jax, "config", config)
    monkeypatch.setattr(placement_jax.tpu_environment, "has_tpu", lambda: True)
    placement_jax._leave_out_absent_tpus(Accelerator.CPU)
    assert config.jax_platforms == ""


def test_device_files_of_gpus(tmp_path):
    assert not placement_jax._may_have_gpu(str(tmp_path))
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/nvidiactl").touch()
    assert not placement_jax._may_have_gpu(str(tmp_path))
    (tmp_path / "dev/nvidia0").touch()
    assert placement_jax._may_have_gpu(str(tmp_path))


def test_nothing_is_said_of_a_tpu_that_is_not_there():
    program = (
        "import logging; logging.basicConfig(level=logging.INFO)\n"
        "from runtime.devices.placement import Backend, place\n"
        "print(place(backend=Backend.JAX).describe())"
    )
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    del environment["JAX_PLATFORMS"]
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert ", jax, float32" in done.stdout
    assert "tpu" not in done.stderr.lower()


@pytest.mark.parametrize(
    ("platform", "asked", "kept"),
    [
        ("gpu", None, True),
        ("tpu", None, True),
        ("gpu", "/mine", False),
        ("cpu", None, False),
    ],
)
def test_programs_of_accelerators_are_kept_for_the_next_process(
    monkeypatch, platform, asked, kept
):
    config = types.SimpleNamespace(jax_compilation_cache_dir=asked)
    config.update = lambda name, value: setattr(config, name, value)
    monkeypatch.setattr(placement_jax.jax, "config", config)
    placement_jax._keep_programs(platform)
    folder = storage.user_cache("programs") if kept else asked
    assert config.jax_compilation_cache_dir == folder
    assert hasattr(config, "jax_compilation_cache_max_size") == kept


def test_no_folder_is_filled_that_nothing_bounds(monkeypatch):
    config = types.SimpleNamespace(jax_compilation_cache_dir=None)
    monkeypatch.setattr(placement_jax.jax, "config", config)
    monkeypatch.setattr(placement_jax.importlib.util, "find_spec", lambda _: None)
    placement_jax._keep_programs("gpu")
    assert config.jax_compilation_cache_dir is None


def test_jax_has_the_settings_that_keep_programs():
    for name in ("jax_compilation_cache_dir", "jax_compilation_cache_max_size"):
        assert hasattr(placement_jax.jax.config, name)
