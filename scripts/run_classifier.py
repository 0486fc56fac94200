r"""Fine-tunes, evaluates and applies a BERT classifier.

    python scripts/run_classifier.py --task_name=authors --do_train --do_eval \
        --model_file=... --bert_config_file=... --output_dir=...

Source: run_classifier.py of google-research/bert and of bert-japanese, whose flags
keep their names, defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags, logging

from pipelines.classification import seeds
from pipelines.classification.seeds import SeedSettings
from runtime.errors import SettingsError
from runtime.settings import flags_of
from runtime.tracking.follower import tracked
from runtime.tracking.settings import TrackSettings
from scripts import console, flag_definitions
from tf_bert.classifier import preparation as cross
from tf_bert.classifier.settings import Architecture, ClassifierSettings
from tf_bert.pairs import preparation as bi
from tf_bert.pairs.settings import BiEncoderSettings

_RETIRED = {"master": "Use --accelerator."}


def main(argv: Sequence[str]) -> None:
    """Does the run that the flags describe, or one for each of --seeds."""
    del argv
    for line in flag_definitions.warnings(_RETIRED):
        logging.warning(line)
    asked = flag_definitions.values(SeedSettings)
    shown = flag_definitions.values(TrackSettings)
    run = _run_bi if flags.FLAGS.architecture is Architecture.BI else _run_cross
    run(asked, shown)


def _run_cross(asked: SeedSettings, shown: TrackSettings) -> None:
    _refuse_flags_of_bi()
    settings = flag_definitions.values(ClassifierSettings, fill=asked.fill)
    runs = seeds.prepare(settings, cross.prepare, asked=asked)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.pairs import run as classify

    runs.run(tracked(classify.run_cross, asked=shown), placement=placement)


def _run_bi(asked: SeedSettings, shown: TrackSettings) -> None:
    settings = flag_definitions.values(BiEncoderSettings, fill=asked.fill)
    runs = seeds.prepare(settings, bi.prepare, asked=asked)
    placement = settings.place()
    from tf_bert.pairs import run as classify

    runs.run(tracked(classify.run, asked=shown), placement=placement)


def _refuse_flags_of_bi() -> None:
    own = flags_of(BiEncoderSettings).keys() - flags_of(ClassifierSettings).keys()
    given = sorted(own & flag_definitions.given(BiEncoderSettings).keys())
    if given:
        names = ", ".join(f"--{name}" for name in given)
        raise SettingsError(f"{names}: for --architecture=bi, which was not given.")


if __name__ == "__main__":
    flag_definitions.define(ClassifierSettings)
    flag_definitions.define(BiEncoderSettings, shared=flags_of(ClassifierSettings))
    flag_definitions.define(SeedSettings)
    flag_definitions.define(TrackSettings)
    flag_definitions.define_retired(_RETIRED)
    console.run(main)
