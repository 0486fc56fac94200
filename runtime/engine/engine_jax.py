"""The step loop on JAX: a compiled program of K updates, its state on the devices.

Weights and slots are a pytree that each call donates and replaces. Each new shape of
the arrays costs a compilation. Where several processes share a run, each is fed the
arrays of all replicas, and takes those of its own devices.

Untested on a TPU: none was available to develop on.
"""

from __future__ import annotations

import contextlib
import logging
import math
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import keras
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import NamedSharding, PartitionSpec

from runtime.devices.placement import Placement
from runtime.engine import recompute_jax
from runtime.engine.engine import (
    DROPOUT_SEED,
    Arrays,
    Dealt,
    Engine,
    EngineState,
    Objective,
    StepReport,
    dropout_seeds,
    refuse_misfit,
)
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.engine.program_jax import (
    PREDICT_SPLIT,
    REPLICATED,
    TRAIN_SPLIT,
    JaxProgram,
    TrainState,
)

_UPDATE_AXES = 3  # updates, slices, replicas

_log = logging.getLogger(__name__)


def create(
    placement: Placement,
    *,
    build_model: Callable[[], Any],
    objective: Objective,
    optimizer: OptimizerSettings,
    seed: int,
) -> Engine:
    """Builds the model on the host; see `runtime.engine.engine.create`."""
    # As keras.utils.set_random_seed, which would load TensorFlow where it is installed:
    # half the time to a first answer.
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 - what models of users may draw from
    with keras.device(_host()):
        model = build_model()
    return JaxEngine(
        model, placement=placement, objective=objective, optimizer=optimizer, seed=seed
    )


def _host() -> jax.Device:
    """Keeps the Keras model, so that the devices' memory is the engine's alone."""
    return jax.local_devices(backend="cpu")[0]


class JaxEngine(Engine):
    """K updates a call on every device of a mesh."""

    def __init__(
        self,
        model: Any,
        *,
        placement: Placement,
        objective: Objective,
        optimizer: OptimizerSettings,
        seed: int,
    ) -> None:
        self.placement = placement
        self._model = model
        self._model_is_behind = False
        self._seed = seed
        self._step = 0
        self._program = JaxProgram(
            model,
            mesh=placement.strategy,
            objective=objective,
            optimizer=optimizer,
            precision=placement.precision,
            options=placement.options,
        )
        self._trainer = recompute_jax.trainer(self._program, placement=placement)
        self._weights = self._all_copied(self._program.initial_weights())
        self._slots: dict[str, jax.Array] = {}  # made for the first update
        self._shapes: set[tuple[tuple[int, ...], ...]] = set()  # compiled for

    # -- training ---------------------------------------------------------------------

    def deal(self, arrays: Arrays, *, first_step: int) -> Dealt:
        """Copies each replica's part to its device; see `Engine.deal`."""
        shape = next(iter(arrays.values())).shape[:3]
        seeds = dropout_seeds(self._seed, first_step=first_step, shape=shape)
        blocks = self._shard({**arrays, DROPOUT_SEED: seeds}, TRAIN_SPLIT)
        return Dealt(blocks, first_step, updates=shape[0], parts=shape[1])

    def advance(self, dealt: Dealt, *, stop: int) -> Callable[[], StepReport]:
        """Does some of the K updates; see `Engine.advance`."""
        part = slice(self._step - dealt.first_step, stop - dealt.first_step)
        span = np.array([dealt.first_step, part.start, part.stop], np.int32)
        with self._compiled_for(dealt.blocks):
            tree, report = self._trainer(self._tree(), dealt.blocks, span)
        self._weights, self._slots = tree
        self._step = stop
        self._model_is_behind = True
        return lambda: StepReport(*(np.asarray(value)[part] for value in report))

    @contextlib.contextmanager
    def _compiled_for(self, blocks: Arrays) -> Iterator[None]:
        """Tells of new shapes, whose program is compiled in the `with` block.

        That takes seconds, for a large model a minute.
        """
        shapes = tuple(block.shape for block in blocks.values())
        if shapes in self._shapes:
            yield
            return
        largest = max(shapes, key=math.prod)[_UPDATE_AXES:]
        _log.info("Compiling an update of %s ...", " x ".join(map(str, largest)))
        start = time.monotonic()
        yield
        self._shapes.add(shapes)
        self.seconds_compiling += time.monotonic() - start

    def _tree(self) -> TrainState:
        if not self._slots:
            self._slots = self._all_copied(self._program.initial_slots())
        return TrainState(self._weights, self._slots)

    # -- prediction -------------------------------------------------------------------

    def predict(self, arrays: Arrays) -> dict[str, np.ndarray]:
        """Runs the objective's outputs on every replica; see `Engine.predict`."""
        outputs = self._program.predict(
            self._weights, self._shard(arrays, PREDICT_SPLIT)
        )
        of_all: dict[str, np.ndarray]
        of_all = multihost_utils.process_allgather(outputs, tiled=True)
        return of_all

    # -- state ------------------------------------------------------------------------

    @property
    def model(self) -> Any:
        """The Keras model, on the host; see `Engine.model`."""
        if self._model_is_behind:
            with keras.device(_host()):
                for name, value in jax.device_get(self._weights).items():
                    self._program.variables[name].assign(value)
            self._model_is_behind = False
        return self._model

    @property
    def step(self) -> int:
        """Updates done; see `Engine.step`."""
        return self._step

    def state(self) -> EngineState:
        """Copies everything to the host; see `Engine.state`."""
        # Copied once more: on a CPU, device_get lends the memory that train donates.
        weights, slots = jax.tree.map(np.array, jax.device_get(self._tree()))
        return EngineState(step=self._step, weights=weights, slots=slots)

    def load_state(self, state: EngineState) -> None:
        """Replaces weights, slots and step; see `Engine.load_state`."""
        refuse_misfit(self._weights, state.weights, kind="weight")
        # One after the other: a checkpoint's are read when they are asked for.
        weights, slots = state.weights, state.slots
        self._weights = {name: self._copied(weights[name]) for name in self._weights}
        if slots:
            here = self._program.initial_slots()
            refuse_misfit(here, slots, kind="optimiser slot")
            self._slots = {name: self._copied(slots[name]) for name in here}
        self._step = state.step
        self._model_is_behind = True

    def load_weights(self, weights: Mapping[str, np.ndarray]) -> None:
        """Replaces the named weights; see `Engine.load_weights`."""
        named = {name: self._weights[name] for name in weights}
        refuse_misfit(named, weights, kind="weight")
        self._weights = {**self._weights, **self._all_copied(weights)}
        self._model_is_behind = True

    # -- distribution -----------------------------------------------------------------

    def _shard(self, arrays: Arrays, split: PartitionSpec) -> dict[str, Any]:
        """Gives every replica its part of each array."""
        sharding = NamedSharding(self.placement.strategy, split)
        if sharding.device_set == {_host()}:
            return dict(arrays)  # a program reads them where they are
        if sharding.is_fully_addressable:
            return jax.device_put(dict(arrays), sharding)
        # device_put would compare the arrays of all processes, each time.
        return {
            name: jax.make_array_from_callback(array.shape, sharding, array.__getitem__)
            for name, array in arrays.items()
        }

    def _all_copied(self, arrays: Arrays) -> dict[str, jax.Array]:
        return {name: self._copied(array) for name, array in arrays.items()}

    def _copied(self, array: np.ndarray) -> jax.Array:
        """Gives every replica its own copy of an array, which may go after that."""
        mesh = self.placement.strategy
        copies = [
            jax.device_put(array, device, may_alias=False)
            for device in mesh.local_devices
        ]
        sharding = NamedSharding(mesh, REPLICATED)
        made: jax.Array = jax.make_array_from_single_device_arrays(
            array.shape, sharding, copies
        )
        return made.block_until_ready()
