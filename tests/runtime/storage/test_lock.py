"""The lock on a folder of a bucket, where its holder or another one is disturbed."""

import importlib
import time

import pytest

from runtime.errors import StorageError, StorageReason
from runtime.storage.bucket import BucketStorage
from runtime.storage.bucket_requests import RetryPolicy
from runtime.storage.lock import BucketLock, LeaseTimes
from tests.fake_bucket import Fault

# `runtime.storage.lock` by its name is a function of the package.
lock_module = importlib.import_module("runtime.storage.lock")

PATH = "gs://my-bucket/runs/run.lock"
NAME = "runs/run.lock"
LIMITS = RetryPolicy(
    request=0.5, patience=0.1, first_delay=0.01, longest_delay=0.05, between_writes=0
)
SELDOM = LeaseTimes(renewal=60, stale=40, look=0.01)


class Clock:
    """Seconds that pass when told to."""

    def __init__(self):
        self.seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def clock(monkeypatch):
    made = Clock()
    monkeypatch.setattr(lock_module, "_now", made)
    return made


@pytest.fixture
def storage(fake_bucket):
    from google.cloud import storage as cloud

    client = cloud.Client(project=None)
    yield BucketStorage(client, limits=LIMITS)
    client.close()


@pytest.fixture
def lock(storage, clock):
    """Held, and renewed by itself only after the test."""
    made = take(storage)
    yield made
    made.release()


def take(storage, *, content=b"ours", is_dead=lambda _: False, lease_times=SELDOM):
    return BucketLock(
        PATH, content=content, storage=storage, is_dead=is_dead, lease_times=lease_times
    )


def test_a_renewal_is_trusted_for_three_quarters_of_the_others_patience():
    assert LeaseTimes().trusted == 45
    assert LeaseTimes().renewal < LeaseTimes().trusted < LeaseTimes().stale


def test_while_it_is_trusted_nothing_is_asked(lock, clock, fake_bucket):
    asked = len(fake_bucket.log)
    clock.seconds += 30
    lock.check()
    assert len(fake_bucket.log) == asked


def test_a_holder_that_slept_renews_first_and_goes_on(lock, clock, fake_bucket):
    before = fake_bucket.objects[NAME].generation
    clock.seconds += 1000
    lock.check()
    after = fake_bucket.objects[NAME].generation
    assert after > before
    clock.seconds += 30
    lock.check()
    assert fake_bucket.objects[NAME].generation == after


def test_a_holder_that_slept_and_was_replaced_is_refused(lock, clock, fake_bucket):
    fake_bucket.put(NAME, b"another's")
    lock.check()
    clock.seconds += 31
    with pytest.raises(StorageError, match="another process holds it") as caught:
        lock.check()
    assert caught.value.reason is StorageReason.EXISTS
    clock.seconds -= 31
    with pytest.raises(StorageError, match="another process holds it"):
        lock.check()
    assert fake_bucket.contents()[NAME] == b"another's"


def test_a_holder_that_is_cut_off_is_refused_until_it_is_not(lock, clock, fake_bucket):
    fake_bucket.faults = [Fault("create", 503, times=1000)]
    clock.seconds += 31
    with pytest.raises(StorageError) as caught:
        lock.check()
    assert str(caught.value) == (
        f"Cannot go on writing beside {PATH}: this lock was last renewed 31 s ago, and "
        "after 40 s another run may have taken it over. Start the same command again, "
        "which goes on from the last checkpoint."
    )
    assert caught.value.reason is StorageReason.NO_ANSWER
    fake_bucket.faults = []
    lock.check()


def test_a_renewal_counts_from_its_beginning(lock, clock, storage, monkeypatch):
    upload, took = storage.upload, [50, 0]

    def slowly(*arguments, **options):
        clock.seconds += took.pop(0)
        return upload(*arguments, **options)

    monkeypatch.setattr(storage, "upload", slowly)
    clock.seconds += 31
    lock.check()  # with a second renewal
    assert took == []


def test_what_is_gone_when_it_is_to_be_read_is_nobodys(storage, fake_bucket):
    """Its holder ended between the two questions."""
    fake_bucket.put(NAME, b"another's")
    stat = storage.stat

    def stat_and_end(path):
        found = stat(path)
        fake_bucket.objects.pop(NAME, None)
        return found

    storage.stat = stat_and_end
    take(storage).release()
    assert NAME not in fake_bucket.objects


def test_what_is_gone_when_it_is_to_be_replaced_is_nobodys(storage, fake_bucket):
    fake_bucket.put(NAME, b"another's")

    def end(content):
        assert content == b"another's"
        del fake_bucket.objects[NAME]
        return True

    held = take(storage, is_dead=end)
    assert fake_bucket.contents()[NAME] == b"ours"
    held.release()


def test_who_was_faster_has_it(storage, fake_bucket):
    fake_bucket.put(NAME, b"a dead one's")

    def replace(content):
        fake_bucket.put(NAME, b"another's")
        return True

    with pytest.raises(StorageError, match="another process holds it") as caught:
        take(storage, is_dead=replace)
    assert caught.value.reason is StorageReason.EXISTS
    assert fake_bucket.contents()[NAME] == b"another's"


def test_a_lock_that_may_not_be_read_is_no_free_one(storage, fake_bucket):
    fake_bucket.put(NAME, b"another's")
    fake_bucket.faults = [Fault("read", 403, message="No.")]
    with pytest.raises(StorageError) as caught:
        take(storage)
    assert caught.value.reason is StorageReason.NOT_ALLOWED
    assert fake_bucket.contents()[NAME] == b"another's"


def test_seconds_pass():
    before = lock_module._now()
    time.sleep(0.01)
    assert 0.01 <= lock_module._now() - before < 10
