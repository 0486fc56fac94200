"""Characters, without words."""

from __future__ import annotations

from typing import ClassVar

from processors.tokenization.alignment import (
    Aligned,
    Lowered,
    Normalized,
    Step,
    align,
    change,
)
from processors.tokenization.spelling import CharacterSpelling
from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.word_tokenizer import WordTokenizer
from processors.tokenization.words import Lone, Words


class CharacterTokenizer(WordTokenizer):
    """NFKC, then every character is a token, white space too.

    A special token written in a text is that token.

    Args:
        vocab_file: A token a line.
        do_lower_case: Lower the case first; accents and voicing marks stay.

    Raises:
        DataError: The file is no vocabulary, or `[UNK]`, `[CLS]` or `[SEP]` is not
            in it.

    Source: transformers, tokenization_bert_japanese.py, CharacterTokenizer.
    """

    kind: ClassVar[str] = "char"

    def __init__(self, vocab_file: str, *, do_lower_case: bool = False) -> None:
        vocabulary = read_word_piece(vocab_file, strip=False)
        super().__init__(
            vocabulary,
            words=Characters(do_lower_case=do_lower_case),
            spelling=CharacterSpelling(vocabulary.ids),
            keep_special_tokens=True,
        )


class Characters(Words):
    """Each character of a text as a word.

    Args:
        do_lower_case: Whether the text is put into lower case first.
    """

    def __init__(self, *, do_lower_case: bool) -> None:
        self._do_lower_case = do_lower_case
        lowered: tuple[Step, ...] = (Lowered(),) if do_lower_case else ()
        self._steps: tuple[Step, ...] = (*lowered, Normalized("NFKC"))

    def find(self, text: str) -> list[str]:
        """Returns the characters of the normalised text."""
        return list(change(text, steps=self._steps))

    def shape(self, word: str) -> list[str]:
        """Returns the character."""
        return [word]

    def spaced(self, text: str) -> str:
        """Returns the normalised text."""
        return change(text, steps=self._steps)

    def lone(self, character: str) -> Lone:
        """Returns the character, white space too."""
        return Lone(character, is_word=True)

    def align(self, text: str) -> list[Aligned]:
        """Returns the characters with their places in `text`."""
        aligned = align(Aligned.of(text), steps=self._steps)
        return [aligned.part(i, i + 1) for i in range(len(aligned.text))]

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which characters a text gets."""
        return {"nfkc": True, "do_lower_case": self._do_lower_case}
