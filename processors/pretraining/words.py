"""Which tokens are of one word, so that they can be masked together."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from processors.pretraining.corpus import Sentence
from processors.pretraining.documents import Encode
from processors.tokenization.base import EncodedText, Tokenizer
from processors.tokenization.mecab_words import MecabWords
from processors.tokenization.words import Words

_CONTINUED = "##"
_SENTENCE_PIECE = "sentencepiece"


def encoder(tokenizer: Tokenizer, *, whole_words: bool, dictionary: str) -> Encode:
    """Texts to tokens that tell their words; see `processors.pretraining.corpus`.

    A vocabulary with `##` pieces tells its own words, those of google-research/bert or
    of MeCab. Characters and SentencePiece tell no Japanese words: they are MeCab's.

    Args:
        tokenizer: Texts to ids.
        whole_words: Whether words are told at all.
        dictionary: MeCab dictionary for tokens that tell no words.

    Raises:
        SettingsError: There is no such dictionary.
    """
    if not whole_words:
        return lambda texts: [array("i", ids) for ids in tokenizer.encode_batch(texts)]
    continuing = _continuing_ids(tokenizer)
    if continuing and tokenizer.kind != _SENTENCE_PIECE:
        return lambda texts: [
            array("i", [~i if i in continuing else i for i in ids])
            for ids in tokenizer.encode_batch(texts)
        ]
    words = MecabWords(dictionary=dictionary)
    return lambda texts: [
        _by_places(tokenizer.encode_with_offsets(text), words=words, text=text)
        for text in texts
    ]


def _continuing_ids(tokenizer: Tokenizer) -> frozenset[int]:
    return frozenset(
        index
        for token, index in tokenizer.vocabulary.ids.items()
        if token.startswith(_CONTINUED) and token != _CONTINUED
    )


def _by_places(encoded: EncodedText, *, words: Words, text: str) -> Sentence:
    """A token continues the one before where both stand for characters of one word."""
    owners = _owners(words, text)
    tokens = array("i")
    last = -1  # the word that the token before ends in; none is -1
    for index, (start, end) in zip(encoded.ids, encoded.spans, strict=True):
        first = owners[start] if end > start else -1
        tokens.append(~index if first >= 0 and first == last else index)
        last = owners[end - 1] if end > start else -1
    return tokens


def _owners(words: Words, text: str) -> Sequence[int]:
    """The number of the word that each character is of; -1 for none."""
    owners = [-1] * len(text)
    for number, word in enumerate(words.align(text)):
        start, end = word.span(0, len(word.text))
        owners[start:end] = [number] * (end - start)
    return owners
