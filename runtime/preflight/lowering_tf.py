"""The steps of a workload, lowered by TensorFlow to XLA's language.

One core's program: the sum over cores, which TPUStrategy would add, is not in it.

Source: tf.function(...).experimental_get_compiler_ir.
"""

from __future__ import annotations

import functools
import importlib
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.engine.engine import DROPOUT_SEED, Arrays, dropout_seeds
from runtime.engine.engine_tf import TensorFlowEngine
from runtime.errors import CompilationError
from runtime.preflight.compilation import LoweredStep, layer_of, refusal
from runtime.preflight.topologies import Topology
from runtime.preflight.workload import Workload

# TensorFlow cannot compile for a TPU that is not there; jaxlib can.
_hlo = importlib.import_module("runtime.preflight.hlo_jax")


def lowering(workload: Workload, *, topology: Topology) -> TensorFlowLowering:
    """A workload's steps on one core of the TPU."""
    return TensorFlowLowering(workload, topology=topology)


class TensorFlowLowering:
    """A workload's steps on one core of a TPU.

    Args:
        workload: Model, objective and the arrays of a call.
        topology: The TPU.
    """

    def __init__(self, workload: Workload, *, topology: Topology) -> None:
        self._workload = workload
        self._topology = topology
        self._engine = TensorFlowEngine(
            workload.build_model(),
            placement=_one_core(),
            objective=workload.objective,
            optimizer=workload.optimizer,
            seed=0,
        )

    def training_step(self) -> LoweredStep:
        """The call of K updates."""
        arrays = self._workload.train
        calls, parts, _ = next(iter(arrays.values())).shape[:3]
        seeds = dropout_seeds(0, first_step=0, shape=(calls, parts, 1))
        blocks = {**_first(arrays, axis=2), DROPOUT_SEED: tf.constant(seeds[:, :, 0])}
        self._engine.make_slots()
        # No functools.partial: its keyword would become an input of the program.
        return self._lowered(
            lambda *inputs: self._engine.train_call(*inputs, parts=parts),
            *(blocks, tf.constant([0, calls])),
        )

    def evaluation_step(self) -> LoweredStep:
        """The call of one batch, dropout off."""
        return self._prediction(self._workload.evaluate)

    def writing_step(self) -> LoweredStep | None:
        """The call that writes texts; None where the model writes none."""
        arrays = self._workload.write
        return None if arrays is None else self._prediction(arrays)

    def _prediction(self, arrays: Arrays) -> LoweredStep:
        return self._lowered(self._engine.predict_call, _first(arrays, axis=0))

    def _lowered(self, step: Callable[..., Any], *inputs: Any) -> LoweredStep:
        function = tf.function(step, jit_compile=True, autograph=False)
        lower = function.experimental_get_compiler_ir(*inputs)
        try:
            program = lower("hlo_serialized")
        except (ValueError, tf.errors.OpError) as error:
            raise _refused(str(error)) from error
        return LoweredStep(
            program=program,
            flops=None,
            compile=functools.partial(_hlo.compile_step, program, self._topology),
        )


def _one_core() -> Placement:
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=Accelerator.TPU,
        precision=Precision.FLOAT32,  # of no matter here: the model has its own
        devices=("TPU:0",),
        strategy=tf.distribute.get_strategy(),
        max_row_shapes=1,
    )


def _first(arrays: Arrays, *, axis: int) -> dict[str, tf.Tensor]:
    return {name: tf.constant(np.take(a, 0, axis=axis)) for name, a in arrays.items()}


def _refused(complaint: str) -> CompilationError:
    """Names the layer: the scope of the node that the message speaks of."""
    message = complaint.partition("\nThe op is created at:")[0].strip()
    node = _NODE.search(message)
    return refusal(message, layer=layer_of(node.group(1)) if node else None)


_NODE = re.compile(r"\{\{node ([^}]+)\}\}")
