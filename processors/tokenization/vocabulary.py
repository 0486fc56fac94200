"""A vocabulary: which id a token has, read from the two kinds of vocabulary file."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

from runtime import storage
from runtime.errors import DataError


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """Tokens and their ids.

    Attributes:
        path: The file it was read from.
        size: Number of ids, which the rows of an embedding table must match.
        ids: Token to id. Of a token that is listed twice the last id counts.
        tokens: Id to token; an id that a later line took over has none.
        sha256: Of the file's bytes, in hexadecimal.
    """

    path: str
    size: int
    ids: Mapping[str, int]
    tokens: Mapping[int, str]
    sha256: str

    @classmethod
    def of(cls, listed: Sequence[str], *, path: str, data: bytes) -> Vocabulary:
        """Returns the vocabulary in which every token's id is its place in `listed`.

        Args:
            listed: The tokens in the order of their ids.
            path: The file they come from.
            data: That file's bytes.
        """
        ids = {token: index for index, token in enumerate(listed)}
        return cls.with_ids(ids, path=path, data=data, size=len(listed))

    @classmethod
    def with_ids(
        cls, ids: Mapping[str, int], *, path: str, data: bytes, size: int | None = None
    ) -> Vocabulary:
        """Returns the vocabulary of tokens that know their ids.

        Args:
            ids: Token to id.
            path: The file they come from.
            data: That file's bytes.
            size: Number of ids; by default up to the highest.
        """
        tokens = {index: token for token, index in ids.items()}
        digest = hashlib.sha256(data).hexdigest()
        size = max(tokens, default=-1) + 1 if size is None else size
        return cls(path, size=size, ids=ids, tokens=tokens, sha256=digest)


def read_word_piece(path: str, *, strip: bool = True) -> Vocabulary:
    """Reads a `vocab.txt`: a token a line, its id the line's number from 0.

    An empty line takes an id like any other (such a line stands in the vocabulary of
    the third Tohoku BERT).

    Args:
        path: The file.
        strip: Whether white space around a token does not count, as in the original;
            the programs of Hugging Face keep it.

    Raises:
        DataError: The file is not UTF-8 text or has no line.

    Source: google-research/bert, tokenization.py, load_vocab.
    """
    data = storage.read_bytes(path)
    lines = _lines(data, path=path)
    listed = [line.strip() if strip else line.removesuffix("\r") for line in lines]
    return Vocabulary.of(listed, path=path, data=data)


def read_sentence_piece(path: str) -> Vocabulary:
    """Reads a SentencePiece `.vocab`: `piece<TAB>score`, the id the line's number.

    Raises:
        DataError: A line does not have two columns, or the file is not UTF-8 text or
            has no line.

    Source: yoheikikuta/bert-japanese, src/tokenization_sentencepiece.py, load_vocab.
    """
    data = storage.read_bytes(path)
    listed = []
    for number, line in enumerate(_lines(data, path=path), start=1):
        columns = line.split("\t")
        if len(columns) != 2:
            raise DataError(
                f"expected a piece, a tab and its score, found {_excerpt(line)}; give "
                "the .vocab file that SentencePiece wrote beside the .model file",
                path=path,
                line=number,
            )
        listed.append(columns[0].strip())
    return Vocabulary.of(listed, path=path, data=data)


def _lines(data: bytes, *, path: str) -> list[str]:
    # Only \n ends a line: U+2028, U+0085 and their like may be part of a token.
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"expected a vocabulary in UTF-8, found the byte 0x{data[error.start]:02x}",
            path=path,
            line=line,
        ) from error
    if not text:
        raise DataError("expected a vocabulary, found an empty file", path=path)
    return text.removesuffix("\n").split("\n")


def _excerpt(line: str) -> str:
    return repr(line if len(line) <= 40 else f"{line[:40]}...")
