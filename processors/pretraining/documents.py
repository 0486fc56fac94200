"""A corpus as documents of sentences of tokens.

A sentence is an `array('i')` of token ids. Where whole words are masked, a token that
continues the word of the one before is written as the bitwise complement of its id.

Source: google-research/bert, create_pretraining_data.py, create_training_instances.
"""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeAlias

from runtime import storage
from runtime.errors import DataError, SettingsError

Sentence: TypeAlias = "array[int]"  # subscripted, it is no value before Python 3.12
"""Token ids; see above."""
Document = Sequence[Sentence]
Encode = Callable[[Sequence[str]], Sequence[Sentence]]
"""Tokens of many texts; see `processors.pretraining.words.encoder`."""

_LINES_A_CALL = 1024
_BOUNDARY = re.compile(r"(?<=[。！？])(?![。！？」』）)〕］】”’])")


def read_documents(
    paths: Sequence[str],
    *,
    encode: Encode,
    encoding: str = "utf-8",
    split_sentences: bool = False,
) -> list[Document]:
    """Reads text files: a sentence a line, a blank line between documents.

    A file begins a new document. Documents without a token are left out.

    Args:
        paths: Files, or patterns with `*`, `?` or `[]`.
        encode: Texts to tokens.
        encoding: Of the files.
        split_sentences: Whether lines are cut into sentences.

    Raises:
        DataError: A file is in another encoding, or there is no document.
        SettingsError: No file matches.
    """
    documents: list[Document] = []
    for path in _files(paths):
        lines = _lines(path, encoding=encoding)
        sentences = _split(lines) if split_sentences else lines
        groups = itertools.groupby(sentences, key=bool)
        documents += [
            list(_encoded(group, encode)) for is_text, group in groups if is_text
        ]
    documents = [document for document in documents if document]
    if not documents:
        raise DataError(f"There is no text in {', '.join(paths)}.")
    return documents


def split_line(line: str) -> list[str]:
    """Cuts a line after each of 。！？ unless another or a closing bracket follows."""
    return [part.strip() for part in _BOUNDARY.split(line) if part.strip()]


def _split(lines: Iterable[str]) -> Iterator[str]:
    """The sentences of each line; an empty line stays."""
    for line in lines:
        yield from split_line(line) or [line]


def _files(patterns: Sequence[str]) -> list[str]:
    found = []
    for pattern in patterns:
        paths = [pattern] if storage.exists(pattern) else storage.glob(pattern)
        if not paths:
            raise SettingsError(f"--input_file: no file matches {pattern}.")
        found += paths
    return found


def _lines(path: str, *, encoding: str) -> Iterator[str]:
    try:
        text = storage.read_text(path, encoding=encoding)
    except LookupError as error:
        raise SettingsError(f"--text_encoding: {error}.") from error
    # Only \n ends a line, as in the original; \r goes with the white space.
    return map(str.strip, text.removeprefix("\ufeff").split("\n"))


def _encoded(sentences: Iterable[str], encode: Encode) -> Iterator[Sentence]:
    stream = iter(sentences)
    while chunk := list(itertools.islice(stream, _LINES_A_CALL)):
        yield from filter(len, encode(chunk))
