r"""Writes the vectors that a BERT gives to texts.

    python scripts/extract_features.py --input_file=texts.txt --output_file=out.jsonl \
        --init_checkpoint=FOLDER --vocab_file=vocab.txt

A line of the input is a text, or two with ` ||| ` between. `--pooling=mean` and an
output that ends in .npz give one vector a text in a numpy archive.

Source: extract_features.py of google-research/bert, whose flags keep their names,
defaults and meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import logging

from scripts import console, flag_definitions
from tf_bert.vectors.preparation import prepare
from tf_bert.vectors.settings import ExtractionSettings

_RETIRED = {
    "master": "Use --accelerator.",
    "use_one_hot_embeddings": "The backend looks embeddings up as suits the device.",
}


def main(argv: Sequence[str]) -> None:
    """Extracts what the flags describe."""
    del argv
    for line in flag_definitions.warnings(_RETIRED):
        logging.warning(line)
    settings = flag_definitions.values(ExtractionSettings)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.vectors import run as extract

    extract.run(job, placement=placement)


if __name__ == "__main__":
    flag_definitions.define(ExtractionSettings)
    flag_definitions.define_retired(_RETIRED, switches=("use_one_hot_embeddings",))
    console.run(main)
