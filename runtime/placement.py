"""Where a run runs: accelerator and backend become one frozen Placement.

Keras reads `KERAS_BACKEND` once, when it is first imported, so `place` must be called
before anything that imports keras. Frameworks are imported only by the file of the
chosen backend (`placement_tf.py`, `placement_jax.py`).
"""

from __future__ import annotations

import dataclasses
import enum
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Any

from runtime.errors import PlacementError


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
    BFLOAT16 = "bfloat16"

    @property
    def keras_policy(self) -> str:
        """The name of the Keras dtype policy."""
        return "float32" if self is Precision.FLOAT32 else "mixed_bfloat16"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Placement:
    """The devices of a run.

    Attributes:
        backend: TENSORFLOW or JAX, never AUTO.
        accelerator: CPU, GPU or TPU, never AUTO.
        precision: Arithmetic of a step.
        devices: Names of the devices, one for each replica.
        strategy: What the backend distributes with: a `tf.distribute.Strategy` or a
            `jax.sharding.Mesh`.
        row_counts: About how many different numbers of packed rows a run may see:
            each compiles kernels, and where the whole step is compiled they are few.
        is_chief: Whether this process writes files.
    """

    backend: Backend
    accelerator: Accelerator
    precision: Precision
    devices: tuple[str, ...]
    strategy: Any
    row_counts: int
    is_chief: bool = True

    @property
    def replicas(self) -> int:
        """Number of devices that each take a slice of every batch."""
        return len(self.devices)

    def describe(self) -> str:
        """One line for the console: devices, backend, precision."""
        kind = self.accelerator.value.upper()
        return (
            f"{self.replicas} x {kind} ({', '.join(self.devices)}), "
            f"{self.backend.value}, {self.precision.value}"
        )


def place(
    accelerator: Accelerator = Accelerator.AUTO,
    *,
    backend: Backend = Backend.AUTO,
    precision: Precision = Precision.FLOAT32,
    devices: Sequence[str] = (),
) -> Placement:
    """Chooses devices and backend, and makes Keras use that backend.

    Args:
        accelerator: What to run on; AUTO takes the best that is really there.
        backend: What to run with; AUTO takes the first that is installed.
        precision: Arithmetic of a step.
        devices: Device names to use instead of all devices of the accelerator.

    Returns:
        The placement.

    Raises:
        PlacementError: The backend or the accelerator is not there, or Keras was
            already imported with another backend.
    """
    chosen = _installed_backend(backend)
    _bind_keras(chosen)
    finder = importlib.import_module(_FINDERS[chosen])
    placement: Placement = finder.find(
        accelerator, precision=precision, devices=tuple(devices)
    )
    return placement


_FINDERS = {
    Backend.TENSORFLOW: "runtime.placement_tf",
    Backend.JAX: "runtime.placement_jax",
}


def _installed_backend(backend: Backend) -> Backend:
    wanted = list(_FINDERS) if backend is Backend.AUTO else [backend]
    for candidate in wanted:
        if importlib.util.find_spec(candidate.value) is not None:
            return candidate
    names = " or ".join(candidate.value for candidate in wanted)
    raise PlacementError(
        f"Backend {names} is not installed. Install it with "
        f"`pip install 'tf-bert-toolkit[{wanted[0].value}]'`."
    )


def _bind_keras(backend: Backend) -> None:
    if "keras" in sys.modules:
        bound = sys.modules["keras"].backend.backend()
        if bound != backend.value:
            raise PlacementError(
                f"Keras already runs on {bound}; {backend.value} was asked for. Choose "
                "the backend before importing keras, or start a new process."
            )
    os.environ["KERAS_BACKEND"] = backend.value
