"""Evaluations of two processes that share a run."""

import json

import pytest

from runtime.checkpoints import checkpoints
from tests import process_group


def run_both(backend, folder, *, asked=0):
    """What either process says of its end."""

    def arguments(_, flags):
        program = "tests.runtime.training.evaluated_together"
        return ["-m", program, backend.value, folder, str(asked), *flags]

    codes, outputs = process_group.wait_for(
        process_group.start_both(backend, arguments)
    )
    assert codes == [0, 0], outputs
    ends = [
        json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        for output in outputs
    ]
    assert sorted(end.pop("is_chief") for end in ends) == [False, True]
    return ends


@pytest.mark.slow
def test_both_end_by_the_chiefs_scores(backend, tmp_path):
    first, second = run_both(backend, str(tmp_path))
    assert first == second
    assert first["step"] == 8
    assert first["evaluated"] == [2, 4, 6, 8]
    assert first["state"]["best_step"] == 4
    assert first["state"]["best_score"] == 0.1
    assert checkpoints.list_steps(f"{tmp_path}/checkpoints") == [4, 8]


@pytest.mark.slow
def test_both_leave_an_evaluation_that_one_is_asked_in(backend, tmp_path):
    first, second = run_both(backend, str(tmp_path), asked=6)
    assert (first["step"], second["step"]) == (6, 6)
    assert None not in {first.pop("cause"), second.pop("cause")}
    assert first == second
    assert first["evaluated"] == [2, 4]
    assert first["state"]["pending"]
    assert checkpoints.list_steps(f"{tmp_path}/checkpoints") == [4, 6]
    first, second = run_both(backend, str(tmp_path))
    assert first == second
    assert first["evaluated"] == [6, 8]
    assert first["step"] == 8
