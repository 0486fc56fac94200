"""The items of a JSON array or object, found before they are understood.

An item ends where its brackets are balanced, so that one that is not JSON takes none
of the others with it, and only one is in memory at a time.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from processors.readers import encodings
from processors.readers.lines import Piece, TextFile
from processors.readers.row import ROW_LIMIT, BadRow
from runtime.errors import DataError

_STRUCTURE = re.compile(r'["\[\]{},]')
_REST_OF_STRING = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_SPACE = " \t\r\n"
_CLOSING = {"[": "]", "{": "}"}


class Item(NamedTuple):
    """What stands between two commas of a JSON array or object.

    Attributes:
        number: 1-based place among the items.
        line: 1-based line on which it starts.
        text: The item, in an object with its key.
        has_key: Whether it is an item of an object.
        bad: The item as a row that cannot be read; None where it may be JSON.
    """

    number: int
    line: int
    text: str
    has_key: bool
    bad: BadRow | None


def read_items(file: TextFile) -> Iterator[Item]:
    """Streams the items of a file that is one JSON array or object.

    Args:
        file: The file.

    Yields:
        Each item. What else is wrong with the file, such as that it ends too early, is
        a bad item.

    Raises:
        DataError: the file is no array or object, or damaged.
        StorageError: the file cannot be read.
    """
    splitter = _Splitter(file)
    for piece in file.pieces():
        yield from splitter.feed(piece)
    yield from splitter.finish()


class _Splitter:
    """How far a document was read."""

    def __init__(self, file: TextFile) -> None:
        self._file = file
        self._opening = ""  # the document's bracket, once it was met
        self._depth = 1
        self._in_string = False
        self._escaped = 0  # 1 when a piece ended with the backslash of a string
        self._count = 0
        self._last_line = 1
        self._forget()

    def _forget(self) -> None:
        """Starts a new item."""
        self._parts: list[str] = []
        self._length = 0
        self._line = 0
        self._problem: DataError | None = None

    def feed(self, piece: Piece) -> Iterator[Item]:
        """Reads on; yields the items that end in this piece."""
        self._last_line = piece.number
        start, position = 0, self._escaped
        if not self._opening:
            start = position = self._open(piece)
        while self._depth and position < len(piece.text):
            if self._in_string:
                position = self._through_string(piece.text, position)
                continue
            found = _STRUCTURE.search(piece.text, position)
            if found is None:
                break
            position = found.end()
            if self._ends_item(found.group()):
                self._keep(piece, start, found.start())
                yield from self._item(found.group())
                start = position
        self._keep(piece, start, len(piece.text))

    def finish(self) -> Iterator[Item]:
        """Yields what had not ended when the file did.

        Raises:
            DataError: the file is no array or object.
        """
        if not self._opening:
            raise self._no_document(1)
        if self._depth:
            self._spoil(f"the file ends before its {_CLOSING[self._opening]!r}")
            yield self._made()
        elif self._line:
            self._spoil("text after the end of the array or object")
            yield self._made()

    def _open(self, piece: Piece) -> int:
        """Returns the place after the bracket that opens the document.

        Raises:
            DataError: the file starts with something else.
        """
        text = piece.text.lstrip(_SPACE)
        if not text:
            return len(piece.text)
        if text[0] not in _CLOSING:
            raise self._no_document(piece.number)
        self._opening = text[0]
        return len(piece.text) - len(text) + 1

    def _no_document(self, line: int) -> DataError:
        return DataError(
            "expected a JSON array or object, or one object a line; a table has"
            " --task_name=tsv or csv",
            path=self._file.path,
            line=line,
        )

    def _through_string(self, text: str, start: int) -> int:
        """Returns the place after a string that was opened before `start`."""
        end = _REST_OF_STRING.match(text, start).end()  # type: ignore[union-attr]
        self._escaped = int(text.endswith("\\") and end == len(text) - 1)
        self._in_string = self._escaped > 0 or end == len(text)
        return end + 1

    def _ends_item(self, character: str) -> bool:
        if character == '"':
            self._in_string = True
        elif character in _CLOSING:
            self._depth += 1
        elif character != ",":
            self._depth -= 1
            return self._depth == 0
        return character == "," and self._depth == 1

    def _keep(self, piece: Piece, start: int, end: int) -> None:
        """Adds a part of a piece to the item."""
        part = piece.text[start:end]
        if not self._line and part.strip(_SPACE):
            self._line = piece.number
        self._length += len(part)
        if self._length > ROW_LIMIT:
            self._spoil(f"more than {ROW_LIMIT} characters; is a quote not closed?")
            return
        self._parts.append(part)
        if self._problem is None and not piece.is_sound:
            self._refuse_wrong_bytes(piece, start, end)

    def _refuse_wrong_bytes(self, piece: Piece, start: int, end: int) -> None:
        text = piece.text[:end]
        if encodings.find_escaped(text[start:]) >= 0:
            cut = Piece(piece.number, text, piece.offset, is_sound=False)
            self._problem = self._file.undecodable(cut, start=start)

    def _item(self, ending: str) -> Iterator[Item]:
        expected = _CLOSING[self._opening]
        if ending not in {",", expected}:
            self._spoil(f"expected {expected!r}, found {ending!r}")
        is_empty = ending != "," and not self._count
        if self._line or self._problem is not None or not is_empty:
            yield self._made()
        self._forget()

    def _spoil(self, message: str) -> None:
        """Makes it a bad item, unless it is one already."""
        self._problem = self._problem or DataError(
            f"item {self._count + 1}: {message}",
            path=self._file.path,
            line=self._line or self._last_line,
        )

    def _made(self) -> Item:
        self._count += 1
        text = "".join(self._parts).strip(_SPACE)
        problem = self._problem
        bad = None if problem is None else self._file.bad_row(text, problem)
        return Item(
            self._count, self._line or self._last_line, text, self._opening == "{", bad
        )
