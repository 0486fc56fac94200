import pytest

from runtime.devices.placement import Accelerator
from runtime.doctor import device_check
from runtime.doctor.diagnosis import Verdict


@pytest.fixture
def broken_keras(tmp_path, monkeypatch):
    """Puts a package before keras that does what it is told when it is imported."""

    def make(line):
        (tmp_path / "keras.py").write_text(f"import os, sys, time\n{line}\n")
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return make


@pytest.mark.slow
def test_devices_and_speed_of_this_machine(backend):
    devices, speed = device_check.check(Accelerator.CPU, backend=backend, seconds=0.01)
    assert devices.verdict is Verdict.OK
    assert speed.verdict is not Verdict.PROBLEM  # a note where bfloat16 is slow
    assert devices.found.startswith("1 x ")
    assert devices.found.endswith(f", {backend.value}, float32")
    assert devices.details["devices"] == ["CPU:0"]
    assert devices.details["accelerator"] == "cpu"
    assert speed.details.keys() == {"float32", "bfloat16"}


@pytest.mark.parametrize(
    ("accelerator", "flags", "verdict"),
    [
        ("cpu", "fpu avx2", Verdict.NOTE),
        ("cpu", "fpu avx512_bf16", Verdict.OK),
        ("tpu", "fpu avx2", Verdict.OK),
    ],
)
def test_a_processor_that_is_slow_in_bfloat16(
    tmp_path, monkeypatch, accelerator, flags, verdict
):
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"flags : {flags}\n")
    monkeypatch.setattr(device_check.processor, "CPUINFO", str(cpuinfo))
    speeds = {"float32": 0.2, "bfloat16": 0.01}
    report = {"accelerator": accelerator, "devices": ["CPU:0"], "teraflops": speeds}
    found = device_check._speed({**report, "backend": "tensorflow"})
    assert found.verdict is verdict
    assert found.found.endswith("float32 0.2, bfloat16 0.01")
    assert ("no instructions for bfloat16" in found.remedy) is (verdict is Verdict.NOTE)


@pytest.mark.slow
def test_no_such_device(backend):
    [found] = device_check.check(Accelerator.TPU, backend=backend, seconds=0.01)
    assert found.verdict is Verdict.PROBLEM
    assert "TPU" in found.found or "tpu" in found.found


@pytest.mark.slow
def test_a_backend_that_ends_its_process_is_reported(backend, broken_keras):
    broken_keras("sys.stderr.write('not available in this library'); os.abort()")
    [found] = device_check.check(Accelerator.CPU, backend=backend)
    assert found.verdict is Verdict.PROBLEM
    assert "aborted (SIGABRT)" in found.found
    assert "not available in this library" in found.found
    assert found.remedy


@pytest.mark.slow
def test_a_backend_that_cannot_be_imported_is_reported(backend, broken_keras):
    broken_keras("raise ImportError('libcudart.so.12 is missing')")
    [found] = device_check.check(Accelerator.CPU, backend=backend)
    assert found.verdict is Verdict.PROBLEM
    assert "ImportError: libcudart.so.12 is missing" in found.found


@pytest.mark.slow
def test_a_backend_that_hangs_is_reported(backend, broken_keras):
    broken_keras("time.sleep(600)")
    [found] = device_check.check(Accelerator.CPU, backend=backend, timeout_seconds=6.0)
    assert found.verdict is Verdict.PROBLEM
    assert "had not started after 6 seconds" in found.found
