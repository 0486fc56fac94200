"""The tokenizer that the files on the command line ask for."""

from __future__ import annotations

from processors.tokenization.base import Tokenizer
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import SettingsError


def create(
    *,
    vocab_file: str | None,
    model_file: str | None,
    do_lower_case: bool,
    keep_voicing_marks: bool = False,
) -> Tokenizer:
    """Returns a SentencePiece tokenizer where there is a model file, else WordPiece.

    Args:
        vocab_file: Vocabulary of either family; SentencePiece can do without.
        model_file: SentencePiece model.
        do_lower_case: Lower the case of texts.
        keep_voicing_marks: Of WordPiece in lower case: が stays が. The other
            tokenizers never strip voicing marks.

    Raises:
        SettingsError: Neither file was given.
    """
    if model_file:
        return SentencePieceTokenizer(
            model_file, vocab_file=vocab_file, do_lower_case=do_lower_case
        )
    if vocab_file:
        return WordPieceTokenizer(
            vocab_file,
            do_lower_case=do_lower_case,
            keep_voicing_marks=keep_voicing_marks,
        )
    raise SettingsError(
        "expected a vocabulary: give --vocab_file (WordPiece) or --model_file "
        "(SentencePiece), found neither"
    )
