r"""Converts the splits of a task to TFRecords, without training.

    python scripts/create_tfrecords.py --task_name=tsv --data_dir=... --model_file=... \
        --output_dir=... --workers=4

The records are those that `scripts/run_classifier.py` writes of the same task.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipelines.classification import conversion
from pipelines.classification.conversion import ConversionSettings
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Converts what the flags describe."""
    del argv
    conversion.run(flag_definitions.values(ConversionSettings))


if __name__ == "__main__":
    flag_definitions.define(ConversionSettings)
    console.run(main)
