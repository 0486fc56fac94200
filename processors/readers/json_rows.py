"""JSON: an array or object of records, and JSON Lines with one record a line.

Which of the two a file is shows in its first lines, whatever its name.

What could be read in two ways is refused: a key that appears twice, NaN, half of a
surrogate pair, a NUL character.

Source: RFC 8259.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import math
import re
from collections.abc import Iterator, Sequence

from processors.readers import json_layouts
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

    A file that is an array of objects is read as such.

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
    file = TextFile(path, encoding=encoding)
    line, following = json_layouts.first_lines(file)
    if json_layouts.is_document(line, _whole_value(line, path=path), following):
        return _document(path, encoding=encoding)
    return _lines(file)


def _lines(file: TextFile) -> Iterator[Row | BadRow]:
    for line in file.lines():
        if line.bad is not None:
            yield line.bad
        elif line.text.strip(" \t\r"):
            place = Row(file.path, line.number, (), (), source=line.text)
            yield _as_row(_decoded(line.text, place=place))


def read_json(path: str, *, encoding: str = "utf-8") -> Iterator[Row | BadRow]:
    """Streams a JSON array of objects, or an object whose values are the objects.

    So are read an object around one list of objects, which is held in memory, and a
    file of one object a line.

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
    file = TextFile(path, encoding=encoding)
    line, following = json_layouts.first_lines(file)
    if json_layouts.is_lines(_whole_value(line, path=path), following):
        return _lines(file)
    return _document(path, encoding=encoding)


def _document(path: str, *, encoding: str) -> Iterator[Row | BadRow]:
    values = read_values(path, encoding=encoding)
    head: list[Value | BadRow] = []
    for value in itertools.islice(values, json_layouts.MOST_MEMBERS + 1):
        head.append(value)
        if isinstance(value, BadRow) or value.place.key is None:
            break
    else:
        head = list(_unwrapped(head, path=path))
    yield from map(_as_row, itertools.chain(head, values))


def _unwrapped(
    members: Sequence[Value | BadRow], *, path: str
) -> Iterator[Value | BadRow]:
    """Yields the items of the list that an object's members hold, or the members.

    Raises:
        DataError: It cannot be told where the rows are.
    """
    known = {str(m.place.key): m for m in members if isinstance(m, Value)}
    key = None
    if len(members) <= json_layouts.MOST_MEMBERS:
        values = {name: member.value for name, member in known.items()}
        key = json_layouts.find_rows(values, path=path)
    if key is None:
        yield from members
        return
    rows = known[key].value
    for number, row in enumerate(rows if isinstance(rows, list) else [], 1):
        source = json.dumps(row, ensure_ascii=False)
        place = Row(path, known[key].place.line, (), (), number, source=source)
        yield Value(place, row)


def _whole_value(line: str, *, path: str) -> object:
    """Returns what a line holds; None where it is no JSON value."""
    decoded = _decoded(line, place=Row(path, 1, (), ()))
    return decoded.value if isinstance(decoded, Value) else None


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
    if place.item is None and error.pos == 0:
        message += "; expected one object a line; a table has --task_name=tsv or csv"
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
    example = '{"text": "...", "label": "..."}'
    error = place.error(
        f"expected an object of fields such as {example}, got {fields!r:.60}"
    )
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
