r"""Pre-trains a BERT on masked tokens and evaluates it.

    python scripts/run_pretraining.py --do_train --do_eval \
        --input_file=train.tf_record --bert_config_file=bert_config.json \
        --output_dir=runs/pretraining

`--text_file` reads text instead of records. `--init_checkpoint` goes on with other
weights: a BERT learns the language of a domain.

Source: run_pretraining.py of google-research/bert, whose flags keep their names,
defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import logging

from runtime.tracking.follower import tracked
from runtime.tracking.settings import TrackSettings
from runtime.training import trained_run
from scripts import console, flag_definitions
from tf_bert.pretraining.preparation import prepare
from tf_bert.pretraining.settings import PretrainingSettings

_RETIRED = {"master": "Use --accelerator."}


def main(argv: Sequence[str]) -> None:
    """Runs the pre-training that the flags describe."""
    del argv
    for line in flag_definitions.warnings(_RETIRED):
        logging.warning(line)
    settings = flag_definitions.values(PretrainingSettings, fill=trained_run.fill)
    shown = flag_definitions.values(TrackSettings)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.pretraining import run as pretrain

    tracked(pretrain.run, asked=shown)(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(PretrainingSettings)
    flag_definitions.define(TrackSettings)
    flag_definitions.define_retired(_RETIRED)
    console.run(main)
