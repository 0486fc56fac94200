"""The steps of a model on full rows, for those who compile them without data."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from pipelines.steps.settings import TokenStepSettings
from processors.batches.batch_shape import BatchShape
from processors.batches.batches import Batch, EvalBatches, TrainBatches, stack
from processors.batches.texts_apart import Sides, full_pairs
from processors.batches.token_dataset import TokenDataset
from runtime.devices.placement import StepOptions
from runtime.engine.engine import Arrays, Objective
from runtime.preflight.workload import BatchCut, Workload


def on_full_rows(
    settings: TokenStepSettings,
    cut: BatchCut,
    *,
    build_model: Callable[[], Any],
    objective: Objective,
    arrays: Callable[[Sequence[Batch]], Arrays] = stack,
    num_train_steps: int | None = None,
    target_shape: tuple[int, ...] | None = None,
) -> Workload:
    """The training and the evaluation step of a model.

    Packed or bucketed batches are never larger than these.

    Args:
        settings: Batches, precision and optimiser.
        cut: How a training batch is cut.
        build_model: Makes the model and all its variables.
        objective: Loss and outputs.
        arrays: What the model reads of some batches.
        num_train_steps: Updates of the run; by default `max_steps`, or 1000.
        target_shape: Of what an example is to be told; None where that is a label id.
    """
    shape = BatchShape(
        per_replica_batch=cut.per_replica_batch,
        replicas=cut.replicas,
        accumulation=settings.gradient_accumulation_steps,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
        sides=settings.sides,
        max_target_length=settings.target_length,
    )
    full = _full_rows(settings, target_shape=target_shape)
    return Workload(
        build_model=build_model,
        objective=objective,
        optimizer=settings.optimizer_settings(
            num_train_steps or settings.max_steps or 1000
        ),
        train=arrays(_training_batches(full, shape, calls=settings.steps_per_call)),
        evaluate=one_call(arrays([_evaluation_batch(full, settings, cut)])),
        precision=settings.precision,
        options=StepOptions(recompute=settings.recompute, attention=settings.attention),
    )


def _full_rows(
    settings: TokenStepSettings, *, target_shape: tuple[int, ...] | None
) -> Callable[[int], TokenDataset]:
    """Makes as many examples as it is asked for, which leave no room in a row."""
    length = settings.max_seq_length
    if settings.sides is Sides.APART:
        return functools.partial(full_pairs, length=length, target_shape=target_shape)
    return functools.partial(
        TokenDataset.full,
        length=length,
        target_shape=target_shape,
        target_length=settings.target_length,
    )


def _training_batches(
    full: Callable[[int], TokenDataset], shape: BatchShape, *, calls: int
) -> list[Batch]:
    batches = TrainBatches(full(shape.global_batch), shape=shape, seed=0)
    return [batches.batch(step) for step in range(calls)]


def _evaluation_batch(
    full: Callable[[int], TokenDataset], settings: TokenStepSettings, cut: BatchCut
) -> Batch:
    shape = BatchShape(
        per_replica_batch=max(settings.eval_batch_size // cut.replicas, 1),
        replicas=cut.replicas,
        max_seq_length=settings.max_seq_length,
        pad_to=settings.pad_to,
        sides=settings.sides,
        max_target_length=settings.target_length,
    )
    [batch] = EvalBatches(full(shape.global_batch), shape=shape)
    return batch


def one_call(arrays: Arrays) -> dict[str, np.ndarray]:
    """The arrays of one evaluation or prediction, `[replicas, ...]`.

    Args:
        arrays: Of one batch, `[1, 1, replicas, ...]`.
    """
    return {name: array[0, 0] for name, array in arrays.items()}
