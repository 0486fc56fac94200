import json

import numpy as np
import pytest

from runtime import storage
from runtime.devices.placement import Backend
from tests import loss_traces
from tests.conftest import BACKEND

# AVX2 and one thread, in place of AVX-512 and two, moved no loss by more than 1.2e-7.
TOLERANCE = 1e-5

# The many shapes of packed rows take JAX minutes to compile.
SLOW = {"masked_lm"} if BACKEND is Backend.JAX else set()


@pytest.mark.parametrize(
    "pipeline",
    [
        pytest.param(name, marks=pytest.mark.slow if name in SLOW else ())
        for name in loss_traces.PIPELINES
    ],
)
def test_twenty_updates_lose_what_they_lost(pipeline, backend, place_on, tmp_path):
    kept = json.loads(storage.read_text(loss_traces.path_of(backend)))[pipeline]
    found = loss_traces.losses(
        pipeline, folder=str(tmp_path / "run"), placement=place_on()
    )
    assert len(found) == loss_traces.UPDATES
    np.testing.assert_allclose(found, kept, rtol=TOLERANCE)
