r"""Writes a trained classifier in the formats of other programs.

    python scripts/export_model.py --model=runs/quickstart --output=exported \
        --formats=savedmodel,stablehlo,huggingface

Each is read back by a process that cannot import this toolkit, and answers as the model
does, or nothing is written.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from absl import logging

from pipelines.classification import best_seed
from pipelines.exporting import run as export
from pipelines.exporting.settings import ExportSettings
from scripts import console, flag_definitions, trained_models


def main(argv: Sequence[str]) -> None:
    """Exports what the flags name."""
    del argv
    settings = flag_definitions.values(ExportSettings)
    model = best_seed.folder_meant(str(settings.model))
    settings = dataclasses.replace(settings, model=model)
    about = export.run(settings, trained_models.served_of(model))
    for name, said in about["formats"].items():
        for note in said["notes"]:
            logging.warning("%s: %s", name, note)
    logging.info("Exported to %s", settings.output)


if __name__ == "__main__":
    flag_definitions.define(ExportSettings)
    console.run(main)
