r"""Writes a model in the form in which the toolkit ships it.

    python scripts/make_bundled_model.py --input=runs/ja_mini \
        --tokenizer_dir=runs/tokenizer --output=tf_bert/data/ja-mini

`--init_checkpoint=bundled:ja-mini` then names it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from processors.tokenization import hugging_face
from runtime.errors import SettingsError
from runtime.settings import missing, setting
from scripts import console, flag_definitions
from tf_bert.formats import bundled, find, tokenizer_files
from tf_bert.formats.names import WeightsFormat


@dataclasses.dataclass(frozen=True, kw_only=True)
class BundleSettings:
    """What is to be written.

    Raises:
        SettingsError: One sentence for each flag that is missing.
    """

    input: str | None = setting(
        None, path=True, help="Weights, as --init_checkpoint takes them."
    )
    tokenizer_dir: str | None = setting(
        None, path=True, help="Its tokenizer, as train_tokenizer.py writes it."
    )
    output: str | None = setting(None, path=True, help="Folder to make.")
    dropout: float = setting(
        0.1, help="What its configuration says for training on a task."
    )

    def __post_init__(self) -> None:
        problems = list(missing(self, "input", "tokenizer_dir", "output"))
        if not 0 <= self.dropout < 1:
            problems.append(f"--dropout must lie in [0, 1); got {self.dropout}.")
        if problems:
            raise SettingsError(*problems)


def main(argv: Sequence[str]) -> None:
    """Reads the weights and writes them in float16."""
    del argv
    settings = flag_definitions.values(BundleSettings)
    source, folder = find.open_source(str(settings.input)), str(settings.tokenizer_dir)
    tokenizer_files.refuse_other_vocabulary(source, hugging_face.read(folder))
    bundled.write(
        str(settings.output),
        source,
        tokenizer=tokenizer_files.find(folder, WeightsFormat.HUGGING_FACE),
        dropout=settings.dropout,
    )
    print(settings.output)


if __name__ == "__main__":
    flag_definitions.define(BundleSettings)
    console.run(main)
