"""Saves checkpoints of growing size until one does not fit; see test_kills.py.

    python crowded_saves.py DIRECTORY [MOST_BYTES_OF_A_FILE]

The output is the step that is left and what the failure says, in JSON.
"""

import json
import resource
import sys

import numpy as np

from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoint_writer import BackgroundCheckpointWriter
from runtime.checkpoints.retention import Retention
from runtime.engine.engine import EngineState
from runtime.errors import StorageError


class Growing:
    """What of an engine is asked; every state is larger than the one before."""

    step = 0

    def state(self):
        self.step += 1
        value = np.full(self.step * 30_000, self.step, np.float32)
        return EngineState(self.step, {"w": value}, {})


def main():
    directory, *limits = sys.argv[1:]
    for limit in limits:
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), int(limit)))
    said = ""
    try:
        with BackgroundCheckpointWriter(
            directory, state={}, retention=Retention(newest=1), before_saving=list
        ) as writer:
            engine = Growing()
            for _ in range(100):
                writer.save(engine, metrics={})
    except StorageError as error:
        said = f"{error.reason.name} {error}"
    left = checkpoints.load_newest(directory)
    assert (left.weights["w"] == left.step).all()
    sys.stdout.write(json.dumps([left.step, checkpoints.all_steps(directory), said]))


if __name__ == "__main__":
    main()
