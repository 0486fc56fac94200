"""Pairs of texts from two JSON files: texts by id, and labelled pairs of ids."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

from processors.readers.json_rows import Value, read_values
from processors.readers.row import BadRow, Column, Row
from processors.readers.tables import read_tsv
from runtime.errors import DataError

NAMES = ("text_a", "text_b", "label")


def read_pairs(
    path: str, *, texts_path: str, columns: Sequence[str], encoding: str = "utf-8"
) -> Iterator[Row | BadRow]:
    """Streams pairs; the texts are held in memory.

    Args:
        path: JSON array, or object, of pairs: `[id, id, label]`, `[[id, id], label]`
            or objects.
        texts_path: JSON object of texts by id.
        columns: Keys of the two ids and the label in a pair that is an object.
        encoding: What both are written in.

    Yields:
        Rows with the columns NAMES. A pair of another form, or with the id of no text,
        is a BadRow.

    Raises:
        DataError: a file is not what is expected, or a text cannot be read.
        StorageError: a file cannot be read.
    """
    texts = read_texts(texts_path, encoding=encoding)
    for value in read_values(path, encoding=encoding):
        if isinstance(value, BadRow):
            yield value
            continue
        try:
            row = _ids(value)
            yield _pair(row, texts, columns=columns, texts_path=texts_path)
        except DataError as error:
            yield BadRow(path, error, value.place.source)


def read_ids(
    path: str, *, columns: Sequence[str], encoding: str = "utf-8"
) -> Iterator[Row | BadRow]:
    """Streams pairs of ids, whatever stands behind them in a pair.

    Args:
        path: As for `read_pairs`, where a pair may also be `[id, id]`; or a table of
            tab-separated columns without a header, if its name ends in .tsv or .tsv.gz.
        columns: Keys of the two ids in a pair that is an object.
        encoding: What it is written in.

    Yields:
        Rows whose first two fields are the ids. A pair of another form is a BadRow.

    Raises:
        DataError: the file is not what is expected.
        StorageError: it cannot be read.
    """
    if path.removesuffix(".gz").endswith(".tsv"):
        yield from read_tsv(path, header=False, encoding=encoding)
        return
    for value in read_values(path, encoding=encoding):
        if isinstance(value, BadRow):
            yield value
            continue
        try:
            row = _ids(value, sizes=(2, 3))
            places: Sequence[Column] = columns[:2] if row.names else (0, 1)
            ids = tuple(row.name(place) for place in places)
            yield dataclasses.replace(row, names=(), fields=ids)
        except DataError as error:
            yield BadRow(path, error, value.place.source)


def read_texts(path: str, *, encoding: str = "utf-8") -> dict[str, str]:
    """Returns the texts by id; all must be sound, because pairs share them.

    Args:
        path: JSON object of texts by id.
        encoding: What it is written in.

    Raises:
        DataError: one is not.
    """
    texts = {}
    for value in read_values(path, encoding=encoding):
        if isinstance(value, BadRow):
            raise value.error
        if value.place.key is None or not isinstance(value.value, str):
            raise value.place.error(
                f"expected an object of texts by id, got {value.value!r:.60}"
            )
        texts[value.place.key] = value.value
    return texts


def _ids(value: Value, *, sizes: Sequence[int] = (len(NAMES),)) -> Row:
    """Returns a pair as a row of its ids and its label.

    Raises:
        DataError: it has another form.
    """
    fields = value.value
    if isinstance(fields, dict):
        names, values = tuple(fields), tuple(fields.values())
        return dataclasses.replace(value.place, names=names, fields=values)
    if isinstance(fields, list) and fields and isinstance(fields[0], list):
        fields = [*fields[0], *fields[1:]]
    if not isinstance(fields, list) or len(fields) not in sizes:
        raise value.place.error(
            "expected a pair [id, id, label], [[id, id], label] or an object, got"
            f" {fields!r:.60}"
        )
    return dataclasses.replace(value.place, fields=tuple(fields))


def _pair(
    row: Row, texts: Mapping[str, str], *, columns: Sequence[str], texts_path: str
) -> Row:
    """Returns the row with the texts in the place of their ids.

    Raises:
        DataError: there is no such column or text.
    """
    places: Sequence[Column] = columns if row.names else range(len(NAMES))
    first, second, label = places
    ids = row.name(first), row.name(second)
    for each in ids:
        if each not in texts:
            raise row.error(f"no text with the id {each!r} in {texts_path}")
    fields = (*(texts[each] for each in ids), row.value(label))
    return dataclasses.replace(row, names=NAMES, fields=fields)
