"""The texts whose vectors are wanted, read as a stream."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator

from processors.base import Format
from processors.example import InputExample
from processors.readers.lines import TextFile
from processors.readers.row import Row
from processors.readers.sieve import Sieve
from runtime import storage
from runtime.errors import DataError, SettingsError
from tf_bert.vectors.settings import ExtractionSettings

_BETWEEN = " ||| "


@dataclasses.dataclass(frozen=True)
class Texts:
    """What a first pass over the input file has found.

    Attributes:
        count: How many examples it has.
        digest: A hash of their texts.
    """

    count: int
    digest: str


def look_through(settings: ExtractionSettings) -> Texts:
    """Reads the whole input file, so that an error in it is found at once.

    Raises:
        DataError: As `read`.
        SettingsError: As `read`.
    """
    digest, count = hashlib.sha256(), 0
    for example in read(settings):
        digest.update(repr((example.text_a, example.text_b)).encode())
        count += 1
    return Texts(count, digest.hexdigest())


def read(settings: ExtractionSettings) -> Iterator[InputExample]:
    """Streams the examples of the input file, in its order.

    Args:
        settings: Name the file, how it is written and, in a table, its columns.

    Raises:
        DataError: It has no text, a line holds more than two, or is in another
            encoding.
        SettingsError: Columns are named, and the file's name says no format.
    """
    path = str(settings.input_file)
    source = _lines(path, settings) if settings.text_a is None else _rows(settings)
    is_empty = True
    for example in source:
        is_empty = False
        yield example
    if is_empty:
        raise DataError("has no line of text.", path=path)


def _lines(path: str, settings: ExtractionSettings) -> Iterator[InputExample]:
    """A text a line, or two with ` ||| ` between.

    Raises:
        DataError: A line is not text, or holds more than two.

    Source: google-research/bert, extract_features.py, read_examples.
    """
    for line in TextFile(path, encoding=settings.encoding).lines():
        if line.bad is not None:
            raise line.bad.error
        texts = line.text.strip().split(_BETWEEN)
        if len(texts) > 2:
            raise DataError(
                f"expected one text, or two with `{_BETWEEN}` between, found "
                f"{len(texts)}. Write the mark otherwise, or name the columns of a "
                "table with --text_a and --text_b.",
                path=path,
                line=line.number,
            )
        yield InputExample(str(line.number - 1), *texts)


def _rows(settings: ExtractionSettings) -> Iterator[InputExample]:
    path = str(settings.input_file)
    declared = settings.table_options().table("test", file_format=_format(path))
    flags = {**declared.flags, "file": "input_file"}
    table = dataclasses.replace(declared, label=None, flags=flags)

    def make(row: Row) -> InputExample | None:
        return table.example(row, split="text")

    yield from Sieve().sift(table.rows(""), make)


def _format(path: str) -> Format:
    ending = storage.basename(path).removesuffix(".gz").rpartition(".")[2].lower()
    try:
        return Format(ending)
    except ValueError as error:
        known = ", ".join(f".{each.value}" for each in Format)
        raise SettingsError(
            f"--text_a names a column, but --input_file={path} ends in none of {known} "
            "(or one of them and .gz). Leave --text_a out to read a text a line."
        ) from error
