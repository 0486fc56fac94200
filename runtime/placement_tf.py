"""Devices and distribution strategies of TensorFlow; nothing else names a strategy."""

from __future__ import annotations

import functools

import tensorflow as tf

from runtime.errors import PlacementError
from runtime.placement import Accelerator, Backend, Placement, Precision


def find(
    accelerator: Accelerator, *, precision: Precision, devices: tuple[str, ...]
) -> Placement:
    """Finds the devices and the strategy that spreads a batch over them.

    Args:
        accelerator: AUTO takes GPUs where there are any, else the CPU.
        precision: Arithmetic of a step.
        devices: Logical device names such as `CPU:1`; empty for all.

    Returns:
        The placement: no strategy on one device, MirroredStrategy on several.

    Raises:
        PlacementError: There is no such device.
    """
    found = _present(accelerator)
    names = devices or _default_devices(found)
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=found,
        precision=precision,
        devices=names,
        strategy=_strategy(names),
        row_counts=32,
    )


def _present(accelerator: Accelerator) -> Accelerator:
    if accelerator is Accelerator.TPU:
        raise PlacementError(
            "TensorFlow runs here on CPU and GPU only; --accelerator=tpu is not "
            "available in this version. Use --accelerator=auto."
        )
    has_gpu = bool(tf.config.list_logical_devices("GPU"))
    if accelerator is Accelerator.GPU and not has_gpu:
        raise PlacementError(
            "No GPU was found: TensorFlow sees "
            f"{[device.name for device in tf.config.list_logical_devices()]}. "
            "Check `nvidia-smi` and that tensorflow[and-cuda] is installed, or use "
            "--accelerator=cpu."
        )
    wants_gpu = accelerator in {Accelerator.AUTO, Accelerator.GPU}
    return Accelerator.GPU if has_gpu and wants_gpu else Accelerator.CPU


def _default_devices(accelerator: Accelerator) -> tuple[str, ...]:
    if accelerator is Accelerator.CPU:
        return ("CPU:0",)
    count = len(tf.config.list_logical_devices("GPU"))
    return tuple(f"GPU:{index}" for index in range(count))


@functools.cache  # two MirroredStrategies of a process mix up each other's reductions
def _strategy(names: tuple[str, ...]) -> tf.distribute.Strategy:
    known = {
        f"{device.device_type}:{device.name.rsplit(':', 1)[-1]}"
        for device in tf.config.list_logical_devices()
    }
    unknown = sorted(set(names) - known)
    if unknown:
        raise PlacementError(
            f"No device {', '.join(unknown)}; TensorFlow sees "
            f"{', '.join(sorted(known))}."
        )
    if len(names) == 1:
        return tf.distribute.get_strategy()
    return tf.distribute.MirroredStrategy(list(names))
