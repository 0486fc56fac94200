r"""Shows what pretraining an LSTM on unlabelled text buys its classifier.

    python scripts/lstm_experiment.py --preset=demo --output_dir=runs/lstm_demo
    python scripts/lstm_experiment.py --preset=original --data_dir=FOLDER \
        --output_dir=runs/lstm_original

Trains a language model, then classifiers with and without its weights, at several
amounts of labelled data and with several seeds. Started again it goes on with the cells
that are missing. A preset is `recipes/lstm_<preset>.flags`; flags beside it win.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import flags

from lstm_pretrain.experiment.preparation import prepare
from lstm_pretrain.experiment.settings import ExperimentSettings
from scripts import command_line, console, flag_definitions, recipes

_PRESETS = ["demo", "original"]


def define_flags() -> None:
    """Defines the flags and puts the preset's before those of the command line."""
    flags.DEFINE_enum(
        "preset",
        None,
        _PRESETS,
        "demo takes minutes on two cores; original is the published experiment.",
    )
    flag_definitions.define(ExperimentSettings)
    preset = command_line.peek(sys.argv, preset=None)["preset"]
    if preset in _PRESETS:
        sys.argv[1:1] = recipes.expand([f"--flagfile={recipes.PREFIX}lstm_{preset}"])


def main(argv: Sequence[str]) -> None:
    """Runs the experiment that the flags describe."""
    del argv
    settings = flag_definitions.values(ExperimentSettings)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain.experiment import run as experiment

    experiment.run(job, placement=placement)


if __name__ == "__main__":
    console.run(main, define_flags=define_flags)
