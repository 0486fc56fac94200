"""What is TensorFlow's own; test_engine_contract.py holds for every engine.

A TPU's program is compiled by XLA as a whole. Here it is, for the CPU.
"""

import copy
import functools

import numpy as np
import pytest
import tensorflow as tf

from processors.batches.batch_shape import PadTo
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from tests.runtime.engine import engine_runs


@pytest.fixture(scope="module")
def one_core():
    """A TPU's placement, but for the strategy, which needs a TPU."""
    return Placement(
        backend=Backend.TENSORFLOW,
        accelerator=Accelerator.TPU,
        precision=Precision.FLOAT32,
        devices=("TPU:0",),
        strategy=tf.distribute.get_strategy(),
        max_row_shapes=1,
    )


def compiled(engine, name):
    """Has XLA compile an engine's program for each shape."""
    programs = {}

    def call(*inputs, **static):
        key = tuple(static.items())
        if key not in programs:
            step = functools.partial(getattr(engine, name), **static)
            programs[key] = tf.function(step, autograph=False, jit_compile=True)
        return programs[key](*inputs)

    return call


@pytest.mark.slow
@pytest.mark.parametrize("by_xla", [False, True])
def test_the_program_of_a_tpu_trains_as_the_host_loop(one_core, by_xla):
    expected = engine_runs.small(pad_to=PadTo.MAX)
    run = engine_runs.small(one_core, pad_to=PadTo.MAX)
    if by_xla:
        run.engine._train_calls = compiled(run.engine, "train_call")
    stop = 2 * engine_runs.PER_CALL
    np.testing.assert_allclose(
        run.train(stop=stop), expected.train(stop=stop), rtol=1e-5
    )
    ours, theirs = run.engine.state(), expected.engine.state()
    assert ours.step == theirs.step == stop
    for name, value in ours.weights.items():
        np.testing.assert_allclose(value, theirs.weights[name], atol=1e-5, err_msg=name)
    kept = copy.deepcopy(ours)
    run.train(stop=stop + engine_runs.PER_CALL)
    for name, value in {**ours.weights, **ours.slots}.items():
        was = {**kept.weights, **kept.slots}[name]
        np.testing.assert_array_equal(value, was, err_msg=f"{name} is no copy")


@pytest.mark.slow
def test_slices_add_up_in_the_program_of_a_tpu(one_core, golden):
    run = engine_runs.golden(one_core, parts=2)
    run.engine._train_calls = compiled(run.engine, "train_call")
    np.testing.assert_allclose(
        run.train(stop=engine_runs.PER_CALL),
        golden["loss_trace_clf"][: engine_runs.PER_CALL],
        rtol=1e-5,
    )


def test_the_program_of_a_tpu_predicts(one_core):
    expected = engine_runs.small(pad_to=PadTo.MAX)
    run = engine_runs.small(one_core, pad_to=PadTo.MAX)
    run.engine._predict_calls = compiled(run.engine, "predict_call")
    arrays = {name: value[0, 0] for name, value in run.calls[0].items()}
    ours, theirs = (each.engine.predict(arrays) for each in (run, expected))
    for name, value in theirs.items():
        assert ours[name].shape == value.shape
        np.testing.assert_allclose(ours[name], value, rtol=1e-4, atol=1e-6)


def test_each_shape_is_traced_for_itself(one_core):
    run = engine_runs.small(one_core)
    run.train(stop=2 * engine_runs.PER_CALL)
    shapes = {call["input_ids"].shape for call in run.calls[:2]}
    assert run.engine._train_calls._traced.experimental_get_tracing_count() == len(
        shapes
    )
