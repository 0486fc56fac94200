"""Evaluations on the way of a real model, on the engine of the backend."""

import collections
import dataclasses

import numpy as np
import pytest

from processors.batches.batches import (
    FILLER,
    BatchShape,
    EvalBatches,
    PadTo,
    TrainBatches,
    stack,
)
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.engine.engine import EngineState
from runtime.engine.objectives import ClassificationObjective
from runtime.training.loop import CallBatch
from tests.runtime.engine import engine_runs
from tests.runtime.training.evaluated_run import Evaluated, files_of

SHAPE = BatchShape(
    per_replica_batch=engine_runs.BATCH,
    replicas=1,
    max_seq_length=engine_runs.MAX_LENGTH,
    pad_to=PadTo.PACK,
    row_multiple=engine_runs.BATCH,
)


class Killed(BaseException):
    """Ends a run as a kill does: nothing that follows is done."""


@dataclasses.dataclass
class Model(Evaluated):
    """A run of a small BERT, evaluated on the examples that it trains on."""

    total: int = engine_runs.STEPS
    save_every: int = 8
    predictors: list = dataclasses.field(default_factory=list)

    def _feed(self, first, stop):
        batches = TrainBatches(engine_runs.short_texts(), shape=SHAPE, seed=5)
        several = [batches.batch(step) for step in range(first, stop)]
        return CallBatch(arrays=stack(several), examples=1, tokens=1)

    def _score(self, predictor):
        self.predictors.append(predictor)
        return self.measure(predictor)

    def measure(self, predictor):
        losses = []
        for batch in EvalBatches(engine_runs.short_texts(), shape=SHAPE):
            self.tick("predict")
            arrays = {name: value[0] for name, value in batch.arrays.items()}
            found = predictor.predict(arrays)
            losses.append(found["losses"][batch.example_index[0] != FILLER])
        return {"eval_loss": np.concatenate(losses).mean()}


@pytest.fixture(scope="module")
def engine(backend):
    """One engine for all, as each compiles its own programs."""
    return engine_runs.small().engine


@pytest.fixture
def run(engine, tmp_path):
    """Makes a run from the start, or one that goes on from what a folder holds."""
    start = {name: np.zeros_like(value) for name, value in engine.state().slots.items()}
    weights = engine_runs.seeded_weights(engine)

    def make(name, **told):
        engine.load_state(EngineState(0, weights, start))
        return Model(str(tmp_path / name), engine=engine, **told)

    return make


def test_evaluations_change_no_bit_of_the_training(run):
    plain = run("plain", evaluate_every=None, criterion=None)
    lines = plain.go()
    evaluated = run("evaluated", criterion=None)
    metrics = evaluated.go()
    assert [line for line in metrics if "eval_loss" not in line] == lines
    assert len(metrics) == len(lines) + 6
    last = "/checkpoints/step-00000020/weights.safetensors"
    assert storage.read_bytes(plain.folder + last) == storage.read_bytes(
        evaluated.folder + last
    )


class Nth:
    """A tick that ends the run at the n-th time that something is done."""

    def __init__(self, what, count):
        self._what, self._left = what, count

    def __call__(self, what):
        self._left -= what == self._what
        if what == self._what and self._left == 0:
            raise Killed


# An evaluation has 6 batches. The kills: amid the third evaluation, between the line of
# the second, which is the best so far, and its checkpoint, and where of a checkpoint
# all is written but the manifest.
@pytest.mark.parametrize(("what", "count"), [("predict", 16), ("log", 9), ("write", 6)])
def test_a_run_that_is_killed_ends_in_the_same_bytes(run, what, count):
    whole = run("whole")
    whole.go()
    killed = run("killed", tick=Nth(what, count))
    with pytest.raises(Killed):
        killed.go()
    reached = checkpoints.list_steps(killed.directory)
    assert reached
    assert reached[-1] < engine_runs.STEPS
    run("killed").go()
    assert files_of(killed.folder) == files_of(whole.folder)


def test_the_best_checkpoint_has_the_score_that_was_recorded(run, engine):
    made = run("scored")
    made.go()
    best = checkpoints.best(made.directory)
    found = checkpoints.load_best(made.directory)
    engine.load_state(EngineState(found.step, found.weights, slots={}))
    assert float(str(made.measure(engine)["eval_loss"])) == best.score
    assert found.metrics["eval_loss"] == best.score


def test_all_evaluations_run_one_compiled_program(backend, tmp_path, monkeypatch):
    traces = collections.Counter()
    outputs = ClassificationObjective.outputs

    def counted(*args):
        traces["outputs"] += 1
        return outputs(*args)

    monkeypatch.setattr(ClassificationObjective, "outputs", counted)
    made = Model(str(tmp_path / "run"), engine=engine_runs.small().engine)
    seen = []
    made.tick = lambda what: what == "log" and seen.append(traces["outputs"])
    made.go()
    assert len(made.predictors) == 6
    assert seen[0] == 0
    assert 1 <= seen[-1] == traces["outputs"]
    # The first update, the first evaluation, and all that came later.
    assert len(set(seen)) == 2
