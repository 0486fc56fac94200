"""Devices and distribution strategies of TensorFlow; nothing else names a strategy.

Untested on a TPU: none was available to develop on. Several workers are tested on CPUs.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence

import tensorflow as tf

from runtime.devices import tpu_environment
from runtime.devices.placement import (
    Accelerator,
    Backend,
    Placement,
    Precision,
    Recompute,
    Request,
    TpuAddress,
)
from runtime.errors import PlacementError

_ROW_COUNTS = 32
_ROW_COUNTS_COMPILED = 8

_WORKER_JOBS = {"chief", "worker"}
_FAILURES = (tf.errors.OpError, ValueError, RuntimeError)
"""What TensorFlow raises where devices or workers cannot be reached."""


def find(request: Request) -> Placement:
    """Finds the devices and the strategy that spreads a batch over them.

    Args:
        request: Accelerator AUTO takes GPUs where there are any, else the CPU; a TPU
            is used only when asked for. Devices are named as `CPU:1`; empty for all.

    Returns:
        The placement: TPUStrategy on a TPU, MultiWorkerMirroredStrategy where TF_CONFIG
        names several workers, MirroredStrategy on several devices, else no strategy.

    Raises:
        PlacementError: There is no such device.
    """
    _refuse_group(request)
    _refuse_recompute(request)
    # TensorFlow's default is TF32 where a GPU has it, also for what is called float32.
    tf.config.experimental.enable_tensor_float_32_execution(
        request.precision is not Precision.FLOAT32
    )
    if request.accelerator is Accelerator.TPU:
        return _on_tpu(request)
    if len(_workers()) > 1:
        return _on_workers(request)
    return _on_this_machine(request)


def gather(placement: Placement, numbers: Sequence[int]) -> list[list[int]]:
    """The numbers of every process; all must call with equally many.

    Args:
        placement: Of the run.
        numbers: From 0 to 2**31 - 1.

    Returns:
        `[processes][numbers]`.
    """
    strategy = placement.strategy
    mine = strategy.experimental_distribute_values_from_function(
        lambda _: tf.constant([list(numbers)], tf.int32)
    )
    of_replicas: list[list[int]] = _gather_all(strategy)(mine).numpy().tolist()
    return of_replicas[:: placement.replicas // placement.processes]


@functools.cache  # each trace takes a while and says so
def _gather_all(strategy: tf.distribute.Strategy) -> Callable[..., tf.Tensor]:
    return tf.function(functools.partial(strategy.gather, axis=0), autograph=False)


def _refuse_group(request: Request) -> None:
    if request.group.coordinator:
        raise PlacementError(
            "--coordinator_address is for JAX: TensorFlow takes the processes of a run "
            "from the environment variable TF_CONFIG. Use --backend=jax, or set it."
        )


def _refuse_recompute(request: Request) -> None:
    recompute = request.options.recompute
    if recompute is not Recompute.AUTO:
        raise PlacementError(
            f"--recompute={recompute.value} is for JAX; on TensorFlow nothing "
            "is recomputed. Use --backend=jax, or leave the flag out."
        )


# A TPU -------------------------------------------------------------------------------


def _on_tpu(request: Request) -> Placement:
    strategy = _tpu_strategy(request.tpu)
    count = strategy.num_replicas_in_sync
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=Accelerator.TPU,
        precision=request.precision,
        devices=tuple(f"TPU:{index}" for index in range(count)),
        strategy=strategy,
        max_row_shapes=_ROW_COUNTS_COMPILED,
    )


@functools.cache  # a TPU that is initialised anew forgets what is on it
def _tpu_strategy(address: TpuAddress) -> tf.distribute.Strategy:
    if address.name.startswith("grpc://"):  # connecting would wait for minutes
        raise _no_tpu(address, "nothing answers")
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver(
            tpu=tpu_environment.LOCAL if address.is_local else address.name,
            zone=address.zone or None,
            project=address.project or None,
        )
        tf.config.experimental_connect_to_cluster(resolver)
        tf.tpu.experimental.initialize_tpu_system(resolver)
        return tf.distribute.TPUStrategy(resolver)
    except (*_FAILURES, ImportError, OSError) as error:
        raise _no_tpu(address, str(error)) from error


def _no_tpu(address: TpuAddress, answer: str) -> PlacementError:
    causes = tpu_environment.causes(address.name)
    reason = " ".join(causes) or f"Its answer: {answer}"
    return PlacementError(f"--accelerator=tpu: TensorFlow found no TPU. {reason}")


# Several workers ---------------------------------------------------------------------


def _workers() -> tuple[str, ...]:
    """The workers that TF_CONFIG names, the chief first.

    Raises:
        PlacementError: TF_CONFIG cannot be read or has tasks that train nothing here.
    """
    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    try:
        cluster = resolver.cluster_spec().as_dict()
        kind = resolver.task_type
    except (json.JSONDecodeError, TypeError, ValueError) as error:
        raise PlacementError(
            f"The environment variable TF_CONFIG cannot be read: {error}. Correct it, "
            "or unset it for a run of one process."
        ) from error
    if cluster and ({*cluster, kind} - _WORKER_JOBS):
        raise PlacementError(
            f"TF_CONFIG names {', '.join(sorted(cluster))} and makes this a {kind}; "
            "a run is shared by chief and worker tasks only."
        )
    return tuple(
        f"{job}{i}" for job in sorted(cluster) for i in range(len(cluster[job]))
    )


def _on_workers(request: Request) -> Placement:
    if request.devices:
        raise PlacementError(
            "Devices cannot be chosen by name where TF_CONFIG names several workers: "
            "each takes all its GPUs, or its CPU."
        )
    workers = _workers()
    if request.accelerator is Accelerator.GPU:
        _refuse_without_gpu(tf.config.list_physical_devices())
    strategy = _workers_strategy(request.accelerator is Accelerator.CPU)
    mine = [name.rpartition("device:")[2] for name in strategy.extended.worker_devices]
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=Accelerator(mine[0].partition(":")[0].lower()),
        precision=request.precision,
        devices=tuple(f"{worker}/{name}" for worker in workers for name in mine),
        strategy=strategy,
        max_row_shapes=_ROW_COUNTS,
        kind=_kind(mine[0]),
        processes=len(workers),
        is_chief=strategy.extended.should_checkpoint,
    )


@functools.cache  # TensorFlow meets the other workers once, before any other use of it
def _workers_strategy(only_cpu: bool) -> tf.distribute.Strategy:
    if only_cpu:
        tf.config.set_visible_devices([], "GPU")
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except _FAILURES as error:
        raise PlacementError(
            f"The workers that TF_CONFIG names did not meet: {error} Start all of "
            "them, each with its own task index."
        ) from error


# One machine -------------------------------------------------------------------------


def _on_this_machine(request: Request) -> Placement:
    found = _present(request.accelerator)
    names = request.devices or _default_devices(found)
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=found,
        precision=request.precision,
        devices=names,
        strategy=_strategy(names),
        max_row_shapes=_ROW_COUNTS,
        kind=_kind(names[0]),
    )


def _present(accelerator: Accelerator) -> Accelerator:
    devices = tf.config.list_logical_devices()
    if accelerator is Accelerator.GPU:
        _refuse_without_gpu(devices)
    has_gpu = any(device.device_type == "GPU" for device in devices)
    wants_gpu = accelerator is not Accelerator.CPU
    return Accelerator.GPU if has_gpu and wants_gpu else Accelerator.CPU


def _refuse_without_gpu(devices: Sequence[tf.config.PhysicalDevice]) -> None:
    if not any(device.device_type == "GPU" for device in devices):
        raise PlacementError(
            f"--accelerator=gpu: TensorFlow sees {[each.name for each in devices]}. "
            "Check `nvidia-smi` and that tensorflow[and-cuda] is installed, or use "
            "--accelerator=cpu."
        )


def _default_devices(accelerator: Accelerator) -> tuple[str, ...]:
    if accelerator is Accelerator.CPU:
        return ("CPU:0",)
    count = len(tf.config.list_logical_devices("GPU"))
    return tuple(f"GPU:{index}" for index in range(count))


def _kind(name: str) -> str:
    """What a device is sold as, if TensorFlow knows, else its type."""
    kind = name.partition(":")[0]
    if kind != "GPU":
        return kind
    device = tf.config.list_physical_devices(kind)[0]
    details = tf.config.experimental.get_device_details(device)
    return str(details.get("device_name", kind))


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
