"""What a device computes in a run, without the data: enough to compile it elsewhere."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from typing import Any

from runtime.devices.placement import Precision, StepOptions
from runtime.engine.engine import Arrays, Objective
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import SettingsError


@dataclasses.dataclass(frozen=True, kw_only=True)
class Workload:
    """A model, what it optimises and the largest batches it is given.

    Attributes:
        build_model: Makes the model and all its variables.
        objective: Loss and outputs.
        optimizer: Optimiser and schedule.
        train: Batch arrays of one call, `[K, accumulation, replicas, ...]`.
        evaluate: Batch arrays of one call, `[replicas, ...]`.
        precision: Arithmetic of the matrix products.
        options: How a step is computed.
        write: Those of one call that writes texts; None where the model writes none.
    """

    build_model: Callable[[], Any]
    objective: Objective
    optimizer: OptimizerSettings
    train: Arrays
    evaluate: Arrays
    precision: Precision = Precision.FLOAT32
    options: StepOptions = dataclasses.field(default_factory=StepOptions)
    write: Arrays | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class BatchCut:
    """How a global batch is cut.

    Attributes:
        replicas: Devices that each take a slice.
        per_replica_batch: Examples a replica sees in one slice of an update.
    """

    replicas: int
    per_replica_batch: int


MakeWorkload = Callable[[Any, BatchCut], Workload]
"""Makes the workload of some settings for some cut."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Pipeline:
    """What a pipeline tells those who do not know it.

    Attributes:
        settings: A dataclass of what decides the steps; has at least
            `train_batch_size`, `gradient_accumulation_steps`, `steps_per_call`,
            `precision` and `num_train_steps(num_examples)`.
        run_settings: The dataclass of a whole run, with more fields; each field is a
            command-line flag.
        make_workload: Makes the steps that the settings ask for.
        script: What runs them.
    """

    settings: type[Any]
    run_settings: type[Any]
    make_workload: MakeWorkload
    script: str


def per_replica_batch(
    global_batch: int, *, flag: str, replicas: int, accumulation: int = 1
) -> int:
    """Examples that a replica sees at a time.

    Args:
        global_batch: Examples of all replicas and slices together.
        flag: Name of its flag, for an error.
        replicas: Devices that each take a part.
        accumulation: Slices that an update is computed in.

    Raises:
        SettingsError: The batch does not divide; names the nearest that does.
    """
    slices = replicas * accumulation
    if global_batch % slices:
        nearest = max(round(global_batch / slices), 1) * slices
        raise SettingsError(
            f"--{flag}={global_batch} does not divide by {replicas} replicas x "
            f"{accumulation} accumulation steps; the nearest that does is {nearest}."
        )
    return global_batch // slices


def find_pipeline(name: str, *, known: Mapping[str, str]) -> Pipeline:
    """Imports a pipeline.

    Args:
        name: A known name, or `package.module:NAME`.
        known: Short names for some of those.

    Raises:
        SettingsError: There is none of that name; lists the known.
    """
    module, _, attribute = known.get(name, name).partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise SettingsError(
            f"No pipeline {name}: {error}. Known: {', '.join(known)}, or "
            "package.module:NAME of your own."
        ) from error
    if not isinstance(found, Pipeline):
        raise SettingsError(f"{name} is no runtime.preflight.workload.Pipeline.")
    return found
