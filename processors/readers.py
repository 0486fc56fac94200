r"""Files of rows: TSV, JSON and JSON Lines, each row with its file and line.

A line ends at `\n` or `\r\n` and nowhere else. U+2028, U+0085, a lone `\r` and the
other characters at which `str.splitlines` cuts are part of the text. Files are strict
UTF-8; a byte order mark at the start is removed. In TSV a `"` is a character like any
other, as in the programs these files were made for.

TSV and JSON Lines are streamed: memory does not grow with the file.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from runtime import storage
from runtime.errors import DataError

Column = int | str
"""A 0-based position, counted from the end when negative, or a name."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_JSON_SPACE = re.compile(r"[ \t\r\n]*")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a text file, without its end; `number` counts from 1."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a data file and the place it came from.

    Attributes:
        path: The file.
        line: 1-based line of the file at which the record starts.
        names: Column names or JSON keys; empty in a table without a header.
        fields: The values, in the order of `names`: text in TSV, any value in JSON.
        item: 1-based number of the record in a JSON array or object; None in a file
            of lines.
        key: The record's key in a JSON object of records.
    """

    path: str
    line: int
    names: tuple[str, ...]
    fields: tuple[object, ...]
    item: int | None = None
    key: str | None = None

    @property
    def index(self) -> int:
        """0-based place of the record in its file, counting a header as a record."""
        return (self.item or self.line) - 1

    def error(self, message: str) -> DataError:
        """Returns the error that says `message` of this row."""
        item = "" if self.item is None else f"item {self.item}: "
        return DataError(item + message, path=self.path, line=self.line)

    def has(self, column: Column) -> bool:
        """Returns whether the row has the column, be it empty."""
        if isinstance(column, str):
            return column in self.names
        return -len(self.fields) <= column < len(self.fields)

    def value(self, column: Column) -> object:
        """Returns the field as the file gave it.

        Raises:
            DataError: there is no such column, or the header has it twice.
        """
        if not self.has(column):
            raise self.error(f"no column {column!r}; there is {self._columns()}")
        if isinstance(column, int):
            return self.fields[column]
        if self.names.count(column) > 1:
            raise self.error(f"the header has more than one column {column!r}")
        return self.fields[self.names.index(column)]

    def text(self, column: Column) -> str:
        """Returns a field of text.

        Raises:
            DataError: the field is not text.
        """
        value = self.value(column)
        if not isinstance(value, str):
            raise self.error(f"{column!r}: expected text, got {value!r}")
        return value

    def name(self, column: Column) -> str:
        """Returns a field that names something: a label or an id, text or a number.

        Raises:
            DataError: the field is neither text nor a whole number.
        """
        value = self.value(column)
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if not isinstance(value, str):
            raise self.error(
                f"{column!r}: expected text or a whole number, got {value!r}"
            )
        return value

    def _columns(self) -> str:
        if self.names:
            return ", ".join(repr(name) for name in self.names)
        return f"0 to {len(self.fields) - 1}"


def read_lines(path: str) -> Iterator[Line]:
    r"""Streams the lines of a UTF-8 text file of any line length.

    Args:
        path: The file; a byte order mark at its start is dropped.

    Yields:
        Each line without its `\n` or `\r\n`.

    Raises:
        DataError: a line is not UTF-8 (names the byte offset) or holds a NUL.
        StorageError: the file cannot be read.
    """
    offset = 0
    with storage.open_read(path) as file:
        for number, raw in enumerate(file, 1):
            text = _decode_line(raw, path=path, number=number, offset=offset)
            offset += len(raw)
            yield Line(number, text)


def read_tsv(path: str, *, header: bool = True) -> Iterator[Row]:
    """Streams a table of tab-separated columns without quoting.

    Every row has as many columns as the first. Empty lines may end the file.

    Args:
        path: The file.
        header: Whether the first line names the columns.

    Yields:
        The rows after the header.

    Raises:
        DataError: a row has another number of columns, or a line stands empty
            between rows, or the file is not clean UTF-8.
    """
    names: tuple[str, ...] = ()
    width = 0
    empty_line = None
    for line in read_lines(path):
        if not line.text:
            empty_line = empty_line or line.number
            continue
        if empty_line:
            raise DataError("an empty line between rows", path=path, line=empty_line)
        fields = tuple(line.text.split("\t"))
        width = width or len(fields)
        if len(fields) != width:
            raise DataError(
                f"expected {width} columns as in the first row, got {len(fields)}",
                path=path,
                line=line.number,
            )
        if header and not names:
            names = fields
        else:
            yield Row(path, line.number, names, fields)


def read_jsonl(path: str) -> Iterator[Row]:
    """Streams a file of one JSON object a line; empty lines are skipped.

    Args:
        path: The file.

    Yields:
        One row for each object.

    Raises:
        DataError: a line is not a JSON object, repeats a key, or holds NaN, half of a
            surrogate pair or a NUL.
    """
    for line in read_lines(path):
        if not line.text.strip():
            continue
        try:
            value = _decode_document(line.text)
        except json.JSONDecodeError as error:
            raise DataError(
                f"{error.msg} (column {error.colno}); expected one JSON object a line",
                path=path,
                line=line.number,
            ) from error
        yield _object_row(value, Row(path, line.number, (), ()))


def read_json(path: str) -> Iterator[Row]:
    """Reads a JSON array of objects, or an object whose values are the objects.

    Args:
        path: The file.

    Yields:
        One row for each object; `key` holds its key where it had one.

    Raises:
        DataError: the file is neither, or an item is no object, repeats a key, or
            holds NaN, half of a surrogate pair or a NUL.
    """
    text = "\n".join(line.text for line in read_lines(path))
    item, line, counted = 0, 1, 0
    keys: set[str] = set()
    try:
        for start, key, value in _items(text):
            item += 1
            line, counted = line + text.count("\n", counted, start), start
            row = Row(path, line, (), (), item, key)
            if key is not None and key in keys:
                raise row.error(f"the key {key!r} appears twice")
            keys.update([] if key is None else [key])
            yield _object_row(value, row)
    except json.JSONDecodeError as error:
        raise DataError(
            f"item {item + 1}: {error.msg} (column {error.colno})",
            path=path,
            line=error.lineno,
        ) from error


def _decode_line(raw: bytes, *, path: str, number: int, offset: int) -> str:
    body = raw.removesuffix(b"\n")
    if len(body) < len(raw):
        body = body.removesuffix(b"\r")
    if number == 1 and body.startswith(_BYTE_ORDER_MARK):
        body = body.removeprefix(_BYTE_ORDER_MARK)
        offset += len(_BYTE_ORDER_MARK)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(
            f"expected UTF-8, found {body[error.start]:#04x} at byte"
            f" {offset + error.start} of the file; convert the file first, for"
            " example with `iconv -f CP932 -t UTF-8` if it is Shift_JIS",
            path=path,
            line=number,
            offset=offset + error.start,
        ) from error
    if "\0" in text:
        raise DataError(
            "a NUL character, a sign of UTF-16 or of a damaged file; expected UTF-8",
            path=path,
            line=number,
        )
    return text


# JSON --------------------------------------------------------------------------------


def _items(text: str) -> Iterator[tuple[int, str | None, object]]:
    """Yields start, key and value of each item of the outermost array or object.

    Raises:
        JSONDecodeError: anything but one array or object.
    """
    position = _skip_space(text, 0)
    opening = text[position : position + 1]
    if opening not in {"[", "{"}:
        raise json.JSONDecodeError("expected a JSON array or object", text, position)
    closing = "]" if opening == "[" else "}"
    position = _skip_space(text, position + 1)
    more = not text.startswith(closing, position)
    while more:
        start, key = position, None
        if opening == "{":
            key, position = _decode_key(text, position)
        value, position = _decode_value(text, position)
        yield start, key, value
        position = _skip_space(text, position)
        more = text.startswith(",", position)
        if more:
            position = _skip_space(text, position + 1)
    _expect(closing, text, position)
    position = _skip_space(text, position + 1)
    if position < len(text):
        raise json.JSONDecodeError(
            "text after the end of the JSON; one object a line is JSON Lines",
            text,
            position,
        )


def _decode_document(text: str) -> object:
    start = _skip_space(text, 0)
    value, position = _decode_value(text, start)
    if _skip_space(text, position) < len(text):
        raise json.JSONDecodeError("text after the object", text, position)
    return value


def _decode_key(text: str, position: int) -> tuple[str, int]:
    key, end = _decode_value(text, position)
    if not isinstance(key, str):
        raise json.JSONDecodeError("expected a key in quotes", text, position)
    end = _skip_space(text, end)
    _expect(":", text, end)
    return key, _skip_space(text, end + 1)


def _decode_value(text: str, position: int) -> tuple[object, int]:
    """Returns the value that starts at `position`, and where it ends.

    Raises:
        JSONDecodeError: not JSON, or JSON that would be read in two ways.
    """
    try:
        value, end = _DECODER.raw_decode(text, position)
        _refuse_unsound(value)
    except json.JSONDecodeError:
        raise
    except RecursionError as error:
        raise json.JSONDecodeError("nested too deep", text, position) from error
    except ValueError as error:
        raise json.JSONDecodeError(str(error), text, position) from error
    return value, end


def _unique_keys(pairs: list[tuple[str, object]]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key!r} appears twice")
        try:
            _refuse_unsound(key)
            _refuse_unsound(value)
        except ValueError as error:
            raise ValueError(f"{key!r}: {error}") from error
        values[key] = value
    return values


def _refuse_unsound(value: object) -> None:
    if isinstance(value, list):
        for element in value:
            _refuse_unsound(element)
    elif isinstance(value, float) and not math.isfinite(value):
        raise ValueError("NaN or Infinity, which JSON does not have")
    elif isinstance(value, str):
        if _SURROGATE.search(value):
            raise ValueError("half of a surrogate pair, which is no character")
        if "\0" in value:
            raise ValueError("a NUL character")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)


def _skip_space(text: str, position: int) -> int:
    space = _JSON_SPACE.match(text, position)
    return position if space is None else space.end()


def _expect(character: str, text: str, position: int) -> None:
    if not text.startswith(character, position):
        raise json.JSONDecodeError(f"expected {character!r}", text, position)


def _object_row(value: object, place: Row) -> Row:
    """Returns the row at `place` with the fields of a decoded object.

    Raises:
        DataError: the value is no object.
    """
    if not isinstance(value, dict):
        hint = "" if place.key is None else "; one object a line is JSON Lines"
        raise place.error(f"expected an object of fields, got {value!r:.60}{hint}")
    return Row(
        place.path,
        place.line,
        tuple(value),
        tuple(value.values()),
        place.item,
        place.key,
    )
