r"""Tables with one row a line (TSV), or with fields in quotes (CSV).

Without quoting a `"` is a character like any other, as in the programs TSV files are
made for; a file whose fields visibly stand in quotes is named in the log. With quoting,
a field that starts with `"` goes on to the next `"` that is not doubled, line ends
included; a `"` inside another field is a character.

Source: RFC 4180 for quoting.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from processors.readers import notices
from processors.readers.columns import TableLayout, other_separator
from processors.readers.lines import Line, TextFile
from processors.readers.row import ROW_LIMIT, BadRow, Row
from runtime.errors import DataError

_IN_QUOTES = re.compile(r'"([^"]*+(?:""[^"]*+)*+)"')


def read_tsv(
    path: str, *, header: bool = True, quoted: bool = False, encoding: str = "utf-8"
) -> Iterator[Row | BadRow]:
    """Streams a table of tab-separated columns.

    Every row has as many columns as the first. Empty lines may end the file.

    Args:
        path: The file.
        header: Whether the first row names the columns.
        quoted: Whether fields may stand in quotes.
        encoding: What the file is written in.

    Yields:
        The rows after the header. One that cannot be read, that has another number of
        columns, or that is empty and stands between rows, is a BadRow.

    Raises:
        DataError: the header cannot be read, or the file is damaged.
        StorageError: the file cannot be read.
    """
    layout = TableLayout("\t", header=header, quoted=quoted)
    return read_table(path, layout=layout, encoding=encoding)


def read_csv(
    path: str, *, header: bool = True, encoding: str = "utf-8"
) -> Iterator[Row | BadRow]:
    """Streams a table of columns with commas between, whose fields may be in quotes.

    Args, yields and errors are those of `read_tsv`.
    """
    layout = TableLayout(",", header=header, quoted=True)
    return read_table(path, layout=layout, encoding=encoding)


def read_table(
    path: str,
    *,
    layout: TableLayout,
    encoding: str = "utf-8",
    check: Callable[[Row], None] | None = None,
) -> Iterator[Row | BadRow]:
    """Streams a table whose columns are told apart by any character.

    Args:
        path: The file.
        layout: How its columns are told apart.
        encoding: What the file is written in.
        check: Called with the header, or without one with the first row.

    Yields:
        As `read_tsv`.

    Raises:
        DataError: as `read_tsv`, or raised by `check`.
        StorageError: the file cannot be read.
    """
    file = TextFile(path, encoding=encoding, quoted=layout.quoted)
    records = _quoted(file, layout) if layout.quoted else _plain(file, layout)
    width = 0
    names: tuple[str, ...] = ()
    for record in _between(records, path=path):
        if isinstance(record, BadRow):
            if layout.header and not names:
                raise record.error
            yield record
            continue
        fields = tuple(record.fields)
        if not width:
            width, names = len(fields), fields if layout.header else ()
            if check is not None:
                check(Row(path, record.line, names, fields, source=record.source))
            if layout.header:
                continue
        if len(fields) == width:
            yield Row(path, record.line, names, fields, source=record.source)
        else:
            yield _of_other_width(record, width=width, path=path, layout=layout)


class _Record(NamedTuple):
    """A row whose columns have no names yet."""

    line: int
    fields: list[str]
    source: str


def _of_other_width(
    record: _Record, *, width: int, path: str, layout: TableLayout
) -> BadRow:
    message = f"expected {width} columns as in the first row, got {len(record.fields)}"
    if advice := _on_width(record, width=width, layout=layout):
        message = f"{message}; {advice}"
    error = DataError(message, path=path, line=record.line)
    return BadRow(path, error, record.source)


def _on_width(record: _Record, *, width: int, layout: TableLayout) -> str | None:
    """Returns what may be wrong with a row of too many or too few columns."""
    fields = record.fields
    if not layout.quoted and any(f.startswith('"') or f.endswith('"') for f in fields):
        return "fields in quotes, as pandas and Excel write them, are read by --quoted"
    if len(fields) == width + 1 and not fields[-1]:
        return f"{layout.delimiter!r} at the end of a row makes one more"
    if len(fields) == 1:
        return other_separator(record.source, layout=layout, width=width)
    if layout.quoted and len(fields) > width:
        return f"a text with {layout.delimiter!r} in it must stand in quotes"
    return None


def _between(
    records: Iterable[_Record | BadRow], *, path: str
) -> Iterator[_Record | BadRow]:
    """Yields every record but the empty ones that end a file; others are bad."""
    first, count = 0, 0
    for record in records:
        if not record.source and isinstance(record, _Record):
            first, count = first or record.line, count + 1
            continue
        for line in range(first, first + count):
            gap = DataError("an empty line between rows", path=path, line=line)
            yield BadRow(path, gap)
        first, count = 0, 0
        yield record


def _plain(file: TextFile, layout: TableLayout) -> Iterator[_Record | BadRow]:
    quotes = _KeptQuotes()
    for line in file.lines():
        if line.bad is not None:
            yield line.bad
            continue
        fields = line.text.split(layout.delimiter)
        quotes.count(fields, line.text)
        yield _Record(line.number, fields, line.text)
    if found := quotes.describe(file.path):
        notices.tell(found)


class _KeptQuotes:
    """Rows whose fields look as if a program had put them in quotes."""

    def __init__(self) -> None:
        self._rows = 0
        self._in_quotes = 0
        self._doubled = 0

    def count(self, fields: Sequence[str], text: str) -> None:
        """Looks at one more row."""
        self._rows += 1
        if '"' not in text:
            return
        inner = [match[1] for match in map(_IN_QUOTES.fullmatch, fields) if match]
        self._in_quotes += bool(inner)
        self._doubled += any('""' in part for part in inner)

    def describe(self, path: str) -> str | None:
        """Returns what to say of the file; None where quotes are just characters."""
        if not self._doubled and 2 * self._in_quotes < max(self._rows, 2):
            return None
        return (
            f"{path}: {self._in_quotes} of {self._rows} rows have fields in quotes,"
            " which are kept as part of the text; --quoted reads them as in CSV."
        )


def _quoted(file: TextFile, layout: TableLayout) -> Iterator[_Record | BadRow]:
    delimiter = layout.delimiter
    record = _QuotedRecord(file, delimiter=delimiter)
    for line in file.lines():
        record.add(line)
        if not record.is_open:
            yield record.finish()
            record = _QuotedRecord(file, delimiter=delimiter)
    if record.is_open:
        record.spoil("a field opens with a quote that closes nowhere in the file")
        yield record.finish()


class _QuotedRecord:
    """A row with fields in quotes, as far as its lines were read.

    Attributes:
        is_open: Whether a quote was opened that did not close yet.
    """

    def __init__(self, file: TextFile, *, delimiter: str) -> None:
        self.is_open = False
        self._file = file
        self._delimiter = delimiter
        self._lines: list[Line] = []
        self._length = 0
        self._fields: list[str] = []
        self._parts: list[str] = []  # of the field that is being read
        self._problem: DataError | None = None

    def add(self, line: Line) -> None:
        """Reads one more line."""
        if self._length <= ROW_LIMIT:
            self._lines.append(line)
        else:  # where the row ends is still looked for, but nothing more is kept
            self._fields, self._parts = [], []
            self.spoil(f"more than {ROW_LIMIT} characters; is a quote not closed?")
        if line.bad is not None:
            self._problem = self._problem or line.bad.error
        self._length += len(line.text)
        position = 0
        while position <= len(line.text):
            read = self._inside if self.is_open else self._outside
            position = read(line.text, position)
        if self.is_open:
            self._parts.append(line.end)

    def spoil(self, message: str) -> None:
        """Makes it a bad row, unless it is one already."""
        self._problem = self._problem or DataError(
            message, path=self._file.path, line=self._lines[0].number
        )

    def finish(self) -> _Record | BadRow:
        """Returns the record that the lines make."""
        last = self._lines.pop()
        first = self._lines[0].number if self._lines else last.number
        source = "".join([line.text + line.end for line in self._lines]) + last.text
        if self._problem is not None:
            return self._file.bad_row(source, self._problem)
        return _Record(first, self._fields, source)

    def _outside(self, text: str, start: int) -> int:
        """Reads a field without quotes, or opens one; returns where to go on."""
        if text.startswith('"', start):
            self.is_open = True
            return start + 1
        end = self._end_of_field(text, start)
        self._fields.append(text[start:end])
        return end + 1

    def _inside(self, text: str, start: int) -> int:
        """Reads up to the next quote or the line's end; returns where to go on."""
        quote = text.find('"', start)
        if quote < 0:
            self._parts.append(text[start:])
            return len(text) + 1
        if text.startswith('""', quote):
            self._parts.append(text[start : quote + 1])
            return quote + 2
        self._fields.append("".join([*self._parts, text[start:quote]]))
        self._parts = []
        self.is_open = False
        end = self._end_of_field(text, quote + 1)
        if end > quote + 1:
            self.spoil(f"text after a closing quote: {text[quote + 1 : end]!r:.60}")
        return end + 1

    def _end_of_field(self, text: str, start: int) -> int:
        end = text.find(self._delimiter, start)
        return len(text) if end < 0 else end
