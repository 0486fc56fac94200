"""Which of JAX's two training programs a run takes: the faster, or the smaller one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from runtime.devices.placement import Accelerator, Placement, Recompute
from runtime.engine.program_jax import Blocks, JaxProgram, TrainState

_SHARE = 0.95  # of the memory; the rest is for what lies beside a training call

_log = logging.getLogger(__name__)

Trainer = Callable[..., Any]


def trainer(program: JaxProgram, *, placement: Placement) -> Trainer:
    """The training program of a run; see `JaxProgram.train`.

    Args:
        program: Has both.
        placement: Says which is asked for, and on what.
    """
    if placement.options.recompute is Recompute.NONE:
        return program.train_keeping
    if placement.options.recompute is Recompute.ALL:
        return program.train
    if placement.accelerator is not Accelerator.GPU:
        return program.train
    return FittingTrainer(program, device_bytes=placement.device_bytes)


class FittingTrainer:
    """For each shape of the arrays the faster program, where the memory suffices.

    What is chosen is a function of the shapes and of the device alone, so that a
    resumed run computes with the same programs.

    Args:
        program: Has both.
        device_bytes: Memory of a device; None where nobody knows.
    """

    def __init__(self, program: JaxProgram, *, device_bytes: int | None) -> None:
        self._program = program
        self._device_bytes = device_bytes
        self._chosen: dict[tuple[Any, ...], Trainer] = {}

    def __call__(self, tree: TrainState, blocks: Blocks, span: Any) -> Any:
        """Does the updates of a call; see `JaxProgram.train`."""
        shapes = tuple((name, blocks[name].shape) for name in sorted(blocks))
        if shapes not in self._chosen:
            self._chosen[shapes] = self._choose(tree, blocks, span)
        return self._chosen[shapes](tree, blocks, span)

    def _choose(self, tree: TrainState, blocks: Blocks, span: Any) -> Trainer:
        compiled = self._program.train_keeping.lower(tree, blocks, span).compile()
        needed = _peak_bytes(compiled.memory_analysis())
        if self._device_bytes is None or needed <= _SHARE * self._device_bytes:
            return compiled
        _log.info(
            "An update would take %.1f of %.1f GiB: the layers' values are computed a"
            " second time for the gradient instead of kept (--recompute=none keeps"
            " them).",
            needed / 2**30,
            self._device_bytes / 2**30,
        )
        return self._program.train


def _peak_bytes(found: Any) -> int:
    """What a compiled program needs at once, arguments and results with it."""
    own = found.temp_size_in_bytes + found.generated_code_size_in_bytes
    passed = found.argument_size_in_bytes + found.output_size_in_bytes
    return int(own + passed - found.alias_size_in_bytes)
