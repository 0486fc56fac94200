r"""Trains an LSTM language model on the texts of a task.

    python scripts/pretrain_lstm.py --task_name=lines --data_dir=FOLDER \
        --output_dir=runs/language_model

`--init_checkpoint=runs/language_model` goes on with another model's weights on other
texts: a task's own, before its classifier is trained.
"""

from __future__ import annotations

from collections.abc import Sequence

from lstm_pretrain.language_model.preparation import prepare
from lstm_pretrain.language_model.settings import LanguageModelSettings
from runtime.tracking.follower import tracked
from runtime.tracking.settings import TrackSettings
from runtime.training import trained_run
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Trains the language model that the flags describe."""
    del argv
    settings = flag_definitions.values(LanguageModelSettings, fill=trained_run.fill)
    shown = flag_definitions.values(TrackSettings)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain.language_model import run as pretrain

    tracked(pretrain.run, asked=shown)(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(LanguageModelSettings)
    flag_definitions.define(TrackSettings)
    console.run(main)
