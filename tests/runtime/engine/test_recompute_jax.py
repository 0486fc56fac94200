"""Which of JAX's two training programs a run takes, and that both give one result."""

import dataclasses
import logging

import numpy as np
import pytest

from runtime.devices.placement import Accelerator, Recompute, StepOptions
from tests.runtime.engine import engine_runs


def losses(recompute=Recompute.AUTO, **placement):
    """Those of google-research/bert's run, where such devices are said to be there."""
    options = StepOptions(recompute=recompute)
    here = dataclasses.replace(engine_runs.on_cpus(), options=options, **placement)
    return engine_runs.golden(here).train(stop=engine_runs.HALFWAY)


@pytest.fixture(scope="module")
def recomputed():
    return losses(recompute=Recompute.ALL)


@pytest.fixture(scope="module")
def kept():
    return losses(recompute=Recompute.NONE)


def test_both_programs_train_alike(recomputed, kept, golden):
    np.testing.assert_allclose(kept, recomputed, rtol=1e-6)
    expected = golden["loss_trace_clf"][: engine_runs.HALFWAY]
    np.testing.assert_allclose(kept, expected, rtol=1e-5)


def test_a_cpu_recomputes(recomputed):
    np.testing.assert_array_equal(losses(), recomputed)


@pytest.mark.parametrize("device_bytes", [None, 2**40])
def test_a_gpu_with_the_memory_keeps(kept, device_bytes):
    found = losses(accelerator=Accelerator.GPU, device_bytes=device_bytes)
    np.testing.assert_array_equal(found, kept)


def test_a_gpu_without_the_memory_recomputes_and_says_so(recomputed, caplog):
    caplog.set_level(logging.INFO)
    found = losses(accelerator=Accelerator.GPU, device_bytes=2**20)
    np.testing.assert_array_equal(found, recomputed)
    [said] = [line for line in caplog.messages if "--recompute=none" in line]
    assert "of 0.0 GiB" in said
