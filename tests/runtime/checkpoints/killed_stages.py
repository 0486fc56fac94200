"""Kills a run before each of its touches of its folder; see test_kills.py.

    python killed_stages.py FOLDER

After each kill another run takes the folder's lock and lets it go. The output is what
lies in the folder before and after that, one pair for each touch, in JSON.
"""

import json
import os
import signal
import sys

import numpy as np

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files.tfrecord import RecordWriter
from runtime.training import run_lock

os.fsync = lambda _: None  # processes are killed here, not machines

VALUE = {"w": np.arange(3, dtype=np.float32)}


def run(folder):
    """Writes by each kind of writer, replaces, and deletes."""
    directory = storage.join(folder, checkpoints.DIRECTORY)
    with run_lock.hold(folder):
        for step in (1, 1, 2):
            checkpoints.save(directory, step=step, weights=VALUE, slots={}, state={})
        checkpoints.delete(directory, step=1)
        shards = [storage.join(folder, f"train.tf_record-{i}") for i in range(2)]
        with RecordWriter(shards[0]) as first, RecordWriter(shards[1]) as second:
            first.write(b"one")
            second.write(b"two")
        storage.write_text(
            storage.join(folder, "vectors", "a.npy"), "first of a folder"
        )


def files(folder):
    found = []
    for where, folders, names in os.walk(folder):
        kept = names if names or folders else [""]  # an empty folder shows too
        found += [os.path.relpath(os.path.join(where, name), folder) for name in kept]
    return sorted(found)


def killed(folder, *, touch):
    """Runs in a child that dies before touch number `touch`; says whether it did."""
    child = os.fork()
    if not child:
        left = [touch]

        def count(event, arguments):
            if arguments and str(arguments[0]).startswith(folder):
                left[0] -= 1
                if left[0] < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(count)
        run(folder)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main():
    [root] = sys.argv[1:]
    pairs = []
    while killed(folder := f"{root}/{len(pairs)}", touch=len(pairs)):
        before = files(folder)
        with run_lock.hold(folder):
            pass
        pairs.append((before, files(folder)))
    sys.stdout.write(json.dumps(pairs))


if __name__ == "__main__":
    main()
