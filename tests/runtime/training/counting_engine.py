"""An engine that counts, and batches for it."""

import numpy as np

from runtime.engine.engine import Dealt, Engine, EngineState, StepReport
from runtime.training.loop import CallBatch


class CountingEngine(Engine):
    """Adds each update's number to its only weight; breaks at one update."""

    def __init__(self, *, broken_update=None):
        self._state = EngineState(0, {"w": np.zeros(1, "f4")}, {"w/m": np.ones(1)})
        self._broken = broken_update
        self.calls = []

    @property
    def model(self):
        raise NotImplementedError

    def deal(self, arrays, *, first_step):
        return Dealt(arrays, first_step, updates=len(arrays["number"]), parts=1)

    def advance(self, dealt, *, stop):
        part = slice(self.step - dealt.first_step, stop - dealt.first_step)
        numbers = dealt.blocks["number"][part]
        self.calls.append(numbers.tolist())
        weights = self._state.weights["w"] + numbers.sum()
        self._state = EngineState(
            self.step + len(numbers), {"w": weights}, self._state.slots
        )
        finite = numbers != self._broken
        losses = np.where(finite, 1 / numbers, np.nan).astype(np.float32)
        return lambda: StepReport(losses, losses * 2, losses * 3, finite)

    def predict(self, arrays):
        return {"sum": self._state.weights["w"] + arrays["number"]}

    @property
    def step(self):
        return self._state.step

    def state(self):
        return self._state

    def load_state(self, state):
        self._state = state

    def weight_shapes(self):
        return {"w": (1,)}

    def load_checkpoint(self, found):
        self.load_state(EngineState(found.step, found.weights, found.slots))

    def load_weights(self, weights):
        raise NotImplementedError


def feed(first, stop):
    numbers = np.arange(first + 1, stop + 1)
    return CallBatch(
        arrays={"number": numbers},
        examples=2 * len(numbers),
        tokens=9,
        names=lambda index: [f"train-{numbers[index]}", "train-x"],
    )
