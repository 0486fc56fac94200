r"""Makes TFRecords for masked-LM pre-training from text.

    python scripts/create_pretraining_data.py --input_file=corpus.txt \
        --output_file=train.tf_record --vocab_file=vocab.txt

The text has a sentence a line and a blank line between documents. `--mode=dynamic`
stores sequences unmasked, so that training masks them anew in every epoch.

Source: create_pretraining_data.py of google-research/bert and of bert-japanese, whose
flags keep their names, defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from processors.pretraining.create import create
from processors.pretraining.settings import PretrainingDataSettings
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Makes the records that the flags describe."""
    del argv
    create(flag_definitions.values(PretrainingDataSettings))


if __name__ == "__main__":
    flag_definitions.define(PretrainingDataSettings)
    console.run(main)
