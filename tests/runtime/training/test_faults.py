"""Every fault at every kind of request of a short run in a bucket."""

import contextlib
import io

import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.errors import CheckpointError, StorageError, StorageReason
from runtime.storage import write_check
from runtime.storage.bucket import BucketStorage
from runtime.storage.bucket_requests import RetryPolicy
from runtime.storage.lock import LeaseTimes
from runtime.training import loop, run_lock
from runtime.training.loop import Plan
from runtime.training.pace import Pace
from runtime.training.progress import ProgressLine
from runtime.training.run_record import RunRecord
from runtime.training.stop_request import StopRequest
from tests.fake_bucket import Fault, Kind
from tests.runtime.training.counting_engine import CountingEngine, feed

FOLDER = "gs://my-bucket/runs/1"
STEPS = 6
QUICK = RetryPolicy(
    request=0.5, patience=10, first_delay=0.01, longest_delay=0.05, between_writes=0.01
)
OPERATIONS = ("stat", "list", "read", "create", "delete")
PASSING = [429, 503, Kind.RESET, Kind.STALL, Kind.LOST, Kind.TRUNCATED]
LASTING = {
    401: {StorageReason.UNKNOWN_CALLER},
    403: {StorageReason.NOT_ALLOWED},
    # A checkpoint whose file is said to be missing has no reason of a storage.
    404: {StorageReason.MISSING, StorageReason.CHANGED, None},
    412: {StorageReason.CHANGED, StorageReason.EXISTS},
}


@pytest.fixture
def bucket(fake_bucket, monkeypatch):
    from google.cloud import storage as cloud

    client = cloud.Client(project=None)
    quick = BucketStorage(client, limits=QUICK)
    monkeypatch.setattr(storage, "_bucket_storage", lambda: quick)
    yield fake_bucket
    client.close()


def run():
    """A run from its lock to its last checkpoint; it goes on where one is."""
    directory = storage.join(FOLDER, checkpoints.DIRECTORY)
    plan = Plan(total_steps=STEPS, steps_per_call=1, save_every=2, directory=directory)
    engine = CountingEngine()
    with run_lock.hold(FOLDER, lease_times=LeaseTimes(stale=0.2, look=0.05)):
        write_check.probe_writable(FOLDER)
        found = checkpoints.load_newest(directory)
        if found is not None:
            engine.load_checkpoint(found)
        with contextlib.closing(RunRecord(FOLDER, clock=lambda: 0.0)) as record:
            record.rewind(engine.step if found else -1)
            loop.run(
                engine,
                feed,
                plan=plan,
                record=record,
                progress=lambda: ProgressLine(STEPS, stream=io.StringIO()),
                writer=BackgroundCheckpointWriter(
                    directory,
                    state={"seed": 3},
                    retention=Retention(newest=2),
                    before_saving=record.sync,
                ),
                pace=Pace(StopRequest()),
            )


def final_state(bucket):
    """What a finished run leaves, but for TensorBoard's file, which has a clock."""
    return {
        name: content
        for name, content in bucket.contents().items()
        if "tfevents" not in name
    }


def what_matters(state):
    """The metrics and the last checkpoint.

    Of what a run that may not delete leaves behind, the next one deletes what it finds
    when it saves; after the last save there is no next.
    """
    last = f"/step-{STEPS:08d}/"
    return {
        name: content
        for name, content in state.items()
        if name.endswith("metrics.jsonl") or (last in name and "unfinished" not in name)
    }


@pytest.fixture
def undisturbed(bucket):
    """What a run leaves that nothing happened to, and how often it asked for what."""
    run()
    asked = {name: bucket.operations().count(name) for name in OPERATIONS}
    state = final_state(bucket)
    bucket.objects.clear()
    bucket.log.clear()
    return state, asked


def places(asked):
    """Where in the requests of a kind the fault comes: first, later, last."""
    return sorted({0, asked // 3, asked // 2, 2 * asked // 3, asked - 1})


def expect_whole_states_only(bucket):
    """No reader may take half a save for a checkpoint."""
    found = checkpoints.load_newest(storage.join(FOLDER, checkpoints.DIRECTORY))
    if found is not None:
        assert found.weights["w"] == np.arange(found.step + 1).sum()


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("kind", [*PASSING, Kind.CORRUPTED])
def test_what_passes_changes_nothing(bucket, undisturbed, operation, kind):
    if kind is Kind.CORRUPTED and operation not in {"read", "create"}:
        pytest.skip("carries nothing with a checksum")
    state, asked = undisturbed
    for place in places(asked[operation]):
        bucket.faults = [Fault(operation, kind, skip=place)]
        run()
        assert [request for request in bucket.log if request.fault]
        assert final_state(bucket) == state
        assert bucket.writes_too_close(QUICK.between_writes) == []
        bucket.objects.clear()
        bucket.log.clear()


def how_it_ended():
    """Returns the error that ended a run; None where it came to its end."""
    try:
        run()
    except (StorageError, CheckpointError) as error:
        return error
    return None


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("code", LASTING)
def test_what_lasts_ends_the_run_which_can_go_on(bucket, undisturbed, operation, code):
    state, asked = undisturbed
    for place in places(asked[operation]):
        bucket.faults = [Fault(operation, code, skip=place, message="No.")]
        error = how_it_ended()
        if error is not None:
            assert "gs://my-bucket/runs/1" in str(error)
            assert getattr(error, "reason", None) in LASTING[code]
        assert [request for request in bucket.log if request.fault]
        expect_whole_states_only(bucket)
        run()
        assert what_matters(final_state(bucket)) == what_matters(state)
        bucket.objects.clear()
        bucket.log.clear()


def test_a_run_without_faults(undisturbed):
    state, asked = undisturbed
    assert all(asked.values())
    steps = {name.split("/")[3] for name in state if "checkpoints" in name}
    assert steps == {"step-00000004", "step-00000006"}


@pytest.mark.parametrize("kind", [503, Kind.LOST])
def test_a_fault_at_a_manifest(bucket, undisturbed, kind):
    state, _ = undisturbed
    bucket.faults = [Fault("create", kind, name="step-00000004/manifest.json")]
    run()
    assert final_state(bucket) == state
