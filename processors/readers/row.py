"""One record of a data file, or what keeps it from being one."""

from __future__ import annotations

import numbers
import re
from dataclasses import dataclass

from runtime.errors import DataError

Column = int | str
"""A 0-based position, counted from the end when negative, or a name."""

ROW_LIMIT = 1 << 26
"""Characters of the longest row: a longer one is a quote or a line that never ends."""

_NAMES_SHOWN = 20
_SURROGATE = re.compile("[\ud800-\udfff]")


def unsound(text: str) -> str | None:
    """Returns what keeps a Python string from being text; None where nothing does."""
    if _SURROGATE.search(text):
        return "half of a surrogate pair, which is no character"
    return "a NUL character" if "\0" in text else None


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a data file and the place it came from.

    Attributes:
        path: The file.
        line: 1-based line of the file at which the record starts.
        names: Column names or JSON keys; empty in a table without a header.
        fields: The values, in the order of `names`: text in tables, any value in JSON.
        item: 1-based number of the record in a JSON array or object; None in a file
            of lines.
        key: The record's key in a JSON object of records.
        source: The record as it stands in the file.
    """

    path: str
    line: int
    names: tuple[str, ...]
    fields: tuple[object, ...]
    item: int | None = None
    key: str | None = None
    source: str = ""

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
            there = self.describe_columns()
            raise self.error(f"no column {column!r}; there is {there}")
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
            raise self.error(f"{column!r}: expected text, got {value!r:.60}")
        return value

    def name(self, column: Column) -> str:
        """Returns a field that names something: a label or an id, text or a number.

        Raises:
            DataError: the field is neither text nor a whole number.
        """
        value = self.value(column)
        if isinstance(value, str):
            return value
        if isinstance(value, bool) or not isinstance(value, numbers.Integral):
            raise self.error(
                f"{column!r}: expected text or a whole number, got {value!r:.60}"
            )
        return str(value)

    def describe_columns(self) -> str:
        """Returns the names of the columns, or their positions where they have none."""
        if self.names:
            names = [f"{name!r:.60}" for name in self.names[:_NAMES_SHOWN]]
            more = len(self.names) - len(names)
            return ", ".join(names) + (f" and {more} more" if more else "")
        return f"0 to {len(self.fields) - 1}" if self.fields else "none"


@dataclass(frozen=True, slots=True)
class BadRow:
    """A record that cannot be read.

    Attributes:
        path: The file.
        error: What is wrong with it, and where it is.
        source: The record as it stands in the file; bytes where it is no text. Of one
            that is too long, its beginning.
    """

    path: str
    error: DataError
    source: str | bytes = ""
