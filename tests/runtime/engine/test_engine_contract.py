"""The contract of `Engine`, on the backend that KERAS_BACKEND names."""

import copy
import dataclasses
import itertools

import keras
import numpy as np
import pytest
from keras import ops

from runtime.devices.placement import Backend, Precision
from runtime.engine import engine
from runtime.engine.engine import EngineState
from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings
from runtime.errors import CheckpointError
from runtime.kernels.dropout import Dropout
from runtime.kernels.lookup import lookup
from tests import rounding

ENTRIES, SIZE, BATCH, STEPS = 16, 4, 16, 20
# Forward and back, a sum over the batch and one over the weights' squares, Adam's ten.
UPDATE = 2 * SIZE + BATCH + ENTRIES * SIZE + 10


class Toy(keras.Model):
    """A number for each id: a row of a table, dropout, a projection."""

    def __init__(self, *, rate=0.0, size=SIZE, dtype="float32"):
        super().__init__(name="toy", dtype=dtype)
        self.table = self.add_weight(
            shape=(ENTRIES, size),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=1),
            autocast=False,
            name="table",
        )
        self.dropout = Dropout(rate, dtype=dtype)
        self.kernel = self.add_weight(
            shape=(size, 1),
            initializer=keras.initializers.RandomNormal(stddev=1.0, seed=2),
            name="kernel",
        )
        self.bias = self.add_weight(shape=(1,), initializer="zeros", name="bias")

    def call(self, ids, training=False):
        rows = ops.cast(lookup(self.table, ids), self.compute_dtype)
        rows = self.dropout(rows, training=training)
        return ops.cast((rows @ self.kernel + self.bias)[..., 0], "float32")


class Squares:
    """Weighted squared error, whose gradient is NaN where `poison` is 1, bias 0."""

    def loss(self, model, block):
        error = model(block["ids"], training=True) - block["targets"]
        poison = block["poison"]
        bad = ops.sum(poison * ops.sqrt(ops.square(model.bias) + 1 - poison))
        return ops.sum(ops.square(error) * block["loss_weight"]) + bad

    def outputs(self, model, block):
        values = model(block["ids"], training=False)
        return {"values": values, "doubled": ops.stack([values, values], axis=-1)}


class Masks:
    """The gradient of row i of the table is the mask that row i met, scaled."""

    def loss(self, model, block):
        rows = lookup(model.table, block["ids"])
        return ops.sum(model.dropout(rows, training=True))

    def outputs(self, model, block):
        return {"rows": lookup(model.table, block["ids"])}


def optimizer(name=OptimizerName.BERT, **settings):
    defaults = {"learning_rate": 0.05, "num_train_steps": STEPS, "num_warmup_steps": 4}
    return OptimizerSettings(name=name, **(defaults | settings))


def make_engine(placement, *, seed=0, objective=None, settings=None, **model):
    policy = placement.precision.keras_policy

    def build_model():
        toy = Toy(dtype=policy, **model)
        toy(np.zeros((1,), np.int32))
        return toy

    return engine.create(
        placement,
        build_model=build_model,
        objective=objective or Squares(),
        optimizer=settings or optimizer(),
        seed=seed,
    )


def make_stream(steps=STEPS, *, examples=BATCH):
    random = np.random.default_rng(4)
    weight = random.random((steps, examples)).astype(np.float32)
    weight[:, -3:] = 0  # filler
    return {
        "ids": random.integers(0, ENTRIES, (steps, examples)).astype(np.int32),
        "targets": random.normal(size=(steps, examples)).astype(np.float32),
        "loss_weight": weight / weight.sum(axis=1, keepdims=True),
        "poison": np.zeros((steps, examples), np.float32),
    }


def laid_out(stream, steps, *, parts=1, replicas=1):
    """Arrays [K, accumulation, replicas, examples] of some steps of a stream."""
    return {
        name: values[steps].reshape(len(values[steps]), parts, replicas, -1)
        for name, values in stream.items()
    }


def train(made, stream, *, per_call=1, parts=1):
    """Trains over the whole stream; returns the reports' values, one an update."""
    steps = len(stream["ids"])
    reports = [
        made.train(
            laid_out(
                stream,
                slice(first, first + per_call),
                parts=parts,
                replicas=made.placement.replicas,
            )
        )
        for first in range(0, steps, per_call)
    ]
    return {
        field.name: np.concatenate([getattr(each, field.name) for each in reports])
        for field in dataclasses.fields(engine.StepReport)
    }


def assert_states_equal(ours, theirs, **tolerance):
    assert ours.step == theirs.step
    for one, other in ((ours.weights, theirs.weights), (ours.slots, theirs.slots)):
        assert one.keys() == other.keys()
        for name in one:
            np.testing.assert_allclose(
                one[name], other[name], err_msg=name, **tolerance
            )


@pytest.fixture(scope="module")
def engines(place_on):
    """Engines without dropout by number of replicas, each back at its start."""
    made = {}

    def get(replicas=1):
        if replicas not in made:
            fresh = make_engine(place_on(replicas))
            made[replicas] = fresh, fresh.state()
        found, start = made[replicas]
        found.load_state(start)
        return found

    return get


@pytest.fixture(scope="module")
def plain(engines):
    """Reports and last state of 20 updates on one device, one a call."""
    made = engines()
    return train(made, make_stream()), made.state()


# What an update is --------------------------------------------------------------------


def literal_updates(stream, weights):
    """The 20 updates in numpy: losses, norms and weights."""
    weights = {name: value.astype(np.float64) for name, value in weights.items()}
    slots = {name: np.zeros((2, *value.shape)) for name, value in weights.items()}
    losses, norms = [], []
    for step in range(STEPS):
        ids, targets, share = (
            stream[name][step] for name in ("ids", "targets", "loss_weight")
        )
        rows = weights["table"][ids]
        error = rows @ weights["kernel"][:, 0] + weights["bias"] - targets
        losses.append((share * error**2).sum())
        upstream = 2 * share * error
        by_row = upstream[:, np.newaxis] * weights["kernel"][:, 0]
        table = np.zeros_like(weights["table"])
        np.add.at(table, ids, by_row)
        found = {
            "table": table,
            "kernel": rows.T @ upstream[:, np.newaxis],
            "bias": upstream.sum(keepdims=True),
        }
        squares = sum((found[name] ** 2).sum() for name in ("kernel", "bias"))
        norms.append(np.sqrt(squares + (by_row**2).sum()))
        done = step + 1
        rate = 0.05 * (done / 4 if done < 4 else 1 - done / STEPS)
        for name, unclipped in found.items():
            gradient = unclipped / max(norms[-1], 1.0)
            first, second = slots[name]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            change = first / (np.sqrt(second) + 1e-6)
            change += 0.01 * weights[name] * (name != "bias")
            weights[name] = weights[name] - rate * change
    return np.array(losses), np.array(norms), weights


def test_an_update_is_the_originals_arithmetic(engines, plain):
    report, state = plain
    start = engines().state()
    losses, norms, weights = literal_updates(make_stream(), start.weights)
    assert norms.max() > 1 > norms.min()  # clipping is put to the test
    rounding.assert_near(report["losses"], losses, operations=STEPS * UPDATE)
    rounding.assert_near(report["gradient_norms"], norms, operations=STEPS * UPDATE)
    for name, value in weights.items():
        np.testing.assert_allclose(state.weights[name], value, atol=1e-5)
    assert report["finite"].all()
    assert report["learning_rates"][[0, 2, 3, 19]] == pytest.approx(
        [0.0125, 0.0375, 0.04, 0]
    )


def test_adamw_measures_the_norm_of_summed_rows(place_on):
    made = make_engine(place_on(), settings=optimizer(OptimizerName.ADAMW))
    stream = make_stream(1)
    start = made.state().weights
    rows = start["table"][stream["ids"][0]]
    error = rows @ start["kernel"][:, 0] + start["bias"] - stream["targets"][0]
    upstream = 2 * stream["loss_weight"][0] * error
    table = np.zeros((ENTRIES, SIZE))
    np.add.at(table, stream["ids"][0], upstream[:, None] * start["kernel"][:, 0])
    squares = (table**2).sum() + ((rows.T @ upstream) ** 2).sum() + upstream.sum() ** 2
    report = train(made, stream)
    rounding.assert_near(
        report["gradient_norms"][0], np.sqrt(squares), operations=UPDATE
    )
    assert report["learning_rates"][0] == 0


@pytest.mark.parametrize(
    ("replicas", "parts", "per_call"),
    [(1, 1, 4), (1, 2, 1), (1, 2, 4), (8, 1, 1), (8, 2, 4)],
)
def test_replicas_slices_and_calls_give_the_same_run(
    engines, plain, replicas, parts, per_call
):
    expected, last = plain
    made = engines(replicas)
    report = train(made, make_stream(), per_call=per_call, parts=parts)
    for name in ("losses", "gradient_norms", "learning_rates"):
        rounding.assert_near(report[name], expected[name], operations=STEPS * UPDATE)
    assert report["losses"].dtype == np.float32
    assert_states_equal(made.state(), last, rtol=1e-4, atol=2e-6)


@pytest.fixture(scope="module")
def nearness(backend):
    """How near runs come that differ in K alone: XLA compiles each K by itself."""
    exact = backend is Backend.TENSORFLOW
    return {"rtol": 0} if exact else {"rtol": 1e-5, "atol": 1e-7}


def test_several_updates_in_a_call_change_nothing(engines, plain, nearness):
    made = engines()
    report = train(made, make_stream(), per_call=5)
    np.testing.assert_allclose(report["losses"], plain[0]["losses"], **nearness)
    assert_states_equal(made.state(), plain[1], **nearness)


@pytest.mark.parametrize("replicas", [1, 8])
def test_in_how_many_calls_updates_are_done_changes_no_bit(engines, replicas):
    arrays = laid_out(make_stream(9), slice(None), replicas=replicas)
    made = engines(replicas)
    whole = made.train(arrays)
    state = made.state()
    made = engines(replicas)
    dealt = made.deal(arrays, first_step=0)
    reports = [made.advance(dealt, stop=stop) for stop in (1, 4, 6)]
    halfway = copy.deepcopy(made.state())
    made = engines(replicas)
    made.load_state(halfway)
    reports.append(made.advance(made.deal(arrays, first_step=0), stop=9))
    parts = [report() for report in reports]
    assert [len(part.losses) for part in parts] == [1, 3, 2, 3]
    for field in dataclasses.fields(engine.StepReport):
        found = np.concatenate([getattr(part, field.name) for part in parts])
        np.testing.assert_array_equal(found, getattr(whole, field.name))
    assert_states_equal(made.state(), state, rtol=0)


def test_shapes_may_change_from_call_to_call(engines):
    made = engines()
    for examples in (16, 8, 24):
        report = train(made, make_stream(2, examples=examples), per_call=2)
        assert np.isfinite(report["losses"]).all()
    assert made.step == 6


# The guard ----------------------------------------------------------------------------


def poisoned(stream, step, *, kind):
    """A stream in which one update's loss or only its gradient is not finite."""
    stream = {name: values.copy() for name, values in stream.items()}
    if kind == "loss":
        stream["targets"][step, 0] = np.nan
        stream["loss_weight"][step, 0] = 1
    else:
        stream["poison"][step, 0] = 1
    return stream


@pytest.mark.parametrize("kind", ["loss", "gradient"])
@pytest.mark.parametrize("replicas", [1, 8])
def test_what_is_not_finite_is_reported_and_not_applied(engines, replicas, kind):
    made = engines(replicas)
    train(made, make_stream(4))
    settled = made.state()
    settled.weights["bias"] = np.zeros_like(settled.weights["bias"])
    made.load_state(settled)
    report = train(made, poisoned(make_stream(1), 0, kind=kind))
    assert report["finite"].tolist() == [False]
    assert np.isfinite(report["losses"][0]) == (kind == "gradient")
    assert not np.isfinite(report["gradient_norms"][0])
    after = made.state()
    assert after.step == settled.step + 1  # the next update sees the next batch
    assert_states_equal(dataclasses.replace(after, step=settled.step), settled, rtol=0)


def test_the_updates_around_a_broken_one_are_applied(engines, nearness):
    stream = make_stream(4)
    whole = engines()
    report = train(whole, poisoned(stream, 2, kind="loss"), per_call=4)
    assert report["finite"].tolist() == [True, True, False, True]
    after = whole.state()
    piecewise = engines()
    train(piecewise, {name: values[:2] for name, values in stream.items()})
    piecewise.load_state(dataclasses.replace(piecewise.state(), step=3))
    train(piecewise, {name: values[3:] for name, values in stream.items()})
    assert_states_equal(piecewise.state(), after, **nearness)


# State --------------------------------------------------------------------------------


def test_state_goes_on_where_it_was_taken(engines, plain, place_on):
    made = engines()
    stream = make_stream()
    train(made, {name: values[:7] for name, values in stream.items()})
    halfway = made.state()
    assert halfway.step == made.step == 7
    other = make_engine(place_on())
    other.load_state(halfway)
    assert_states_equal(other.state(), halfway, rtol=0)
    train(other, {name: values[7:] for name, values in stream.items()})
    assert_states_equal(other.state(), plain[1], rtol=0)


@pytest.mark.parametrize(("replicas", "per_call"), [(1, 1), (1, 4), (8, 2)])
def test_state_is_a_copy(engines, replicas, per_call):
    made = engines(replicas)
    train(made, make_stream(4), per_call=per_call)
    before = made.state()
    kept = copy.deepcopy(before)
    train(made, make_stream(4), per_call=per_call)
    assert_states_equal(before, kept, rtol=0)
    assert not np.array_equal(made.state().weights["table"], kept.weights["table"])


@pytest.mark.parametrize("replicas", [1, 8])
def test_names_and_shapes(engines, replicas):
    made = engines(replicas)
    shapes = {"table": (ENTRIES, SIZE), "kernel": (SIZE, 1), "bias": (1,)}
    assert made.weight_shapes() == shapes
    state = made.state()
    assert {name: value.shape for name, value in state.weights.items()} == shapes
    assert {name: value.shape for name, value in state.slots.items()} == {
        f"{name}/{slot}": shape
        for name, shape in shapes.items()
        for slot in ("adam_m", "adam_v")
    }
    arrays = [*state.weights.values(), *state.slots.values()]
    assert {array.dtype for array in arrays} == {np.dtype(np.float32)}


def test_only_named_weights_are_replaced(engines):
    made = engines()
    before = made.state()
    made.load_weights({"kernel": np.full((SIZE, 1), 7, np.float32)})
    after = made.state()
    assert (after.weights["kernel"] == 7).all()
    np.testing.assert_array_equal(after.weights["table"], before.weights["table"])


def test_a_state_that_does_not_fit_is_refused(engines):
    made = engines()
    good = made.state()
    for part, kind in (("weights", "weight"), ("slots", "optimiser slot")):
        arrays = getattr(good, part)
        name = next(iter(arrays))
        fewer = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(CheckpointError, match=f"lacks 1 of .* {kind}s .*: {name}"):
            made.load_state(dataclasses.replace(good, **{part: fewer}))
        wrong = {**arrays, name: np.zeros((2, 2), np.float32)}
        with pytest.raises(CheckpointError, match=rf"{name}: .*\[2, 2\].*\["):
            made.load_state(dataclasses.replace(good, **{part: wrong}))
    with pytest.raises(CheckpointError, match=r"kernel: .*\[9\].*\[4, 1\]"):
        made.load_weights({"kernel": np.zeros(9, np.float32)})


# Prediction ---------------------------------------------------------------------------


@pytest.mark.parametrize("replicas", [1, 8])
def test_outputs_keep_replicas_and_examples_in_order(place_on, replicas):
    made = make_engine(place_on(replicas), rate=0.5)
    weights = made.state().weights
    for examples in (3, 1):
        ids = np.arange(replicas * examples).reshape(replicas, examples) % ENTRIES
        outputs = made.predict({"ids": ids.astype(np.int32)})
        expected = (weights["table"] @ weights["kernel"] + weights["bias"])[ids, 0]
        rounding.assert_near(outputs["values"], expected, operations=SIZE + 1)
        assert outputs["doubled"].shape == (replicas, examples, 2)


# Dropout ------------------------------------------------------------------------------

_WIDE = 400


def masks(made, *, replicas, parts, updates=1):
    """Which of the table's rows' entries were kept: one row a slice and replica.

    Row i of the table is looked up by slice i alone, and all draw a mask of one shape.
    """
    count = replicas * parts
    ids = np.arange(count, dtype=np.int32).reshape(1, parts, replicas, 1)
    found = []
    for _ in range(updates):
        blank = made.state()
        zeroed = {name: np.zeros_like(value) for name, value in blank.slots.items()}
        made.load_state(EngineState(blank.step, blank.weights, zeroed))
        made.train({"ids": ids})
        found.append(made.state().slots["table/adam_m"][:count] != 0)
    return np.concatenate(found)


@pytest.fixture(scope="module")
def droppers(place_on):
    def make(replicas, *, seed=0):
        return make_engine(
            place_on(replicas), objective=Masks(), rate=0.3, size=_WIDE, seed=seed
        )

    return make


def test_every_replica_slice_and_step_draws_its_own_mask(droppers):
    found = masks(droppers(8), replicas=8, parts=2, updates=2)
    assert found.shape == (32, _WIDE)
    assert found.mean() == pytest.approx(0.7, abs=0.02)
    for one, other in itertools.combinations(found, 2):
        assert 0.3 < (one != other).mean() < 0.55  # 0.42 where independent


def test_masks_repeat_with_seed_and_step(droppers):
    made = droppers(1)
    start = made.state()
    drawn = masks(made, replicas=1, parts=2, updates=3)
    made.load_state(start)
    np.testing.assert_array_equal(masks(made, replicas=1, parts=2, updates=3), drawn)
    made.load_state(dataclasses.replace(start, step=1))
    np.testing.assert_array_equal(masks(made, replicas=1, parts=2), drawn[2:4])
    other = masks(droppers(1, seed=1), replicas=1, parts=2, updates=3)
    assert 0.3 < (other != drawn).mean() < 0.5


# Precision ----------------------------------------------------------------------------


def test_bfloat16_computes_in_it_and_keeps_float32_weights(place_on, plain):
    made = make_engine(place_on(precision=Precision.BFLOAT16))
    report = train(made, make_stream(), per_call=4)
    np.testing.assert_allclose(report["losses"], plain[0]["losses"], rtol=2e-2)
    assert not np.array_equal(report["losses"], plain[0]["losses"])
    assert {v.dtype for v in made.state().weights.values()} == {np.dtype("float32")}
