"""Two real processes that share a run, meeting on this machine's loopback."""

import json
import os
import socket
import subprocess
import sys

from runtime.devices.placement import Backend

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), ".."))
COUNT = 2
SECONDS = 240


def start_both(backend, arguments):
    """Starts `python *arguments(index, flags)` twice; flags say how JAX's meet."""
    ports = free_ports(COUNT)
    return [
        subprocess.Popen(
            [sys.executable, *arguments(index, flags_of(backend, ports, index))],
            cwd=ROOT,
            env=environment_of(backend, ports, index),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(COUNT)
    ]


def wait_for(processes):
    """Exit codes and outputs; whoever waits for a process that failed is ended."""
    try:
        outputs = [process.communicate(timeout=SECONDS)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
    return [process.returncode for process in processes], outputs


def flags_of(backend, ports, index):
    if backend is Backend.TENSORFLOW:
        return []
    return [
        f"--coordinator_address=127.0.0.1:{ports[0]}",
        f"--num_processes={COUNT}",
        f"--process_id={index}",
    ]


def environment_of(backend, ports, index, *, virtual_cpus=1):
    """An environment without this session's virtual devices."""
    environment = {**os.environ, "PYTHONPATH": ROOT}
    environment.pop("KERAS_BACKEND", None)
    environment["XLA_FLAGS"] = f"--xla_force_host_platform_device_count={virtual_cpus}"
    if backend is Backend.TENSORFLOW:
        cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
        task = {"type": "worker", "index": index}
        environment["TF_CONFIG"] = json.dumps({"cluster": cluster, "task": task})
    return environment


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
