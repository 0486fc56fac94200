r"""Answers texts with a trained classifier.

    echo 走れ | python scripts/predict.py --model=runs/quickstart
    python scripts/predict.py --model=runs/quickstart --input=new.tsv.gz \
        --text_a=text --output=answers.jsonl

A line of standard input is a text; answers come in the order of the texts. A file that
a stopped work has left is gone on with by the same command.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import logging

from pipelines.serving import prediction
from pipelines.serving.settings import PredictionSettings
from scripts import console, flag_definitions, trained_models


def main(argv: Sequence[str]) -> None:
    """Answers the texts that the flags name."""
    del argv
    settings = flag_definitions.values(PredictionSettings)
    predictor = trained_models.open_model(settings)
    stdout = sys.stdout.buffer
    count = prediction.run(
        settings,
        predictor,
        stdin=sys.stdin.buffer,
        stdout=getattr(stdout, "raw", stdout),  # where python -u has no buffer
    )
    logging.info("Texts answered: %d.", count)


if __name__ == "__main__":
    flag_definitions.define(PredictionSettings)
    console.run(main)
