"""One process's part in a run that two share; see tests/process_group.py.

    python -m tests.runtime.training.shared_run BACKEND FOLDER STEP [FLAGS]

says the step that it starts from, trains, predicts and writes FOLDER/<chief or other>.
"""

import os
import sys

import numpy as np

from processors.batches.batch_shape import PadTo
from runtime.devices.placement import (
    Accelerator,
    Backend,
    Precision,
    refuse_disagreement,
)
from runtime.devices.settings import DeviceSettings
from runtime.errors import SettingsError


def settings_of(backend, flags):
    given = dict(flag.removeprefix("--").split("=") for flag in flags)
    numbers = {
        name: int(value) if value.isdigit() else value for name, value in given.items()
    }
    return DeviceSettings(
        accelerator=Accelerator.CPU,
        backend=Backend(backend),
        precision=Precision.FLOAT32,
        steps_per_call=1,
        **numbers,
    )


def main(backend, folder, step, *flags):
    placement = settings_of(backend, flags).place()
    try:
        refuse_disagreement(placement, {"step": int(step), "other": 2**31 - 1})
    except SettingsError as error:
        sys.exit(str(error))
    from tests.runtime.engine import engine_runs

    run = engine_runs.small(placement, pad_to=PadTo.MAX)
    losses = run.train(stop=engine_runs.PER_CALL)
    batch = {name: value[0, 0] for name, value in run.calls[0].items()}
    name = "chief" if placement.is_chief else "other"
    np.savez(
        os.path.join(folder, name),
        devices=placement.devices,
        line=placement.describe(),
        train_losses=losses,
        **run.engine.predict(batch),
    )


if __name__ == "__main__":
    main(*sys.argv[1:])
