"""Saves checkpoints until it is killed, again and again; see test_kills.py.

    python killed_saves.py DIRECTORY KILLS SECONDS

SECONDS is the longest time from loading to the kill.

Every round is a process that loads what is there, checks that it is whole and no older
than what the round before was told to be safe, and saves on. The output is the newest
step of each round, in JSON.
"""

import json
import os
import random
import signal
import sys
import time
import traceback

import numpy as np

from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import EngineState

VALUES = 20_000


class Counting:
    """What of an engine is asked; every value is made of the step."""

    def __init__(self, step):
        self.step = step

    def state(self):
        self.step += 1
        value = np.arange(VALUES, dtype=np.float32) + self.step
        return EngineState(self.step, {"w": value}, {"w/adam_m": -value})


def loaded_step(directory):
    found = checkpoints.load_newest(directory)
    if found is None:
        return 0
    wanted = np.arange(VALUES, dtype=np.float32) + found.step
    np.testing.assert_array_equal(found.weights["w"], wanted)
    np.testing.assert_array_equal(found.slots["w/adam_m"], -wanted)
    return found.step


def save_on(directory, tell):
    step = loaded_step(directory)
    tell(step)
    engine = Counting(step)
    with BackgroundCheckpointWriter(
        directory,
        state={"seed": 3},
        retention=Retention(newest=2, every=50),
        before_saving=lambda: None,
    ) as writer:
        while True:
            writer.save(engine, metrics={"loss": 1 / (engine.step + 1)})
            writer.wait()
            tell(engine.step)


def round_of(directory, *, delay):
    """Runs until the kill.

    Returns:
        The steps that were told to be safe: first the loaded one.
    """
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(reading)
        try:
            save_on(directory, lambda step: os.write(writing, b"%d\n" % step))
        finally:
            traceback.print_exc()
            os._exit(3)  # it was to be killed
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        first = told.readline()
        time.sleep(delay)
        os.kill(child, signal.SIGKILL)
        steps = [int(line) for line in [first, *told] if line.endswith(b"\n")]
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "a round ended by an error"
    return steps


def main():
    directory, kills, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    rng = random.Random(7)
    safe, newest = 0, []
    for _ in range(kills):
        steps = round_of(directory, delay=rng.uniform(0, seconds))
        assert steps[0] >= safe, f"step {safe} was safe, found {steps[0]}"
        safe = steps[-1]
        newest.append(safe)
    sys.stdout.write(json.dumps(newest))


if __name__ == "__main__":
    main()
