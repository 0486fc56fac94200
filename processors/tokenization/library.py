"""Any `tokenizer.json`, split by the library that wrote it.

BPE, Unigram and whatever else the package `tokenizers` knows, with normalisation, words
and added tokens as the file has them. What a BERT has is split here without it.

Source: https://huggingface.co/docs/tokenizers
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from processors.tokenization.alignment import clusters
from processors.tokenization.base import EncodedText, Tokenizer
from processors.tokenization.surrogates import refuse_surrogates, refuse_surrogates_in
from processors.tokenization.vocabulary import Vocabulary
from runtime import storage
from runtime.errors import DataError, SettingsError


class LibraryTokenizer(Tokenizer):
    """What `tokenizers` makes of a text; a special token written in it is that token.

    Args:
        path: A `tokenizer.json`. Its truncation, padding and post-processing are the
            business of who builds rows, and passed over.
        names: Role (pad, unk, cls, sep, mask) to token, where it is not BERT's.

    Raises:
        SettingsError: The package `tokenizers` is not installed.
        DataError: The file is no `tokenizer.json`, or lacks a special token.
    """

    kind: ClassVar[str] = "library"

    def __init__(self, path: str, *, names: Mapping[str, str] | None = None) -> None:
        data = storage.read_bytes(path)
        self._tokenizer = _load(data, path=path)
        ids = self._tokenizer.get_vocab(with_added_tokens=True)
        super().__init__(Vocabulary.with_ids(ids, path=path, data=data), names=names)

    def tokenize(self, text: str) -> list[str]:
        """Returns the tokens of `text`.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        return list(self._encoded(text).tokens)

    def encode(self, text: str) -> list[int]:
        """Returns the ids of the tokens of `text`, without `[CLS]` and `[SEP]`.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        return list(self._encoded(text).ids)

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Returns what `encode` gives for each text, on every core.

        Raises:
            DataError: Half of a surrogate pair is in a text.
        """
        refuse_surrogates_in(texts)
        rows = self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        return [list(row.ids) for row in rows]

    def encode_with_offsets(self, text: str) -> EncodedText:
        """Returns the tokens of `text` with their places in it.

        Raises:
            DataError: Half of a surrogate pair is in the text.
        """
        encoded = self._encoded(text)
        spans = list(encoded.offsets)
        if self._tokenizer.normalizer is not None:
            spans = _whole(spans, text=text)
        return EncodedText(list(encoded.tokens), ids=list(encoded.ids), spans=spans)

    def _join(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False))

    def fingerprint(self) -> dict[str, str | bool | int]:
        """Returns all that decides which ids a text gets: equal means equal ids."""
        normalizer = self._tokenizer.normalizer
        return {
            "kind": self.kind,
            "vocabulary_sha256": self.vocabulary.sha256,
            "do_lower_case": normalizer is not None
            and normalizer.normalize_str("A") == "a",
            **{f"{role}_id": index for role, index in self.special.known().items()},
        }

    def _encoded(self, text: str) -> Any:
        refuse_surrogates(text)
        return self._tokenizer.encode(text, add_special_tokens=False)


def _whole(spans: Sequence[tuple[int, int]], *, text: str) -> list[tuple[int, int]]:
    """Returns the spans with every character that a normal form joins to theirs.

    Of ｶﾞ, one character once it is normalised, the library tells the first alone, and
    of other such groups the last.
    """
    cluster = [each for each in clusters(text) for _ in range(*each)]
    return [
        (cluster[start][0], cluster[end - 1][1]) if end > start else (start, end)
        for start, end in spans
    ]


def _load(data: bytes, *, path: str) -> Any:
    try:
        import tokenizers
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"{path} needs the package tokenizers, which is not installed. Run "
            "`pip install --editable '.[tokenizers]'`."
        ) from error
    try:
        tokenizer = tokenizers.Tokenizer.from_buffer(data)
    except ValueError as error:
        raise DataError(
            f"expected a tokenizer.json that tokenizers {tokenizers.__version__} can "
            f"read: {error}",
            path=path,
        ) from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
