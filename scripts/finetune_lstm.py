r"""Fine-tunes, evaluates and applies an LSTM classifier.

    python scripts/finetune_lstm.py --task_name=authors --do_train --do_eval \
        --init_checkpoint=runs/language_model --output_dir=runs/classifier

Without `--init_checkpoint` it starts from random weights.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstm_pretrain.classifier.preparation import prepare
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from runtime.training import trained_run
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Runs the classifier that the flags describe."""
    del argv
    settings = flag_definitions.values(LstmClassifierSettings, fill=trained_run.fill)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain.classifier import run as finetune

    finetune.run(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(LstmClassifierSettings)
    console.run(main)
