"""The texts of a file or of a pipe, one after the other."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator
from typing import BinaryIO

from pipelines.serving.answer import Input
from pipelines.serving.settings import STANDARD, PredictionSettings
from processors.base import Table
from processors.readers import sieve
from processors.readers.lines import TextFile
from processors.readers.row import ROW_LIMIT, BadRow, Row
from runtime.errors import DataError, SettingsError

_BETWEEN = " ||| "
_STANDARD_INPUT = "standard input"
_MARK = b"\xef\xbb\xbf"  # which editors of Windows put at the start


@contextlib.contextmanager
def open_texts(
    settings: PredictionSettings, *, pairs: bool | None, stdin: BinaryIO
) -> Iterator[Iterator[Input]]:
    """Opens the input.

    Args:
        settings: Name it.
        pairs: Whether the model reads pairs; None where either is taken. A line of
            those has ` ||| ` between.
        stdin: Standard input.

    Yields:
        The texts, streamed in the order of their rows.

    Raises:
        SettingsError: The columns that are named do not make what the model reads.
        DataError: A row cannot be read, and such are not rejected.
    """
    rejects = f"{settings.output}.rejects.jsonl"
    with sieve.open_sieve(settings.on_bad_row, rejects_path=rejects) as sifting:
        if settings.text_a is not None:
            _refuse_columns(settings, pairs=pairs)
            table = _table(settings)
            yield sifting.sift(table.rows(""), lambda row: _of_table(row, table))
        else:
            rows = _lines(settings, stdin=stdin)
            yield sifting.sift(rows, _pair if pairs else _single)


def _refuse_columns(settings: PredictionSettings, *, pairs: bool | None) -> None:
    """Refuses one column for pairs, and two for single texts.

    Raises:
        SettingsError: So it is.
    """
    if pairs is False and settings.text_b is not None:
        raise SettingsError(
            f"--text_b={settings.text_b}: the model in {settings.model} reads single"
            " texts. Leave the flag out."
        )
    if pairs and settings.text_b is None:
        raise SettingsError(
            f"The model in {settings.model} reads pairs of texts: name the column of"
            " the second with --text_b."
        )


def _table(settings: PredictionSettings) -> Table:
    if settings.table_format is None:
        raise SettingsError(f"--input={settings.input} says no format of a table.")
    declared = settings.table_options().table("test", file_format=settings.table_format)
    flags = {**declared.flags, "file": "input"}
    return dataclasses.replace(declared, label=None, flags=flags)


def _of_table(row: Row, table: Table) -> Input | None:
    example = table.example(row, split="text")
    if example is None or example.text_b is None:
        return None if example is None else example.text_a
    return example.text_a, example.text_b


def _single(row: Row) -> Input:
    return row.text(0)


def _pair(row: Row) -> Input:
    parts = row.text(0).split(_BETWEEN)
    if len(parts) != 2:
        raise row.error(
            f"expected two texts with `{_BETWEEN}` between, as the model reads pairs,"
            f" found {len(parts)}. Or name the columns of a table with --text_a and"
            " --text_b."
        )
    return parts[0], parts[1]


def _lines(settings: PredictionSettings, *, stdin: BinaryIO) -> Iterator[Row | BadRow]:
    if settings.input == STANDARD:
        yield from _streamed(stdin, encoding=settings.encoding)
        return
    for line in TextFile(settings.input, encoding=settings.encoding).lines():
        yield line.bad or Row(settings.input, line.number, (), (line.text,))


def _streamed(stream: BinaryIO, *, encoding: str) -> Iterator[Row | BadRow]:
    """The lines of what can be read only once, none of them kept.

    Raises:
        DataError: A line is too long to be a text.
    """
    offset = 0
    pieces = iter(functools.partial(stream.readline, ROW_LIMIT), b"")
    for number, raw in enumerate(pieces, start=1):
        if len(raw) == ROW_LIMIT:
            message = f"expected a text, found a line of over {ROW_LIMIT} bytes"
            raise DataError(message, path=_STANDARD_INPUT, line=number)
        line = raw.removeprefix(_MARK) if number == 1 else raw
        try:
            text = line.decode(encoding)
        except UnicodeDecodeError as error:
            place = offset + len(raw) - len(line) + error.start
            yield _undecodable(line, error, number=number, offset=place)
        else:
            text = text.removesuffix("\n").removesuffix("\r")
            yield Row(_STANDARD_INPUT, number, (), (text,), source=text)
        offset += len(raw)


def _undecodable(
    line: bytes, error: UnicodeDecodeError, *, number: int, offset: int
) -> BadRow:
    message = (
        f"expected {error.encoding.upper()}, found 0x{line[error.start]:02x} at byte"
        f" {offset}. Say which encoding the texts have: --encoding."
    )
    problem = DataError(message, path=_STANDARD_INPUT, line=number, offset=offset)
    return BadRow(_STANDARD_INPUT, problem, line)
