r"""Converts the weights of a BERT between formats.

    python scripts/convert_checkpoint.py --input=FOLDER --output=NEW_FOLDER \
        --to=tf1|huggingface|kerashub|native

The input's kind is found by looking: a TensorFlow 1 checkpoint, a Hugging Face folder
with safetensors, a KerasHub preset of a BertBackbone, or this toolkit's checkpoint.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from runtime.errors import SettingsError
from runtime.settings import missing, setting
from scripts import console, flag_definitions
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat


@dataclasses.dataclass(frozen=True, kw_only=True)
class CheckpointConversionSettings:
    """What is to be converted.

    Raises:
        SettingsError: One sentence for each flag that is missing.
    """

    input: str | None = setting(
        None, path=True, help="Weights, as --init_checkpoint takes them."
    )
    output: str | None = setting(None, path=True, help="Folder to make.")
    to: WeightsFormat | None = setting(None, help="Format of the output.")
    bert_config_file: str | None = setting(
        None, path=True, help="Sizes, where nothing beside the weights says them."
    )
    vocab_file: str | None = setting(
        None,
        path=True,
        help="WordPiece vocabulary, where none lies beside the weights.",
    )
    do_lower_case: bool | None = setting(
        None, help="Whether that vocabulary is for lower-cased text."
    )
    allow_inexact: bool = setting(
        False,
        help="Convert although the target's program would compute something else.",
    )

    def __post_init__(self) -> None:
        if problems := list(missing(self, "input", "output", "to")):
            raise SettingsError(*problems)


def main(argv: Sequence[str]) -> None:
    """Converts, and prints what was carried over."""
    del argv
    settings = flag_definitions.values(CheckpointConversionSettings)
    report = convert(
        Conversion(
            input=str(settings.input),
            output=str(settings.output),
            to=WeightsFormat(settings.to),
            bert_config_file=settings.bert_config_file,
            vocab_file=settings.vocab_file,
            do_lower_case=settings.do_lower_case,
            allow_inexact=settings.allow_inexact,
        )
    )
    print(report)


if __name__ == "__main__":
    flag_definitions.define(CheckpointConversionSettings)
    console.run(main)
