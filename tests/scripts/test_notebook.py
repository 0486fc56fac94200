"""A run in a notebook, whose kernel is a real one, is interrupted."""

import gc
import json
import os
import sys
import threading
import time
import warnings

import pytest

from runtime import storage
from runtime.checkpoints import checkpoints

manager = pytest.importorskip(
    "jupyter_client.manager", reason="needs ipykernel, of the extra [test]"
)
pytest.importorskip("ipykernel", reason="of the extra [test]")
jupyter_core_utils = pytest.importorskip("jupyter_core.utils")

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))

TRAIN = """
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings
kept = 42
job = prepare(ClassifierSettings(**{settings}))
placement = job.settings.place()
from tf_bert.classifier import run as classify
classify.run(job, placement=placement)
"""


class Kernel:
    """A kernel and its one client."""

    def __init__(self, client, *, interrupt):
        self._client = client
        self.interrupt = interrupt

    def run(self, source):
        """What a cell prints, and the name of the error that ended it."""
        printed = []

        def take(message):
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self._client.execute_interactive(
            source, output_hook=take, timeout=240, store_history=False
        )
        return "".join(printed), reply["content"].get("ename")


@pytest.fixture
def kernel(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([ROOT, *sys.path[1:]]))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    made, client = manager.start_new_kernel(
        kernel_name="python3", extra_arguments=[], startup_timeout=120
    )
    yield Kernel(client, interrupt=made.interrupt_kernel)
    client.stop_channels()
    made.shutdown_kernel(now=True)
    jupyter_core_utils.ensure_event_loop().close()  # of the client, which leaves it
    del made, client
    with warnings.catch_warnings():  # and others, which must not end another test
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def logged(folder):
    path = f"{folder}/metrics.jsonl"
    if not os.path.exists(path):
        return 0
    return len(storage.read_text(path).splitlines())


@pytest.mark.slow
def test_an_interrupted_cell_keeps_what_was_trained_and_the_kernel(
    kernel, small_task, tmp_path
):
    folder = str(tmp_path / "out")
    settings = {
        **small_task.settings(),
        "output_dir": folder,
        "do_train": True,
        "train_batch_size": 8,
        "max_steps": 100_000,
        "save_checkpoints_steps": 100_000,
    }
    interrupted = threading.Event()

    def interrupt():
        while logged(folder) < 5:
            time.sleep(0.05)
        interrupted.set()
        kernel.interrupt()

    threading.Thread(target=interrupt, daemon=True).start()
    printed, error = kernel.run(TRAIN.format(settings=settings))
    assert interrupted.is_set(), printed
    assert error == "KeyboardInterrupt"
    reached = checkpoints.list_steps(f"{folder}/checkpoints")
    assert len(reached) == 1
    assert reached[0] == logged(folder)
    assert kernel.run("print(kept)") == ("42\n", None)
    assert not os.path.exists(f"{folder}/run.lock")

    settings["max_steps"] = reached[0] + 3
    settings["accept_changed"] = ("max_steps",)
    _, error = kernel.run(TRAIN.format(settings=settings))
    assert error is None
    lines = storage.read_text(f"{folder}/metrics.jsonl").splitlines()
    steps = [json.loads(line)["step"] for line in lines]
    assert steps == list(range(1, reached[0] + 4))
