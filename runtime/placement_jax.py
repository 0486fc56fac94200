"""Devices of JAX and the mesh that spreads a batch over them.

Untested on a TPU: none was available to develop on.
"""

from __future__ import annotations

import jax
import numpy as np
from jax.sharding import Mesh

from runtime.errors import PlacementError
from runtime.placement import Accelerator, Backend, Placement, Precision

REPLICA_AXIS = "replica"
"""The one axis of the mesh."""


def find(
    accelerator: Accelerator, *, precision: Precision, devices: tuple[str, ...]
) -> Placement:
    """Finds the devices and lays them out as a mesh of one axis.

    Args:
        accelerator: AUTO takes TPUs where there are any, else GPUs, else the CPU.
        precision: Arithmetic of a step.
        devices: Device names such as `CPU:3`; empty for all TPUs or GPUs, or one CPU.

    Returns:
        The placement; its strategy is a `jax.sharding.Mesh`.

    Raises:
        PlacementError: There is no such device.
    """
    present = _present(accelerator)
    chosen = _named(present, devices) if devices else _default(present)
    return Placement(
        backend=Backend.JAX,
        accelerator=Accelerator(chosen[0].platform),
        precision=precision,
        devices=tuple(_name(device) for device in chosen),
        strategy=Mesh(np.array(chosen), (REPLICA_AXIS,)),
        row_counts=8,
        is_chief=jax.process_index() == 0,
    )


def _present(accelerator: Accelerator) -> list[jax.Device]:
    # jax.devices() without a platform prefers tpu to gpu to cpu, as AUTO does.
    platform = None if accelerator is Accelerator.AUTO else accelerator.value
    try:
        jax.devices("cpu")  # where the engine keeps the Keras model
        return jax.devices(platform)
    except RuntimeError as error:
        raise PlacementError(
            f"--accelerator={accelerator.value} needs devices that are not there: JAX "
            f"sees {_names(jax.devices())}. Check that the jax package of that "
            "accelerator is installed, such as jax[tpu], and that JAX_PLATFORMS, if "
            "set, names it and cpu; or use --accelerator=auto."
        ) from error


def _default(present: list[jax.Device]) -> list[jax.Device]:
    return present[:1] if present[0].platform == "cpu" else present


def _named(present: list[jax.Device], names: tuple[str, ...]) -> list[jax.Device]:
    known = {_name(device): device for device in present}
    unknown = sorted(set(names) - set(known))
    if unknown:
        raise PlacementError(
            f"No device {', '.join(unknown)}; JAX sees {_names(present)}."
        )
    return [known[name] for name in names]


def _names(devices: list[jax.Device]) -> str:
    return ", ".join(_name(device) for device in devices)


def _name(device: jax.Device) -> str:
    return f"{device.platform.upper()}:{device.id}"
