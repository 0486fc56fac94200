"""JSON: an array or object of records, and JSON Lines with one record a line.

What could be read in two ways is refused: a key that appears twice, NaN, half of a
surrogate pair, a NUL character.

Source: RFC 8259.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Iterator

from processors.readers.json_items import Item, read_items
from processors.readers.lines import TextFile
from processors.readers.row import BadRow, Row, unsound
from runtime.errors import DataError

_SPACE = re.compile(r"[ \t\r\n]*")


@dataclasses.dataclass(frozen=True, slots=True)
class Value:
    """An item of a JSON document, whatever it is.

    Attributes:
        place: The item's place and source, without fields.
        value: The item, decoded.
    """

    place: Row
    value: object


def read_jsonl(path: str, *, encoding: str = "utf-8") -> Iterator[Row | BadRow]:
    """Streams a file of one JSON object a line; empty lines are skipped.

    Args:
        path: The file.
        encoding: What it is written in.

    Yields:
        One row for each object. A line that is no JSON object, repeats a key, or holds
        NaN, half of a surrogate pair or a NUL is a BadRow.

    Raises:
        DataError: the file is damaged.
        StorageError: the file cannot be read.
    """
    for line in TextFile(path, encoding=encoding).lines():
        if line.bad is not None:
            yield line.bad
        elif line.text.strip(" \t\r"):
            place = Row(path, line.number, (), (), source=line.text)
            yield _as_row(_decoded(line.text, place=place))


def read_json(path: str, *, encoding: str = "utf-8") -> Iterator[Row | BadRow]:
    """Streams a JSON array of objects, or an object whose values are the objects.

    Args:
        path: The file.
        encoding: What it is written in.

    Yields:
        One row for each object; `key` holds its key where it had one. An item that is
        no object, repeats a key, or holds NaN, half of a surrogate pair or a NUL is a
        BadRow.

    Raises:
        DataError: the file is no array or object, or damaged.
        StorageError: the file cannot be read.
    """
    for value in read_values(path, encoding=encoding):
        yield _as_row(value)


def read_values(path: str, *, encoding: str = "utf-8") -> Iterator[Value | BadRow]:
    """Streams the items of a JSON array or object, whatever they are.

    Memory grows with the keys of an object, which must differ, and with nothing else.

    Args, yields and errors are those of `read_json`.
    """
    keys: set[str] = set()
    for item in read_items(TextFile(path, encoding=encoding)):
        value = _value(item, path=path)
        if isinstance(value, Value) and value.place.key is not None:
            if value.place.key in keys:
                error = value.place.error(f"the key {value.place.key!r} appears twice")
                yield BadRow(path, error, item.text)
                continue
            keys.add(value.place.key)
        yield value


def _value(item: Item, *, path: str) -> Value | BadRow:
    if item.bad is not None:
        return item.bad
    place = Row(path, item.line, (), (), item.number, source=item.text)
    if not item.has_key:
        return _decoded(item.text, place=place)
    try:
        key, start = _decode_key(item.text)
    except json.JSONDecodeError as error:
        return _not_json(error, place=place)
    place = Row(path, item.line, (), (), item.number, key, source=item.text)
    return _decoded(item.text, place=place, start=start)


def _decoded(text: str, *, place: Row, start: int = 0) -> Value | BadRow:
    try:
        value, end = _decode_value(text, _skip_space(text, start))
        if _skip_space(text, end) < len(text):
            raise json.JSONDecodeError("text after the value", text, end)
    except json.JSONDecodeError as error:
        return _not_json(error, place=place)
    return Value(place, value)


def _not_json(error: json.JSONDecodeError, *, place: Row) -> BadRow:
    """Returns the row that was to be decoded as a bad one; counts within its lines."""
    line = place.line + error.lineno - 1
    item = "" if place.item is None else f"item {place.item}: "
    message = f"{item}{error.msg} (column {error.colno})"
    return BadRow(
        place.path, DataError(message, path=place.path, line=line), place.source
    )


def _as_row(value: Value | BadRow) -> Row | BadRow:
    if isinstance(value, BadRow):
        return value
    place, fields = value.place, value.value
    if isinstance(fields, dict):
        names, values = tuple(fields), tuple(fields.values())
        return dataclasses.replace(place, names=names, fields=values)
    hint = "" if place.key is None else "; one object a line is JSON Lines"
    error = place.error(f"expected an object of fields, got {fields!r:.60}{hint}")
    return BadRow(place.path, error, place.source)


def _decode_key(text: str) -> tuple[str, int]:
    """Returns the key of an item, and where its value starts.

    Raises:
        JSONDecodeError: there is no key.
    """
    key, end = _decode_value(text, 0)
    if not isinstance(key, str):
        raise json.JSONDecodeError("expected a key in quotes", text, 0)
    end = _skip_space(text, end)
    if not text.startswith(":", end):
        raise json.JSONDecodeError("expected ':'", text, end)
    return key, end + 1


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
    elif isinstance(value, str) and (problem := unsound(value)):
        raise ValueError(problem)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_keys)


def _skip_space(text: str, position: int) -> int:
    space = _SPACE.match(text, position)
    return position if space is None else space.end()
