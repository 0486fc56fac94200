r"""Fine-tunes, evaluates and applies a BERT classifier.

    python scripts/run_classifier.py --task_name=authors --do_train --do_eval \
        --model_file=... --bert_config_file=... --output_dir=...

Source: run_classifier.py of google-research/bert and of bert-japanese, whose flags
keep their names, defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import logging

from pipelines.classification import seeds
from pipelines.classification.seeds import SeedSettings
from runtime.tracking.follower import tracked
from runtime.tracking.settings import TrackSettings
from scripts import console, flag_definitions
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

_RETIRED = {"master": "Use --accelerator."}


def main(argv: Sequence[str]) -> None:
    """Does the run that the flags describe, or one for each of --seeds."""
    del argv
    for line in flag_definitions.warnings(_RETIRED):
        logging.warning(line)
    asked = flag_definitions.values(SeedSettings)
    shown = flag_definitions.values(TrackSettings)
    settings = flag_definitions.values(ClassifierSettings, fill=asked.fill)
    runs = seeds.prepare(settings, prepare, asked=asked)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.classifier import run as classify

    runs.run(tracked(classify.run, asked=shown), placement=placement)


if __name__ == "__main__":
    flag_definitions.define(ClassifierSettings)
    flag_definitions.define(SeedSettings)
    flag_definitions.define(TrackSettings)
    flag_definitions.define_retired(_RETIRED)
    console.run(main)
