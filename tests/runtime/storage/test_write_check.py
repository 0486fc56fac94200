import pytest

from runtime import storage
from runtime.errors import StorageError, StorageReason
from runtime.storage import write_check
from tests.fake_bucket import Fault


def test_a_disk_without_space_for_one_checkpoint(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(storage, "free_bytes", lambda _: 2_000_000_000)
    size = {"checkpoint_bytes": 1_300_000_000}
    write_check.refuse_small_space(str(tmp_path), **size, count=1)
    assert caplog.messages == []
    write_check.refuse_small_space(str(tmp_path), **size, count=6)
    [warning] = caplog.messages
    assert "a checkpoint takes 1.30 GB, 2.00 GB are free, and up to 6 are" in warning
    monkeypatch.setattr(storage, "free_bytes", lambda _: 5_000)
    with pytest.raises(
        StorageError, match=r"takes 1\.30 GB, 0\.01 MB are free"
    ) as told:
        write_check.refuse_small_space(str(tmp_path), **size, count=1)
    assert told.value.reason is StorageReason.DISK_FULL


def test_a_bucket_has_space(fake_bucket):
    write_check.refuse_small_space("gs://my-bucket/x", checkpoint_bytes=1, count=1)


def test_a_bucket(fake_bucket):
    write_check.probe_writable("gs://my-bucket/runs/1")
    assert fake_bucket.contents() == {}
    denied = "a@b.com does not have storage.objects.create access to the object."
    fake_bucket.faults = [Fault("create", 403, message=denied)]
    with pytest.raises(StorageError, match=r"not allowed: 403 a@b\.com"):
        write_check.probe_writable("gs://my-bucket/runs/1")
