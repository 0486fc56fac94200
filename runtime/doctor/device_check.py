"""Which devices a run would use, and how fast they are.

Asked in a child process: a TensorFlow that meets a libtpu it does not fit ends its
process, and that is to be reported rather than suffered.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from runtime import storage
from runtime.devices import processor, tpu_environment
from runtime.devices.placement import Accelerator, Backend
from runtime.doctor import package_check
from runtime.doctor.diagnosis import Finding, Verdict

_ROOT = storage.dirname(storage.dirname(storage.dirname(__file__)))
_PROGRAM = ("-m", "runtime.doctor.device_probe")
_LAST_LINES = 3


def check(
    accelerator: Accelerator = Accelerator.AUTO,
    *,
    backend: Backend = Backend.AUTO,
    seconds: float = 2.0,
    timeout_seconds: float = 300.0,
) -> list[Finding]:
    """Starts the backend in a child process and multiplies matrices.

    Args:
        accelerator: What a run would be told to run on.
        backend: What it would be told to run with.
        seconds: How long to multiply in each precision.
        timeout_seconds: How long the child process may take in all.

    Returns:
        The devices and their speed, or why there are none.
    """
    request = {
        "accelerator": accelerator.value,
        "backend": backend.value,
        "seconds": seconds,
    }
    done = _run_child(json.dumps(request), timeout_seconds=timeout_seconds)
    if done is None:
        return [_too_slow(timeout_seconds)]
    if done.returncode:
        return [_died(done)]
    report = json.loads(done.stdout.splitlines()[-1])
    if "error" in report:
        problem = report["error"]
        return [Finding(check="devices", verdict=Verdict.PROBLEM, found=problem)]
    return [_devices(report, asked=accelerator), _speed(report)]


def _run_child(
    request: str, *, timeout_seconds: float
) -> subprocess.CompletedProcess[str] | None:
    # What TF_CONFIG names would be waited for.
    environment = {k: v for k, v in os.environ.items() if k != "TF_CONFIG"}
    try:
        return subprocess.run(
            [sys.executable, *_PROGRAM, request],
            cwd=_ROOT,  # where -m looks for the program
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
        )
    except subprocess.TimeoutExpired:
        return None


def _too_slow(timeout_seconds: float) -> Finding:
    return Finding(
        check="devices",
        verdict=Verdict.PROBLEM,
        found=f"The backend had not started after {timeout_seconds:.0f} seconds.",
        remedy="End other programs that hold the GPU or TPU; then try "
        "--accelerator=cpu to see whether the backend itself starts.",
    )


def _died(done: subprocess.CompletedProcess[str]) -> Finding:
    how = _ending(done.returncode)
    last = done.stderr.strip().splitlines()[-_LAST_LINES:]
    return Finding(
        check="devices",
        verdict=Verdict.PROBLEM,
        found=f"The backend {how} when it was started. It said last: {' '.join(last)}",
        remedy=package_check.tensorflow_problem()
        or "Install it anew: `pip install --force-reinstall` with its name and the "
        "fitting --constraint; or choose the other with --backend.",
        details={"returncode": done.returncode, "stderr": done.stderr[-4000:]},
    )


def _ending(returncode: int) -> str:
    if returncode > 0:
        return "failed"
    return f"aborted ({signal.Signals(-returncode).name})"


def _devices(report: Mapping[str, Any], *, asked: Accelerator) -> Finding:
    unused = _unused(report, asked=asked)
    return Finding(
        check="devices",
        verdict=Verdict.NOTE if unused else Verdict.OK,
        found=report["description"],
        remedy=unused,
        details={name: report[name] for name in ("backend", "accelerator", "devices")},
    )


def _unused(report: Mapping[str, Any], *, asked: Accelerator) -> str:
    """What to do about a better device that is here and would not be used."""
    if asked is not Accelerator.AUTO or report["accelerator"] != "cpu":
        return ""
    if tpu_environment.has_tpu():
        return (
            "This machine's TPU would not be used. Ask for it with --accelerator=tpu; "
            "JAX serves it best (`pip install 'jax[tpu]'`)."
        )
    if package_check.has_gpu():
        return (
            "This machine's GPU would not be used. Check `nvidia-smi`, and install "
            "with `pip install --constraint requirements/gpu.txt --editable "
            "'.[tensorflow-gpu]'` or '.[jax-gpu]'."
        )
    return ""


def _speed(report: Mapping[str, Any]) -> Finding:
    speeds: Mapping[str, float] = report["teraflops"]
    shown = ", ".join(f"{name} {value:.3g}" for name, value in speeds.items())
    slow = ""
    if report["accelerator"] == "cpu":
        slow = processor.slow_bfloat16(processor.CPUINFO, backend=report["backend"])
    return Finding(
        check="speed",
        verdict=Verdict.NOTE if slow else Verdict.OK,
        found=f"matrix products of {report['devices'][0]} in TFLOP/s: {shown}",
        remedy=slow,
        details=speeds,
    )
