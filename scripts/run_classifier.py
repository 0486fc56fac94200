r"""Fine-tunes, evaluates and applies a BERT classifier.

    python scripts/run_classifier.py --task_name=authors --do_train --do_eval \
        --model_file=... --bert_config_file=... --output_dir=...

Source: run_classifier.py of google-research/bert and of bert-japanese, whose flags
keep their names, defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import logging

from runtime.training import trained_run
from scripts import console, flag_definitions
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

_RETIRED = {"master": "Use --accelerator."}


def main(argv: Sequence[str]) -> None:
    """Runs the classifier that the flags describe."""
    del argv
    for line in flag_definitions.warnings(_RETIRED):
        logging.warning(line)
    settings = flag_definitions.values(ClassifierSettings, fill=trained_run.fill)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.classifier import run as classify

    classify.run(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(ClassifierSettings)
    flag_definitions.define_retired(_RETIRED)
    console.run(main)
