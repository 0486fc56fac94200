"""Text files to sentences of tokens, a few thousand lines at a time.

Source: google-research/bert, create_pretraining_data.py, create_training_instances.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from processors.pretraining.corpus import Sentence, Sentences
from processors.readers.lines import TextFile
from runtime import storage
from runtime.errors import DataError, SettingsError

Encode = Callable[[Sequence[str]], Sequence[Sentence]]
"""Tokens of many texts; see `processors.pretraining.words.encoder`."""

EncodedLines = Callable[[Iterator[list[str]]], Iterator[Sentences]]
"""What `Text.encode_lines` gives for each list of lines, in their order."""

_LINES_A_CALL = 1024
_CHARACTERS_A_CALL = 1 << 20  # so that long lines are not held by the thousand
_BOUNDARY = re.compile(r"(?<=[。！？])(?![。！？」』）)〕］】”’])")


class Text:
    """Text files: a sentence a line, a blank line between documents.

    A file begins a new document.

    Args:
        paths: The files.
        encode: Texts to tokens.
        vocab_size: Ids are below.
        encoding: Of the files.
        split_sentences: Whether lines are cut into sentences.

    Attributes:
        bytes_read: How far the files were read, unpacked.
    """

    def __init__(
        self,
        paths: Sequence[str],
        *,
        encode: Encode,
        vocab_size: int,
        encoding: str = "utf-8",
        split_sentences: bool = False,
    ) -> None:
        self._paths = paths
        self._encode = encode
        self._vocab_size = vocab_size
        self._encoding = encoding
        self._split_sentences = split_sentences
        self.bytes_read = 0

    def sentences(
        self, *, skip: int = 0, encoded: EncodedLines | None = None
    ) -> Iterator[Sentences]:
        """Yields the text in parts, each of some lines.

        Args:
            skip: Lines to leave out that have been read before.
            encoded: Does `encode_lines` for all parts elsewhere; None for here.

        Raises:
            DataError: A file is in another encoding.
        """
        lines = itertools.islice(self._lines(), skip, None)
        chunks = _chunks(lines)
        yield from encoded(chunks) if encoded else map(self.encode_lines, chunks)

    def _lines(self) -> Iterator[str]:
        """Yields the lines, stripped, and a blank one after each file."""
        for path in self._paths:
            before = self.bytes_read
            for offset, line in _file_lines(path, encoding=self._encoding):
                self.bytes_read = before + offset
                yield line
            yield ""

    def encode_lines(self, lines: list[str]) -> Sentences:
        """The sentences of some lines; a blank one ends a document."""
        texts: list[str] = []
        ends = []
        for line in lines:
            if not line:
                ends.append(len(texts))
            else:
                texts += split_line(line) if self._split_sentences else [line]
        return Sentences.of(
            self._encode(texts) if texts else [],
            ends=ends,
            lines=len(lines),
            vocab_size=self._vocab_size,
        )


def find_files(patterns: Sequence[str]) -> list[str]:
    """Finds text files.

    Args:
        patterns: Files, or patterns with `*`, `?` or `[]`.

    Raises:
        SettingsError: No file matches.
    """
    found = []
    for pattern in patterns:
        paths = [pattern] if storage.exists(pattern) else storage.glob(pattern)
        if not paths:
            raise SettingsError(f"--input_file: no file matches {pattern}.")
        found += paths
    return found


def split_line(line: str) -> list[str]:
    """Cuts a line after each of 。！？ unless another or a closing bracket follows."""
    return [part.strip() for part in _BOUNDARY.split(line) if part.strip()]


def _chunks(lines: Iterator[str]) -> Iterator[list[str]]:
    chunk: list[str] = []
    characters = 0
    for line in lines:
        chunk.append(line)
        characters += len(line)
        if len(chunk) == _LINES_A_CALL or characters >= _CHARACTERS_A_CALL:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def _file_lines(path: str, *, encoding: str) -> Iterator[tuple[int, str]]:
    """Yields the bytes before the end of each line, about, and the line.

    Only a line feed ends a line, as in the original; a carriage return goes with the
    white space.

    Raises:
        DataError: The file is in another encoding.
    """
    file = TextFile(path, encoding=encoding)
    parts: list[str] = []
    offset = 0
    try:
        for piece in file.pieces():
            if not piece.is_sound:
                raise file.undecodable(piece)
            parts.append(piece.text)
            offset = piece.offset + len(piece.text)
            if piece.text.endswith("\n"):
                yield offset, "".join(parts).strip()
                parts = []
    except DataError as error:
        message = error.message.replace("--encoding", "--text_encoding")
        raise DataError(
            message, path=error.path, line=error.line, offset=error.offset
        ) from error
    yield offset, "".join(parts).strip()
