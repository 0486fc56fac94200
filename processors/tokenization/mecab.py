"""MeCab words and their pieces, with the ids of the Japanese BERTs."""

from __future__ import annotations

import enum
from typing import ClassVar

from processors.tokenization.mecab_words import MecabCharacters, MecabWords
from processors.tokenization.spelling import (
    CharacterSpelling,
    Spelling,
    WordPieceSpelling,
)
from processors.tokenization.vocabulary import Vocabulary, read_word_piece
from processors.tokenization.word_tokenizer import WordTokenizer


class Subwords(enum.Enum):
    """How a MeCab word is written with the vocabulary."""

    WORDPIECE = "wordpiece"
    CHARACTER = "character"


class MecabTokenizer(WordTokenizer):
    """NFKC, MeCab, then WordPiece or characters; white space vanishes.

    A special token written in a text is that token. NUL ends a word; the reference
    drops everything after it.

    Args:
        vocab_file: A token a line.
        dictionary: The MeCab dictionary that the vocabulary was made with; see
            `MecabWords`. With another one the ids are valid and wrong.
        subwords: How a word is written.
        do_lower_case: Lower the case of words; accents and voicing marks stay.
        normalize: Whether NFKC comes first.

    Raises:
        DataError: The file is no vocabulary, or `[UNK]`, `[CLS]` or `[SEP]` is not
            in it.
        SettingsError: The dictionary is not there.

    Source: transformers, tokenization_bert_japanese.py, BertJapaneseTokenizer.
    """

    kind: ClassVar[str] = "mecab"

    def __init__(
        self,
        vocab_file: str,
        *,
        dictionary: str = "unidic_lite",
        subwords: Subwords = Subwords.WORDPIECE,
        do_lower_case: bool = False,
        normalize: bool = True,
    ) -> None:
        vocabulary = read_word_piece(vocab_file, strip=False)
        by_character = subwords is Subwords.CHARACTER
        words = MecabCharacters if by_character else MecabWords
        super().__init__(
            vocabulary,
            words=words(
                dictionary=dictionary, normalize=normalize, do_lower_case=do_lower_case
            ),
            spelling=_spelling(subwords, vocabulary=vocabulary),
            keep_special_tokens=True,
        )


def _spelling(subwords: Subwords, *, vocabulary: Vocabulary) -> Spelling:
    if subwords is Subwords.CHARACTER:
        return CharacterSpelling(vocabulary.ids)
    return WordPieceSpelling(vocabulary.ids, longest_word=100)
