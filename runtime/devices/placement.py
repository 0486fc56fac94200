"""Where a run runs: accelerator and backend become one frozen Placement.

Keras reads `KERAS_BACKEND` once, when it is first imported, so `place` must be called
before anything that imports keras. Frameworks are imported only by the file of the
chosen backend (`placement_tf.py`, `placement_jax.py`).
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import importlib.util
import logging
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.devices import processor, tpu_environment
from runtime.devices.keras_backend import bind_keras, imported_lean
from runtime.errors import PlacementError, SettingsError

_log = logging.getLogger(__name__)


class Accelerator(enum.Enum):
    """Kinds of device a run can be asked to use."""

    AUTO = "auto"
    CPU = "cpu"
    GPU = "gpu"
    TPU = "tpu"


class Backend(enum.Enum):
    """Frameworks that can execute the step loop."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    JAX = "jax"


class Precision(enum.Enum):
    """Arithmetic of a step; variables and optimiser slots stay float32."""

    FLOAT32 = "float32"
    TF32 = "tf32"
    BFLOAT16 = "bfloat16"

    @property
    def keras_policy(self) -> str:
        """The name of the Keras dtype policy."""
        return "mixed_bfloat16" if self is Precision.BFLOAT16 else "float32"


class Recompute(enum.Enum):
    """What is computed a second time for the gradient, to save memory."""

    AUTO = "auto"
    NONE = "none"
    ALL = "all"


class AttentionBy(enum.Enum):
    """What computes attention."""

    AUTO = "auto"  # one kernel, where there is one for the device
    PLAIN = "plain"


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepOptions:
    """How a step is computed, beside its precision.

    Attributes:
        recompute: What is computed a second time for the gradient.
        deterministic: Whether GPUs must give the same bits for the same step.
        attention: What computes attention.
    """

    recompute: Recompute = Recompute.AUTO
    deterministic: bool = True
    attention: AttentionBy = AttentionBy.AUTO


@dataclasses.dataclass(frozen=True, kw_only=True)
class TpuAddress:
    """Which TPU TensorFlow is to use; JAX uses those of its machine.

    Attributes:
        name: Name or address; empty or `local` for the TPU of this machine.
        zone: Cloud zone of a TPU elsewhere; empty to ask the machine.
        project: Cloud project of a TPU elsewhere; empty to ask the machine.
    """

    name: str = ""
    zone: str = ""
    project: str = ""

    @property
    def is_local(self) -> bool:
        """Whether it is the TPU of this machine."""
        return self.name in {"", tpu_environment.LOCAL}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProcessGroup:
    """The processes that share a run on JAX; TensorFlow reads TF_CONFIG.

    Attributes:
        coordinator: `host:port` of process 0, or `auto` where JAX can ask the cluster
            for all three (Cloud TPU, Slurm); empty for a run of one process.
        count: Processes in all.
        index: Which of them this is, from 0.
    """

    coordinator: str = ""
    count: int | None = None
    index: int | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Request:
    """What a backend is asked to find; the arguments of `place`."""

    accelerator: Accelerator
    precision: Precision
    devices: tuple[str, ...] = ()
    tpu: TpuAddress = TpuAddress()
    group: ProcessGroup = ProcessGroup()
    options: StepOptions = StepOptions()


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """The devices of a run.

    Attributes:
        backend: TENSORFLOW or JAX, never AUTO.
        accelerator: CPU, GPU or TPU, never AUTO.
        precision: Arithmetic of a step.
        devices: Names of the devices of all processes, one for each replica.
        strategy: What the backend distributes with: a `tf.distribute.Strategy` or a
            `jax.sharding.Mesh`.
        max_row_shapes: About how many different numbers of packed rows a run may see:
            each compiles kernels, and where the whole step is compiled they are few.
        kind: What such a device is sold as, like `TPU v5e`; empty where it is unknown.
        device_bytes: Memory of each device, where the backend tells it.
        processes: Processes that share the run.
        is_chief: Whether this process writes the run's files.
        options: How a step is computed.
    """

    backend: Backend
    accelerator: Accelerator
    precision: Precision
    devices: tuple[str, ...]
    strategy: Any
    max_row_shapes: int
    kind: str = ""
    device_bytes: int | None = None
    processes: int = 1
    is_chief: bool = True
    options: StepOptions = StepOptions()

    @property
    def replicas(self) -> int:
        """Number of devices that each take a slice of every batch."""
        return len(self.devices)

    def describe(self) -> str:
        """The devices in one line, as `8 x TPU v5e (15.8 GiB each), jax, bfloat16`."""
        kind = self.kind or self.accelerator.value.upper()
        memory = ""
        if self.device_bytes is not None:
            each = " each" if self.replicas > 1 else ""
            memory = f" ({self.device_bytes / 2**30:.1f} GiB{each})"
        spread = f" in {self.processes} processes" if self.processes > 1 else ""
        return (
            f"{self.replicas} x {kind}{memory}{spread}, "
            f"{self.backend.value}, {self.precision.value}"
        )

    def describe_batch(self, global_batch: int, *, accumulation: int = 1) -> str:
        """How a batch is dealt, as `batch 32 = 8 replicas x 4`."""
        parts = [_counted(self.replicas, "replica")]
        if accumulation > 1:
            parts.append(_counted(accumulation, "slice"))
        parts.append(str(global_batch // (self.replicas * accumulation)))
        return f"batch {global_batch} = {' x '.join(parts)}"


def place(
    accelerator: Accelerator = Accelerator.AUTO,
    *,
    backend: Backend = Backend.AUTO,
    precision: Precision = Precision.FLOAT32,
    devices: Sequence[str] = (),
    tpu: TpuAddress = TpuAddress(),
    group: ProcessGroup = ProcessGroup(),
    options: StepOptions = StepOptions(),
) -> Placement:
    """Chooses devices and backend, and makes Keras use that backend.

    Args:
        accelerator: What to run on; AUTO takes the best that is really there.
        backend: What to run with; AUTO takes the first that is installed, and for a
            TPU or a group of processes, which JAX serves best, the first that finds it.
        precision: Arithmetic of a step.
        devices: Device names to use instead of all devices of the accelerator.
        tpu: Which TPU.
        group: Which processes share the run. Several processes of one group return
            together, when all have called.
        options: How a step is computed.

    Returns:
        The placement.

    Raises:
        PlacementError: The backend or the accelerator is not there, or Keras was
            already imported with another backend.
    """
    request = Request(
        accelerator=accelerator,
        precision=precision,
        devices=tuple(devices),
        tpu=tpu,
        group=group,
        options=options,
    )
    refusals = []
    for candidate in _candidates(backend, request):
        try:
            return _place_on(candidate, request)
        except PlacementError as error:
            refusals.append(error)
    raise PlacementError(" ".join(map(str, refusals))) from refusals[-1]


def refuse_disagreement(placement: Placement, facts: Mapping[str, int]) -> None:
    """Compares what the processes of a run are about to start from.

    Args:
        placement: Of the run; every process must call.
        facts: Names to numbers from 0 to 2**31 - 1 that must be the same everywhere.

    Raises:
        SettingsError: Names each fact that differs, with the processes' numbers.
    """
    if placement.processes == 1:
        return
    of_all = gather(placement, list(facts.values()))
    problems = [
        f"{name}: {', '.join(map(str, numbers))}."
        for name, numbers in zip(facts, zip(*of_all, strict=True), strict=True)
        if len(set(numbers)) > 1
    ]
    if problems:
        raise SettingsError(
            f"The {placement.processes} processes do not start from the same. All need "
            "the same flags, the same data and one --output_dir that each can read. "
            "Process by process:",
            *problems,
        )


def gather(placement: Placement, numbers: Sequence[int]) -> list[list[int]]:
    """What the processes of a run say to each other.

    Args:
        placement: Of the run; every process must call, with equally many numbers.
        numbers: From 0 to 2**31 - 1.

    Returns:
        `[processes][numbers]`.
    """
    if placement.processes == 1:
        return [list(numbers)]
    finder = importlib.import_module(_FINDERS[placement.backend])
    of_all: list[list[int]] = finder.gather(placement, numbers)
    return of_all


_FINDERS = {
    Backend.TENSORFLOW: "runtime.devices.placement_tf",
    Backend.JAX: "runtime.devices.placement_jax",
}


def _place_on(backend: Backend, request: Request) -> Placement:
    if backend is Backend.TENSORFLOW:
        # Read when it is imported: tensorflow-tpu would look for a TPU for minutes.
        tpu_environment.prepare(request.tpu.name)
    bind_keras(backend.value)
    with imported_lean(backend.value):
        finder = importlib.import_module(_FINDERS[backend])  # TensorFlow's brings Keras
        placement: Placement = finder.find(request)
        importlib.import_module("keras")
    if placement.accelerator is Accelerator.CPU:
        _check_arithmetic_of_cpu(request.precision, backend=backend)
    return placement


def _check_arithmetic_of_cpu(precision: Precision, *, backend: Backend) -> None:
    if precision is Precision.TF32:
        raise PlacementError(
            "--precision=tf32 is arithmetic of GPUs, and this run is on a CPU: use "
            "--precision=float32."
        )
    slow = processor.slow_bfloat16(processor.CPUINFO, backend=backend.value)
    if precision is Precision.BFLOAT16 and slow:
        _log.warning(slow)


def _candidates(backend: Backend, request: Request) -> list[Backend]:
    """The installed backends to try, best first.

    Raises:
        PlacementError: There is none.
    """
    wanted = list(_FINDERS) if backend is Backend.AUTO else [backend]
    on_tpu = request.accelerator is Accelerator.TPU
    if on_tpu or request.group.coordinator:
        wanted.sort(key=lambda each: each is not Backend.JAX)
    installed = [each for each in wanted if _is_installed(each)]
    if not installed:
        names = " or ".join(each.value for each in wanted)
        raise PlacementError(
            f"Backend {names} is not installed. Install it with "
            f"`pip install 'tf-bert-toolkit[{wanted[0].value}]'`."
        )
    return installed if on_tpu else installed[:1]


def _is_installed(backend: Backend) -> bool:
    return importlib.util.find_spec(backend.value) is not None


def _counted(count: int, name: str) -> str:
    return f"{count} {name}" if count == 1 else f"{count} {name}s"
