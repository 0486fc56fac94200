r"""Converts the weights of a BERT between formats.

    python scripts/convert_checkpoint.py --input=FOLDER --output=NEW_FOLDER \
        --to=tf1|huggingface|kerashub|native

The input's kind is found by looking: a TensorFlow 1 checkpoint, a Hugging Face folder
with safetensors, a KerasHub preset of a BertBackbone, or this toolkit's checkpoint.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from scripts import console
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import Kind

_INPUT = flags.DEFINE_string(
    "input", None, "Weights, as --init_checkpoint takes them.", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "Folder to make.", required=True)
_TO = flags.DEFINE_enum(
    "to", None, [kind.value for kind in Kind], "Format of the output.", required=True
)
_BERT_CONFIG_FILE = flags.DEFINE_string(
    "bert_config_file", None, "Sizes, where nothing beside the weights says them."
)
_VOCAB_FILE = flags.DEFINE_string(
    "vocab_file", None, "WordPiece vocabulary, where none lies beside the weights."
)
_DO_LOWER_CASE = flags.DEFINE_bool(
    "do_lower_case", None, "Whether that vocabulary is for lower-cased text."
)
_ALLOW_INEXACT = flags.DEFINE_bool(
    "allow_inexact",
    False,
    "Convert although the target's program would compute something else.",
)


def main(_: Sequence[str]) -> None:
    """Converts, and prints what was carried over."""
    report = convert(
        Conversion(
            input=_INPUT.value,
            output=_OUTPUT.value,
            to=Kind(_TO.value),
            bert_config_file=_BERT_CONFIG_FILE.value,
            vocab_file=_VOCAB_FILE.value,
            do_lower_case=_DO_LOWER_CASE.value,
            allow_inexact=_ALLOW_INEXACT.value,
        )
    )
    print(report)


if __name__ == "__main__":
    console.run(main)
