r"""Writes texts for new texts, such as titles, with a trained encoder-decoder.

    echo 昔々あるところに | python scripts/generate.py --init_checkpoint=runs/titles
    python scripts/generate.py --init_checkpoint=runs/titles --input_file=texts.txt \
        --output_file=titles.jsonl --num_beams=4 --num_return_sequences=3

A line is a text; a JSON line comes out for each, in their order: its number from 0 as
`guid`, and `generated`, the best texts with their scores and ids.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from absl import logging

from scripts import console, flag_definitions
from tf_bert.seq2seq.generation.preparation import prepare
from tf_bert.seq2seq.generation.settings import WritingSettings


def main(argv: Sequence[str]) -> None:
    """Writes for the texts that the flags name."""
    del argv
    settings = flag_definitions.values(WritingSettings)
    job = prepare(settings)
    placement = settings.place()  # chooses the backend of Keras, imported next
    from tf_bert.seq2seq.generation import run as generate

    count = generate.run(
        job, placement=placement, stdin=sys.stdin.buffer, stdout=sys.stdout.buffer
    )
    logging.info("Texts written for %d.", count)


if __name__ == "__main__":
    flag_definitions.define(WritingSettings)
    console.run(main)
