"""Devices of JAX, of one process or several, and the mesh that spreads a batch.

Untested on a TPU: none was available to develop on. Several processes are tested on
CPUs.
"""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Sequence

import jax
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh

from runtime import storage
from runtime.devices import tpu_environment
from runtime.devices.placement import (
    Accelerator,
    Backend,
    Placement,
    ProcessGroup,
    Request,
)
from runtime.errors import PlacementError

REPLICA_AXIS = "replica"
"""The one axis of the mesh."""

_SILENT_SECONDS = 25  # after which JAX itself ends the other processes of a run

_KEPT_BYTES = 2**31

_KINDS = {
    "cpu": "CPU",
    "TPU v5 lite": "TPU v5e",
    "TPU v5": "TPU v5p",
    "TPU v6 lite": "TPU v6e",
}
"""What JAX calls a device -> what it is sold as."""


def find(request: Request) -> Placement:
    """Finds the devices and lays them out as a mesh of one axis.

    Args:
        request: Accelerator AUTO takes TPUs where there are any, else GPUs, else the
            CPU. Devices are named `CPU:3`; without names they are all TPUs or GPUs of
            all processes, or the CPUs.

    Returns:
        The placement; its strategy is a `jax.sharding.Mesh`.

    Raises:
        PlacementError: There is no such device, or the processes do not meet.
    """
    _refuse_tpu_elsewhere(request)
    _leave_out_absent_tpus(request.accelerator)
    _join(request.group)
    present = _present(request.accelerator)
    chosen = _named(present, request.devices) if request.devices else _default(present)
    _keep_programs(chosen[0].platform)
    mine = [each for each in chosen if each.process_index == jax.process_index()]
    return Placement(
        backend=Backend.JAX,
        accelerator=Accelerator(chosen[0].platform),
        precision=request.precision,
        devices=tuple(_name(device) for device in chosen),
        strategy=Mesh(np.array(chosen), (REPLICA_AXIS,)),
        max_row_shapes=8,
        kind=_KINDS.get(chosen[0].device_kind, chosen[0].device_kind),
        device_bytes=(mine[0].memory_stats() or {}).get("bytes_limit"),
        processes=jax.process_count(),
        is_chief=jax.process_index() == 0,
        options=request.options,
    )


def gather(placement: Placement, numbers: Sequence[int]) -> list[list[int]]:
    """The numbers of every process; all must call with equally many.

    Args:
        placement: Of the run.
        numbers: From 0 to 2**31 - 1.

    Returns:
        `[processes][numbers]`.
    """
    del placement  # JAX knows its processes
    mine = np.array(numbers, np.int32)
    found: list[list[int]] = multihost_utils.process_allgather(mine).tolist()
    return found


def _refuse_tpu_elsewhere(request: Request) -> None:
    if request.accelerator is Accelerator.TPU and not request.tpu.is_local:
        raise PlacementError(
            f"JAX uses the TPUs of the machine it runs on and knows no --tpu_name="
            f"{request.tpu.name}. Start the program on that TPU VM without "
            "--tpu_name, or use --backend=tensorflow."
        )


def _leave_out_absent_tpus(accelerator: Accelerator) -> None:
    """Keeps JAX from looking for TPUs on a machine that has none.

    It tells of every backend that is not there, and libtpu, which is also installed to
    compile for TPUs elsewhere, complains at length. Where there may be a GPU, JAX looks
    by itself; libtpu cannot be kept out then, for a list of platforms must be complete.
    """
    if accelerator is Accelerator.TPU or tpu_environment.has_tpu():
        return
    logging.getLogger("jax._src.xla_bridge").setLevel(logging.WARNING)
    wants_cpu = accelerator is Accelerator.CPU or not _may_have_gpu()
    if wants_cpu and not jax.config.jax_platforms:  # type: ignore[attr-defined]
        jax.config.update("jax_platforms", "cpu")  # type: ignore[no-untyped-call]


def _keep_programs(platform: str) -> None:
    """Has JAX keep what it compiles for the next process, unless told where already.

    Not for CPUs: jaxlib 0.10 refuses on some what it kept there itself, with an error
    for each program. And not without what it bounds the folder by.
    """
    asked = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
    if platform == "cpu" or asked or importlib.util.find_spec("filelock") is None:
        return
    for name, value in {
        "jax_compilation_cache_dir": storage.user_cache("programs"),
        "jax_compilation_cache_max_size": _KEPT_BYTES,
    }.items():
        jax.config.update(name, value)  # type: ignore[no-untyped-call]


def _may_have_gpu(root: str = "/") -> bool:
    """Whether there are device files of GPUs; elsewhere than on Linux nobody knows."""
    files = ("nvidia[0-9]*", "kfd", "dxg", "dri/renderD[0-9]*")
    found = (storage.glob(storage.join(root, "dev", name)) for name in files)
    return sys.platform != "linux" or any(found)


def _join(group: ProcessGroup) -> None:
    """Meets the other processes; must come before any device is looked at.

    Raises:
        PlacementError: They do not come, or JAX was used before.
    """
    if not group.coordinator or jax.distributed.is_initialized():
        return
    try:
        if group.coordinator == "auto":
            jax.distributed.initialize(heartbeat_timeout_seconds=_SILENT_SECONDS)
        else:
            jax.distributed.initialize(
                group.coordinator,
                heartbeat_timeout_seconds=_SILENT_SECONDS,
                num_processes=group.count,
                process_id=group.index,
                cluster_detection_method="deactivate",
            )
    except (RuntimeError, ValueError) as error:
        raise PlacementError(
            f"The processes of this run did not meet at {group.coordinator}: {error} "
            "Start each with the same --coordinator_address and --num_processes, and "
            "a --process_id of its own, counted from 0."
        ) from error


def _present(accelerator: Accelerator) -> list[jax.Device]:
    # jax.devices() without a platform prefers tpu to gpu to cpu, as AUTO does.
    platform = None if accelerator is Accelerator.AUTO else accelerator.value
    try:
        jax.local_devices(backend="cpu")  # where the engine keeps the Keras model
        return jax.devices(platform)
    except RuntimeError as error:
        raise PlacementError(
            f"--accelerator={accelerator.value} needs devices that are not there: JAX "
            f"sees {_names(jax.devices())}. Check that the jax package of that "
            "accelerator is installed, such as jax[tpu], and that JAX_PLATFORMS, if "
            "set, names it and cpu; or use --accelerator=auto."
        ) from error


def _default(present: list[jax.Device]) -> list[jax.Device]:
    # Several CPU devices of one process are virtual ones, which only tests make.
    alone_on_cpu = present[0].platform == "cpu" and jax.process_count() == 1
    return present[:1] if alone_on_cpu else present


def _named(present: list[jax.Device], names: tuple[str, ...]) -> list[jax.Device]:
    known = {_name(device): device for device in present}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise PlacementError(
            f"No device {', '.join(unknown)}; JAX sees {_names(present)}."
        )
    chosen = [known[name] for name in names]
    if all(device.process_index != jax.process_index() for device in chosen):
        raise PlacementError(f"None of the devices {_names(chosen)} is this process's.")
    return chosen


def _names(devices: list[jax.Device]) -> str:
    return ", ".join(_name(device) for device in devices)


def _name(device: jax.Device) -> str:
    return f"{device.platform.upper()}:{device.id}"
