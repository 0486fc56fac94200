"""Writes a model in the form in which the toolkit ships it.

    python scripts/make_bundled_model.py --input=runs/aozora_mini \
        --output=tf_bert/data/aozora-mini

`--init_checkpoint=bundled:aozora-mini` then names it.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from scripts import console
from tf_bert.formats import bundled, find

_INPUT = flags.DEFINE_string(
    "input", None, "Weights, as --init_checkpoint takes them.", required=True
)
_DROPOUT = flags.DEFINE_float(
    "dropout", 0.1, "What its configuration says for training on a task."
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to make.", required=True)


def main(_: Sequence[str]) -> None:
    """Reads the weights and writes them in float16."""
    source = find.open_source(_INPUT.value)
    bundled.write(_OUTPUT.value, source, dropout=_DROPOUT.value)
    print(_OUTPUT.value)


if __name__ == "__main__":
    console.run(main)
