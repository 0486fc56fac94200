"""Shows what pretraining an LSTM on unlabelled text buys its classifier.

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

from lstm_pretrain.experiment_settings import ExperimentSettings
from lstm_pretrain.preparation import refuse_bad_rows
from runtime import storage
from scripts import console, flag_definitions

_RECIPES = storage.join(storage.dirname(storage.dirname(__file__)), "recipes")


def define_flags() -> None:
    """Defines the flags and puts the preset's before those of the command line."""
    early = flags.FlagValues()  # type: ignore[no-untyped-call]
    for values in (early, flags.FLAGS):
        flags.DEFINE_enum(
            "preset",
            None,
            ["demo", "original"],
            "demo takes minutes on two cores; original is the published experiment.",
            flag_values=values,
        )
    flag_definitions.define(ExperimentSettings)
    early(sys.argv, known_only=True)
    if early.preset:
        recipe = storage.join(_RECIPES, f"lstm_{early.preset}.flags")
        sys.argv.insert(1, f"--flagfile={recipe}")


def main(argv: Sequence[str]) -> None:
    """Runs the experiment that the flags describe."""
    del argv
    settings = flag_definitions.values(ExperimentSettings)
    refuse_bad_rows(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from lstm_pretrain import experiment

    experiment.run(settings, placement=placement)


if __name__ == "__main__":
    console.run(main, define_flags=define_flags)
