import collections
import contextlib
import dataclasses
import io
import os

import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import FILLER, EvalBatches, TrainBatches, stack
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import (
    NoCheckpointWriter,
)
from runtime.engine.engine import EngineState
from runtime.engine.objectives import ClassificationObjective
from runtime.errors import RunStoppedError, TrainingError
from runtime.training.loop import CallBatch
from runtime.training.pace import Pace
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.runtime.engine import engine_runs
from tests.runtime.training.counting_engine import CountingEngine
from tests.runtime.training.evaluated_run import Evaluated, files_of
from tests.runtime.training.loop_runs import make_plan, run


def test_calls_end_at_multiples_and_at_checkpoints(tmp_path):
    engine = CountingEngine()
    run(engine, make_plan(tmp_path))
    assert engine.calls == [[1, 2, 3, 4], [5], [6, 7, 8], [9, 10]]


@pytest.mark.parametrize("resumed_from", [5, 10])
def test_a_resumed_run_makes_the_calls_of_one_never_stopped(tmp_path, resumed_from):
    whole = CountingEngine()
    run(whole, make_plan(tmp_path / "whole", total_steps=12))
    resumed = CountingEngine()
    weight = np.arange(resumed_from + 1).sum()
    resumed.load_state(EngineState(resumed_from, {"w": np.float32([weight])}, {}))
    run(resumed, make_plan(tmp_path / "resumed", total_steps=12))
    assert resumed.calls == whole.calls[-len(resumed.calls) :]
    assert resumed.state().weights == whole.state().weights


def test_a_run_that_is_asked_before_its_first_update_saves_nothing(tmp_path):
    stop = StopRequest(grace=60)
    stop.ask("a test")
    plan, engine = make_plan(tmp_path), CountingEngine()
    with stop.on_signals(), pytest.raises(RunStoppedError):
        run(engine, plan, stop=stop)
    assert engine.calls == []
    assert checkpoints.list_steps(plan.directory) == []


class Looking(Pace):
    """Notes where it is asked."""

    def __init__(self):
        super().__init__(StopRequest())
        self.looks = []

    def is_to_stop(self, step):
        self.looks.append(step)
        return super().is_to_stop(step)


def test_there_is_a_look_after_the_last_update(tmp_path):
    pace = Looking()
    run(CountingEngine(), make_plan(tmp_path), pace=pace)
    assert pace.looks[-1] == 10
    assert set(pace.looks) == {0, 1, 3, 4, 5, 8, 10}


def test_checkpoints_fall_due_every_so_often_and_at_the_end(tmp_path):
    plan = make_plan(tmp_path, total_steps=12)
    run(CountingEngine(), plan)
    assert checkpoints.list_steps(plan.directory) == [5, 10, 12]
    loaded = checkpoints.load(checkpoints.latest(plan.directory))
    assert loaded.step == 12
    assert loaded.weights["w"] == 78
    assert loaded.slots["w/m"] == 1
    assert loaded.state == {"seed": 3}
    assert loaded.metrics == {"loss": pytest.approx(1 / 12), "skipped_updates": 0}


def test_only_the_newest_are_kept(tmp_path):
    plan = make_plan(tmp_path, total_steps=12, save_every=2)
    run(CountingEngine(), plan, keep=3)
    assert checkpoints.list_steps(plan.directory) == [8, 10, 12]


def test_who_leaves_saving_to_the_chief_makes_the_same_calls(tmp_path):
    chief, other = CountingEngine(), CountingEngine()
    run(chief, make_plan(tmp_path / "chief"))
    plan = make_plan(tmp_path / "other")
    metrics = run(other, plan, writer=NoCheckpointWriter())
    assert other.calls == chief.calls
    assert len(metrics) == 10
    assert not os.path.exists(plan.directory)


def test_every_update_leaves_a_line_of_metrics(tmp_path):
    metrics = run(CountingEngine(), make_plan(tmp_path))
    assert [line["step"] for line in metrics] == list(range(1, 11))
    assert [line["loss"] for line in metrics] == pytest.approx(1 / np.arange(1, 11))
    assert metrics[3]["gradient_norm"] == pytest.approx(0.5)
    assert metrics[3]["learning_rate"] == pytest.approx(0.75)


def test_progress_ends_at_the_last_step(tmp_path):
    stream = io.StringIO()
    run(CountingEngine(), make_plan(tmp_path), stream=stream)
    lines = stream.getvalue().splitlines()
    assert lines[0].startswith("step 4/10  loss 0.250")
    assert lines[-1].startswith("step 10/10  loss 0.100")
    assert "examples/s" in lines[-1]


def test_nothing_is_done_after_the_last_step(tmp_path):
    engine = CountingEngine()
    engine.load_state(EngineState(10, {"w": np.zeros(1)}, {}))
    plan = make_plan(tmp_path)
    assert run(engine, plan) == []
    assert engine.calls == []
    assert not os.path.exists(plan.directory)


def test_a_loss_that_is_no_number_ends_the_run_and_keeps_the_last_checkpoint(tmp_path):
    plan = make_plan(tmp_path)
    engine = CountingEngine(broken_update=7)
    with pytest.raises(TrainingError) as caught:
        run(engine, plan)
    message = str(caught.value)
    assert "Update 7 was not applied: loss nan" in message
    assert os.path.join(plan.directory, "step-00000005") in message
    assert "Its examples: train-7, train-x." in message
    assert "--learning_rate" in message
    assert checkpoints.list_steps(plan.directory) == [5]
    with contextlib.closing(RunRecord(str(tmp_path))) as record:
        logged = record.metrics()
    assert [line["step"] for line in logged] == [1, 2, 3, 4, 5, 6, 7, 8]
    assert np.isnan(logged[6]["loss"])


def test_before_the_first_checkpoint_there_is_none_to_name(tmp_path):
    with pytest.raises(TrainingError, match="Newest good checkpoint: none yet"):
        run(CountingEngine(broken_update=1), make_plan(tmp_path))


def test_some_updates_may_be_left_out(tmp_path, caplog):
    plan = make_plan(tmp_path, most_skipped=1)
    run(CountingEngine(broken_update=7), plan)
    assert "Update 7 was not applied: loss nan" in caplog.text
    assert "Its examples: train-7, train-x. Left out: 1 of 1." in caplog.text
    assert checkpoints.load_newest(plan.directory).metrics["skipped_updates"] == 1


def test_what_was_left_out_before_counts(tmp_path):
    plan = make_plan(tmp_path, most_skipped=3, reached={"skipped_updates": 3.0})
    with pytest.raises(TrainingError, match="Update 7 was not applied"):
        run(CountingEngine(broken_update=7), plan)


class AskedAfter(CountingEngine):
    """Asks the run to stop while it computes the call in which an update is."""

    def __init__(self, stop, update):
        super().__init__()
        self._stop, self._update = stop, update

    def advance(self, dealt, *, stop):
        if self.step < self._update <= stop:
            self._stop.ask("a test")
        return super().advance(dealt, stop=stop)


class Noting(NoCheckpointWriter):
    """Notes what it is to keep."""

    def __init__(self):
        self.steps = []

    def save(self, engine, *, metrics, state, best):
        del metrics, state, best
        self.steps.append(engine.step)


@pytest.mark.parametrize(("update", "saves"), [(5, [5]), (7, [5, 8]), (99, [5, 10])])
def test_nothing_is_saved_twice(tmp_path, update, saves):
    stop, writer = StopRequest(grace=60), Noting()
    with stop.on_signals(), contextlib.suppress(RunStoppedError):
        engine = AskedAfter(stop, update)
        run(engine, make_plan(tmp_path), stop=stop, writer=writer)
    assert writer.steps == saves


@pytest.mark.parametrize(("update", "kept"), [(2, 4), (5, 5), (6, 8), (10, 10)])
def test_a_run_that_is_asked_to_stop_keeps_what_it_reached(tmp_path, update, kept):
    stop = StopRequest(grace=60)
    plan = make_plan(tmp_path)
    with stop.on_signals(), pytest.raises(RunStoppedError, match="Stopped by a test"):
        run(AskedAfter(stop, update), plan, stop=stop)
    found = checkpoints.load_newest(plan.directory)
    assert found.step == kept
    assert found.weights["w"] == np.arange(kept + 1).sum()
    with contextlib.closing(RunRecord(str(tmp_path))) as record:
        assert [line["step"] for line in record.metrics()] == list(range(1, kept + 1))


# Evaluations of a real model ------------------------------------------------------

SHAPE = BatchShape(
    per_replica_batch=engine_runs.BATCH,
    replicas=1,
    max_seq_length=engine_runs.MAX_LENGTH,
    pad_to=PadTo.PACK,
    row_counts=(engine_runs.BATCH,),
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
def start(engine, tmp_path):
    """Makes a run from the start, or one that goes on from what a folder holds."""
    slots = {name: np.zeros_like(value) for name, value in engine.state().slots.items()}
    weights = engine_runs.seeded_weights(engine)

    def make(name, **told):
        engine.load_state(EngineState(0, weights, slots))
        return Model(str(tmp_path / name), engine=engine, **told)

    return make


def test_evaluations_change_no_bit_of_the_training(start):
    plain = start("plain", evaluate_every=None, criterion=None)
    lines = plain.go()
    evaluated = start("evaluated", criterion=None)
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
def test_a_run_that_is_killed_ends_in_the_same_bytes(start, what, count):
    whole = start("whole")
    whole.go()
    killed = start("killed", tick=Nth(what, count))
    with pytest.raises(Killed):
        killed.go()
    reached = checkpoints.list_steps(killed.directory)
    assert reached
    assert reached[-1] < engine_runs.STEPS
    start("killed").go()
    assert files_of(killed.folder) == files_of(whole.folder)


def test_the_best_checkpoint_has_the_score_that_was_recorded(start, engine):
    made = start("scored")
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
