r"""Makes a vocabulary from text: SentencePiece, WordPiece, MeCab words or characters.

    python scripts/train_tokenizer.py --tokenizer=mecab --mecab_dic=unidic_lite \
        --input='corpus/*.txt' --vocab_size=32000 --output_dir=vocabularies/mine

Writes a folder for --tokenizer_dir: `tokenizer_config.json` with `vocab.txt`, or for
SentencePiece with `sentencepiece.model` and `sentencepiece.vocab`. Same text, same
bytes.
"""

from __future__ import annotations

from collections.abc import Sequence

from processors.tokenization.trainer import TrainingSettings, train
from runtime import storage
from scripts import console, flag_definitions


def main(argv: Sequence[str]) -> None:
    """Reads the text and writes the files of the tokenizer."""
    del argv
    settings = flag_definitions.values(TrainingSettings)
    for name, data in train(settings).items():
        path = storage.join(str(settings.output_dir), name)
        storage.write_bytes(path, data)
        print(path)


if __name__ == "__main__":
    flag_definitions.define(TrainingSettings)
    console.run(main)
