import json

import numpy as np
import pytest

from runtime import storage
from tests import loss_traces

# AVX2 and one thread, in place of AVX-512 and two, moved no loss by more than 1.2e-7.
TOLERANCE = 1e-5


@pytest.mark.parametrize("pipeline", loss_traces.PIPELINES)
def test_twenty_updates_lose_what_they_lost(pipeline, backend, place_on, tmp_path):
    kept = json.loads(storage.read_text(loss_traces.path_of(backend)))[pipeline]
    found = loss_traces.losses(
        pipeline, folder=str(tmp_path / "run"), placement=place_on()
    )
    assert len(found) == loss_traces.UPDATES
    np.testing.assert_allclose(found, kept, rtol=TOLERANCE)
