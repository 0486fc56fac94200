import os

import pytest

from runtime.doctor import output_check
from runtime.doctor.diagnosis import Verdict


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
