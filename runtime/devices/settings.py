"""Flags that say on which devices a run runs, the same in every pipeline.

The TPU flags are those of google-research/bert's scripts. Which accelerator and backend
is asked for elsewhere, because programs that run on no device ask for them too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from runtime.devices import placement
from runtime.devices.placement import (
    Accelerator,
    AttentionBy,
    Backend,
    Placement,
    Precision,
    ProcessGroup,
    Recompute,
    StepOptions,
    TpuAddress,
)
from runtime.errors import SettingsError
from runtime.settings import fixed, setting

_AUTOMATIC = "auto"


@dataclasses.dataclass(frozen=True, kw_only=True)
class DeviceSettings:
    """What a run computes on, and with.

    Attributes:
        accelerator: Of the pipeline's settings.
        backend: Of the pipeline's settings.
        precision: Of the pipeline's settings.
        steps_per_call: Of the pipeline's settings.
        recompute: Of the pipeline's settings, where it trains.
        attention: The same.
    """

    accelerator: Accelerator
    backend: Backend
    precision: Precision
    steps_per_call: int

    recompute: Recompute = fixed(Recompute.AUTO)
    attention: AttentionBy = fixed(AttentionBy.AUTO)

    # The original's flags.
    use_tpu: bool = setting(False, help="The same as accelerator=tpu.")
    tpu_name: str | None = setting(
        None, help="TPU for backend tensorflow: local (the default), a name or address."
    )
    tpu_zone: str | None = setting(
        None, help="Cloud zone of tpu_name, where the machine cannot be asked."
    )
    gcp_project: str | None = setting(
        None, help="Cloud project of tpu_name, where the machine cannot be asked."
    )
    num_tpu_cores: int | None = setting(
        None,
        help="TPU cores that must be found; given, any other number is an error. "
        "Counted as replicas: cores on v2 and v3, chips on newer TPUs.",
    )
    iterations_per_loop: int | None = setting(
        None, help="The original's name of steps_per_call (there 1000 by default)."
    )

    # New here.
    coordinator_address: str | None = setting(
        None,
        help="host:port of process 0 where several processes share a run on JAX; auto "
        "where JAX can ask the cluster (Cloud TPU, Slurm).",
    )
    num_processes: int | None = setting(None, help="Processes that share the run.")
    process_id: int | None = setting(None, help="Which of them this is, from 0.")
    deterministic: bool = setting(
        True,
        help="Whether a GPU gives the same bits for the same step, as other devices "
        "always do, on JAX; some of its faster operations do not.",
    )

    def device_problems(self) -> Iterator[str]:
        """A sentence for each value that cannot be used."""
        if self.use_tpu and self.accelerator in {Accelerator.CPU, Accelerator.GPU}:
            yield (
                f"--use_tpu and --accelerator={self.accelerator.value} contradict each "
                "other; leave one out."
            )
        for name in ("num_tpu_cores", "iterations_per_loop", "num_processes"):
            value = getattr(self, name)
            if value is not None and value < 1:
                yield f"--{name} must be at least 1; got {value}."
        if self.iterations_per_loop and self.steps_per_call not in {
            1,
            self.iterations_per_loop,
        }:
            yield (
                f"--iterations_per_loop={self.iterations_per_loop} and "
                f"--steps_per_call={self.steps_per_call} mean the same; leave one out."
            )
        yield from self._group_problems()

    def _group_problems(self) -> Iterator[str]:
        numbers = (self.num_processes, self.process_id)
        if self.coordinator_address in {None, _AUTOMATIC}:
            if numbers != (None, None):
                yield (
                    "--num_processes and --process_id need --coordinator_address="
                    "HOST:PORT, the address of process 0."
                )
        elif None in numbers:
            yield "--coordinator_address needs --num_processes and --process_id."
        elif not 0 <= int(self.process_id or 0) < int(self.num_processes or 0):
            yield (
                f"--process_id must lie in [0, --num_processes={self.num_processes}); "
                f"got {self.process_id}."
            )

    @property
    def wanted_accelerator(self) -> Accelerator:
        """What either flag asks for."""
        return Accelerator.TPU if self.use_tpu else self.accelerator

    @property
    def updates_per_call(self) -> int:
        """Most updates in one call of the devices, by either flag."""
        return self.iterations_per_loop or self.steps_per_call

    @property
    def tpu(self) -> TpuAddress:
        """Which TPU."""
        return TpuAddress(
            name=self.tpu_name or "",
            zone=self.tpu_zone or "",
            project=self.gcp_project or "",
        )

    @property
    def process_group(self) -> ProcessGroup:
        """Which processes share the run."""
        return ProcessGroup(
            coordinator=self.coordinator_address or "",
            count=self.num_processes,
            index=self.process_id,
        )

    def place(self) -> Placement:
        """Finds the devices that these settings ask for; see `placement.place`.

        Keras takes its backend from this when it is first imported.

        Raises:
            PlacementError: There are none; says why.
        """
        return placement.place(
            self.wanted_accelerator,
            backend=self.backend,
            precision=self.precision,
            tpu=self.tpu,
            group=self.process_group,
            options=StepOptions(
                recompute=self.recompute,
                deterministic=self.deterministic,
                attention=self.attention,
            ),
        )

    def refuse_other_cores(self, found: Placement) -> None:
        """Refuses a TPU of another size than the one that was asked for.

        Raises:
            SettingsError: Names both numbers.
        """
        if found.accelerator is not Accelerator.TPU or self.num_tpu_cores is None:
            return
        if found.replicas != self.num_tpu_cores:
            raise SettingsError(
                f"--num_tpu_cores={self.num_tpu_cores}, but {found.replicas} TPU "
                "cores were found. Leave the flag out to use them all."
            )
