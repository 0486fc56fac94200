"""What decides the tokenizer."""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator

from runtime.settings import setting
from runtime.training.run_settings import Carried


class TokenizerKind(enum.Enum):
    """How texts become tokens."""

    AUTO = "auto"
    WORDPIECE = "wordpiece"
    SENTENCEPIECE = "sentencepiece"
    MECAB = "mecab"
    MECAB_CHAR = "mecab-char"
    CHAR = "char"
    LIBRARY = "library"


_BY_MECAB = {TokenizerKind.MECAB, TokenizerKind.MECAB_CHAR}
_OF_FOLDERS = {TokenizerKind.AUTO, TokenizerKind.LIBRARY}


TOKENIZER = Carried(
    (
        "vocab_file",
        "model_file",
        "tokenizer_dir",
        "do_lower_case",
        "tokenizer",
        "mecab_dic",
        "keep_voicing_marks",
        "byte_fallback",
    ),
    unless=("vocab_file", "model_file", "tokenizer_dir"),
)
"""The flags that say the tokenizer; files that are named say all of it anew."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class TokenizerSettings:
    """Files and settings of a tokenizer."""

    # The flags of google-research/bert and bert-japanese.
    vocab_file: str | None = setting(
        None,
        path=True,
        help="Vocabulary of a token a line, or the .vocab file beside model_file.",
    )
    model_file: str | None = setting(None, path=True, help="SentencePiece model.")
    do_lower_case: bool | None = setting(
        None,
        help="Whether to lower-case the text; by default what the "
        "tokenizer_config.json beside model_file or in tokenizer_dir says, else true, "
        "and false for mecab, mecab-char and char.",
    )

    # New here.
    tokenizer: TokenizerKind = setting(
        TokenizerKind.AUTO,
        help="auto is sentencepiece with model_file and wordpiece with vocab_file "
        "alone, unless that is visibly the vocabulary of another kind; mecab splits "
        "into MeCab words, then WordPiece, mecab-char into their characters; library "
        "takes the tokenizer.json of tokenizer_dir as it is.",
    )
    tokenizer_dir: str | None = setting(
        None,
        path=True,
        help="Folder with a Hugging Face tokenizer (tokenizer_config.json), instead of "
        "the other flags here.",
    )
    mecab_dic: str | None = setting(
        None,
        path=True,
        help="MeCab dictionary that the vocabulary was made with: unidic_lite, unidic, "
        "ipadic or the folder of a compiled one.",
    )
    keep_voicing_marks: bool = setting(
        False, help="Keep Japanese voicing marks under WordPiece lower-casing."
    )
    byte_fallback: bool = setting(
        True,
        help="Whether a SentencePiece model with pieces for bytes writes unknown text "
        "with them.",
    )
    workers: int = setting(
        1, help="Processes that tokenise where there are many texts; the same ids."
    )

    def tokenizer_problems(self) -> Iterator[str]:
        """A sentence for each setting that is missing or does not fit the others."""
        yield from self.kind_problems()
        if not self.names_files():
            yield (
                "--vocab_file (WordPiece, MeCab, characters), --model_file "
                "(SentencePiece) or --tokenizer_dir (Hugging Face) is required."
            )
        elif self.tokenizer is TokenizerKind.SENTENCEPIECE and not self.model_file:
            yield "--tokenizer=sentencepiece needs --model_file."

    def names_files(self) -> bool:
        """Whether a file or a folder says the tokens."""
        return bool(self.vocab_file or self.model_file or self.tokenizer_dir)

    def kind_problems(self) -> Iterator[str]:
        """A sentence for each setting that does not fit the others."""
        kind = self.tokenizer
        if self.workers < 1:
            yield f"--workers must be at least 1; got {self.workers}."
        if self.tokenizer_dir:
            yield from self._beside_folder()
            return
        if kind is TokenizerKind.LIBRARY:
            yield "--tokenizer=library needs --tokenizer_dir, with a tokenizer.json."
            return
        if self.model_file and kind not in {
            TokenizerKind.AUTO,
            TokenizerKind.SENTENCEPIECE,
        }:
            yield f"--model_file is of no use to --tokenizer={kind.value}."
        if kind in _BY_MECAB and not self.mecab_dic:
            yield (
                f"--tokenizer={kind.value} needs --mecab_dic, the dictionary that the "
                "vocabulary was made with: ipadic for the first Tohoku BERTs, "
                "unidic_lite for the second and third. Another one gives other words."
            )
        if self.mecab_dic and kind not in _BY_MECAB:
            yield f"--mecab_dic is of no use to --tokenizer={kind.value}."

    def _beside_folder(self) -> Iterator[str]:
        given = {
            "vocab_file": self.vocab_file,
            "model_file": self.model_file,
            "do_lower_case": self.do_lower_case is not None,
            "keep_voicing_marks": self.keep_voicing_marks,
            "tokenizer": self.tokenizer not in _OF_FOLDERS,
            "byte_fallback": not self.byte_fallback,
        }
        for name, is_given in given.items():
            if is_given:
                yield f"--{name} is not for --tokenizer_dir, which says it itself."
        if self.mecab_dic and self.tokenizer is TokenizerKind.LIBRARY:
            yield "--mecab_dic is of no use to --tokenizer=library."
