import os

import pytest

from runtime import storage
from runtime.doctor import output_check
from runtime.doctor.diagnosis import Verdict
from runtime.errors import StorageError, StorageReason
from tests.fake_bucket import Fault


def test_a_folder(tmp_path):
    [found] = output_check.check(str(tmp_path))
    assert found.verdict is Verdict.OK
    assert os.listdir(tmp_path) == []


def test_a_folder_that_a_run_would_make(tmp_path):
    [found] = output_check.check(f"{tmp_path}/runs/1")
    assert found.verdict is Verdict.OK
    assert os.listdir(f"{tmp_path}/runs/1") == []


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / "runs").touch()
    [found] = output_check.check(f"{tmp_path}/runs")
    assert found.verdict is Verdict.PROBLEM
    assert f"{tmp_path}/runs" in found.found
    assert found.remedy


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_one_may_not_write_to(tmp_path):
    tmp_path.chmod(0o500)
    [found] = output_check.check(str(tmp_path))
    assert found.verdict is Verdict.PROBLEM
    assert "permission denied" in found.found


def test_a_disk_without_space_for_one_checkpoint(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(storage, "free_bytes", lambda _: 2_000_000_000)
    size = {"checkpoint_bytes": 1_300_000_000}
    output_check.refuse_small_space(str(tmp_path), **size, count=1)
    assert caplog.messages == []
    output_check.refuse_small_space(str(tmp_path), **size, count=6)
    [warning] = caplog.messages
    assert "a checkpoint takes 1.30 GB, 2.00 GB are free, and up to 6 are" in warning
    monkeypatch.setattr(storage, "free_bytes", lambda _: 5_000)
    with pytest.raises(
        StorageError, match=r"takes 1\.30 GB, 0\.01 MB are free"
    ) as told:
        output_check.refuse_small_space(str(tmp_path), **size, count=1)
    assert told.value.reason is StorageReason.DISK_FULL


def test_a_bucket_has_space(fake_bucket):
    output_check.refuse_small_space("gs://my-bucket/x", checkpoint_bytes=1, count=1)


def test_a_bucket(fake_bucket):
    output_check.probe_writable("gs://my-bucket/runs/1")
    assert fake_bucket.contents() == {}
    denied = "a@b.com does not have storage.objects.create access to the object."
    fake_bucket.faults = [Fault("create", 403, message=denied)]
    with pytest.raises(StorageError, match=r"not allowed: 403 a@b\.com"):
        output_check.probe_writable("gs://my-bucket/runs/1")
