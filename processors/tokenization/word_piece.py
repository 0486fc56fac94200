"""WordPiece, with the ids of google-research/bert's FullTokenizer."""

from __future__ import annotations

from typing import ClassVar

from processors.tokenization.basic_words import BasicWords, Case, Dialect
from processors.tokenization.spelling import WordPieceSpelling
from processors.tokenization.vocabulary import Vocabulary, read_word_piece
from processors.tokenization.word_tokenizer import WordTokenizer


class WordPieceTokenizer(WordTokenizer):
    """Greedy longest match of every word in a vocabulary, from the left.

    Any text can be encoded. What cannot be spelled with the vocabulary becomes
    `[UNK]`: a rare character, half of a surrogate pair, a word of over 200 characters.

    Args:
        vocabulary: Path of a file with a token a line, or what was read already.
        do_lower_case: Lower the case and strip accents, as the vocabulary wants it.
        strip_accents: Strip accents; by default where the case is lowered.
        keep_voicing_marks: Spare the marks of Japanese when accents are stripped, so
            that が does not become か. Models pretrained with the original program
            and `do_lower_case` want them stripped.
        ideographs_alone: Make each ideograph a word of its own.
        dialect: Whose rules; those of Hugging Face also keep special tokens that are
            written in a text, and give up words of over 100 characters.

    Raises:
        DataError: The file is no vocabulary, or `[UNK]`, `[CLS]` or `[SEP]` is not
            in it.

    Source: google-research/bert, tokenization.py, FullTokenizer.
    """

    kind: ClassVar[str] = "wordpiece"

    def __init__(
        self,
        vocabulary: str | Vocabulary,
        *,
        do_lower_case: bool = True,
        strip_accents: bool | None = None,
        keep_voicing_marks: bool = False,
        ideographs_alone: bool = True,
        dialect: Dialect = Dialect.ORIGINAL,
    ) -> None:
        is_original = dialect is Dialect.ORIGINAL
        if isinstance(vocabulary, str):
            vocabulary = read_word_piece(vocabulary, strip=is_original)
        strip = do_lower_case if strip_accents is None else strip_accents
        super().__init__(
            vocabulary,
            words=BasicWords(
                case=_case(do_lower_case, strip=strip, voiced=keep_voicing_marks),
                dialect=dialect,
                ideographs_alone=ideographs_alone,
            ),
            spelling=WordPieceSpelling(
                vocabulary.ids, longest_word=200 if is_original else 100
            ),
            keep_special_tokens=not is_original,
        )


def _case(lower: bool, *, strip: bool, voiced: bool) -> Case:
    if not lower:
        return Case.UNACCENTED if strip else Case.KEPT
    if not strip:
        return Case.LOWERED_ACCENTED
    return Case.LOWERED_VOICED if voiced else Case.LOWERED
