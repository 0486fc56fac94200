"""Will a run compile for a TPU and fit into its memory? Asked without a TPU.

The real steps of a pipeline are lowered by its backend and compiled by the real TPU
compiler. What that cannot show: numbers, speed, start-up and input of a real chip.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
from typing import Any, NamedTuple, Protocol

from runtime import storage
from runtime.devices.placement import Backend
from runtime.preflight.compilation import CompiledStep, Effort, LoweredStep
from runtime.preflight.topologies import Chip, Topology
from runtime.preflight.workload import BatchCut, Pipeline, Workload, per_replica_batch


class Lowering(Protocol):
    """A workload's steps on the devices of a TPU."""

    def training_step(self) -> LoweredStep:
        """The call of K updates."""

    def evaluation_step(self) -> LoweredStep:
        """The call of one batch, dropout off."""

    def writing_step(self) -> LoweredStep | None:
        """The call that writes texts; None where the model writes none."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class StepAnswer:
    """What is known of one step.

    Attributes:
        compiled: The compiler's answer.
        device: What one device of the TPU has.
    """

    compiled: CompiledStep
    device: Chip

    @property
    def seconds(self) -> float:
        """The roofline: no device can do the step in less."""
        return max(
            self.compiled.flops / self.device.flops,
            self.compiled.bytes_accessed / self.device.bandwidth,
        )

    @property
    def bound_by(self) -> str:
        """What the roofline's time is spent on."""
        arithmetic = self.compiled.flops / self.device.flops
        return "arithmetic" if arithmetic >= self.seconds else "memory"

    @property
    def capacity(self) -> int:
        """Bytes a program may use, as the compiler or else the data sheet says."""
        return self.compiled.capacity or self.device.memory

    @property
    def share(self) -> float | None:
        """Memory it takes as a share of the capacity."""
        memory = self.compiled.memory
        return None if memory is None else memory / self.capacity


class _Kept(NamedTuple):
    batch: int
    lowering: Lowering


class TpuCheck:
    """Compiles the steps that some settings ask for.

    Args:
        pipeline: Whose steps.
        settings: Of the class that the pipeline names.
        topology: The TPU.
        backend: TENSORFLOW or JAX; Keras must run on it.
        effort: How much time the compiler spends.
        cache_dir: Folder where answers are kept, by a hash of the compiled program.

    Attributes:
        devices: Devices of the TPU, as many as there are replicas.
        device: What one of them has.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        settings: Any,
        *,
        topology: Topology,
        backend: Backend,
        effort: Effort,
        cache_dir: str,
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._topology = topology
        self._cache_dir = cache_dir
        self._lowerings = importlib.import_module(_LOWERINGS[backend])
        self._compiler = importlib.import_module(_COMPILER)
        self._effort = effort
        self._kept: _Kept | None = None
        self.backend = backend
        self.devices: int = self._compiler.device_count(topology)
        self.device = topology.share(self.devices)

    def describe(self) -> str:
        """One line: the TPU, its devices, backend and precision."""
        memory = self.device.memory / 2**30
        return (
            f"{self._topology.name}: {self.devices} x {memory:.0f} GiB, "
            f"{self.backend.value}, {self._settings.precision.value}"
        )

    @property
    def accumulation(self) -> int:
        """Slices that an update is computed in."""
        return int(self._settings.gradient_accumulation_steps)

    @property
    def global_batch(self) -> int:
        """Examples of an update."""
        return int(self._settings.train_batch_size)

    @property
    def updates_per_call(self) -> int:
        """Updates that the compiled program does."""
        return int(self._settings.steps_per_call)

    def total_updates(self, train_examples: int) -> int:
        """Updates of the whole run."""
        return int(self._settings.num_train_steps(train_examples))

    @property
    def per_replica_batch(self) -> int:
        """Examples a device sees at a time under the settings.

        Raises:
            SettingsError: The batch does not divide by the devices.
        """
        return per_replica_batch(
            self.global_batch,
            flag="train_batch_size",
            replicas=self.devices,
            accumulation=self.accumulation,
        )

    def workload(self, batch: int) -> Workload:
        """The steps with `batch` examples a device."""
        cut = BatchCut(replicas=self.devices, per_replica_batch=batch)
        return self._pipeline.make_workload(self._settings, cut)

    def training_step(self, batch: int) -> StepAnswer:
        """Compiles the training step with `batch` examples a device.

        Raises:
            CompilationError: The compiler refuses an operation.
        """
        return self._answer(self._lowering(batch).training_step())

    def evaluation_step(self) -> StepAnswer:
        """Compiles the evaluation step.

        Raises:
            CompilationError: The compiler refuses an operation.
        """
        return self._answer(self._lowering(self.per_replica_batch).evaluation_step())

    def writing_step(self) -> StepAnswer | None:
        """Compiles the step that writes texts; None where the model writes none.

        Raises:
            CompilationError: The compiler refuses an operation.
        """
        step = self._lowering(self.per_replica_batch).writing_step()
        return None if step is None else self._answer(step)

    def _lowering(self, batch: int) -> Lowering:
        """Kept for the next step of the same batch: its model takes long to make."""
        if self._kept is None or self._kept.batch != batch:
            made = self._lowerings.lowering(
                self.workload(batch), topology=self._topology
            )
            self._kept = _Kept(batch, made)
        return self._kept.lowering

    def _answer(self, step: LoweredStep) -> StepAnswer:
        compiled = self._cached(step)
        if step.flops is not None:
            compiled = dataclasses.replace(compiled, flops=step.flops)
        return StepAnswer(compiled=compiled, device=self.device)

    def _cached(self, step: LoweredStep) -> CompiledStep:
        digest = hashlib.sha256(step.program)
        asked = (self._topology, self._effort.value, self._compiler.version())
        digest.update(repr(asked).encode())
        path = storage.join(self._cache_dir, f"{digest.hexdigest()}.json")
        if storage.exists(path):
            return CompiledStep(**json.loads(storage.read_text(path)))
        compiled = step.compile(self._effort)
        storage.write_text(path, json.dumps(dataclasses.asdict(compiled)))
        return compiled


_COMPILER = "runtime.preflight.compiler_jax"
_LOWERINGS = {
    Backend.JAX: "runtime.preflight.lowering_jax",
    Backend.TENSORFLOW: "runtime.preflight.lowering_tf",
}
