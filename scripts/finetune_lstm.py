r"""Fine-tunes, evaluates and applies an LSTM classifier.

    python scripts/finetune_lstm.py --task_name=authors --do_train --do_eval \
        --init_checkpoint=runs/language_model --output_dir=runs/classifier

Without `--init_checkpoint` it starts from random weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstm_pretrain.classifier.preparation import prepare
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from pipelines.classification import seeds
from pipelines.classification.seeds import SeedSettings
from runtime.tracking.follower import tracked
from runtime.tracking.settings import TrackSettings
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Does the run that the flags describe, or one for each of --seeds."""
    del argv
    asked = flag_definitions.values(SeedSettings)
    shown = flag_definitions.values(TrackSettings)
    settings = flag_definitions.values(LstmClassifierSettings, fill=asked.fill)
    runs = seeds.prepare(settings, prepare, asked=asked)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain.classifier import run as finetune

    runs.run(tracked(finetune.run, asked=shown), placement=placement)


if __name__ == "__main__":
    flag_definitions.define(LstmClassifierSettings)
    flag_definitions.define(SeedSettings)
    flag_definitions.define(TrackSettings)
    console.run(main)
