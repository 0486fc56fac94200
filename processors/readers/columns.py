"""The columns that rows must have, and what to do where they have others."""

from __future__ import annotations

import difflib
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from processors.readers.row import Column, Row
from runtime import storage

SEPARATORS = {
    "tab": "\t",
    "comma": ",",
    "semicolon": ";",
    "pipe": "|",
    "space": " ",
}
"""What a character between columns is called."""

_POSITION = re.compile("-?[0-9]+")
_WEB_PAGE = re.compile(r"\s*<(!doctype html|html|head)\b", re.IGNORECASE)
_EXCEL_NOTE = re.compile("sep=.?.?", re.IGNORECASE)
_BY_POSITION = "--header=false and columns by position, such as --text_a=0"
_LONGEST_NAME = 50  # characters; a longer one is text


@dataclass(frozen=True)
class TableLayout:
    """How the columns of a table are told apart.

    Attributes:
        delimiter: The character between columns.
        header: Whether the first row names them.
        quoted: Whether fields may stand in quotes.
    """

    delimiter: str
    header: bool = True
    quoted: bool = False


@dataclass(frozen=True)
class WantedColumns:
    """The columns that an example is made of.

    Attributes:
        columns: Column of each role, such as `text_a`.
        flags: Role -> the flag that names its column, where one does.
    """

    columns: Mapping[str, Column]
    flags: Mapping[str, str] = field(default_factory=dict)

    def refuse_missing(self, row: Row, *, layout: TableLayout | None = None) -> None:
        """Checks that a row has the columns.

        Args:
            row: The row; for all rows of a table its header, or without one its first.
            layout: The table's; None for a row of JSON.

        Raises:
            DataError: It lacks some; says which there are, and what to do.
        """
        missing = {
            role: column
            for role, column in self.columns.items()
            if not (row.has(column) or (role == "label" and _are_several(row, column)))
        }
        if not missing:
            return
        names = ", ".join(map(repr, dict.fromkeys(missing.values())))
        problem = f"no column {names}; there is {row.describe_columns()}"
        advice = self._advice(row, missing, layout)
        raise row.error(f"{problem}; {advice}" if advice else problem)

    def _advice(
        self, row: Row, missing: Mapping[str, Column], layout: TableLayout | None
    ) -> str | None:
        if layout is None:
            return _inner_rows(row) or self._other_names(row, missing)
        return (
            self._other_content(row)
            or self._other_layout(row, layout)
            or self._no_header(row, missing, layout)
            or self._other_names(row, missing, layout)
        )

    def _other_content(self, row: Row) -> str | None:
        """Returns what to say of a file that is no table."""
        if row.source.lstrip().startswith(("{", "[{", '["')):
            name = shlex.quote(storage.basename(row.path))
            file = f" --{self.flags['file']}={name}" if "file" in self.flags else ""
            return f"it looks like JSON: say --task_name=json{file}"
        if _WEB_PAGE.match(row.source):
            return "it is a web page: was it stored instead of the data?"
        if _EXCEL_NOTE.fullmatch(row.source):
            return (
                "it is a note of Excel on the separator: delete this line, for example"
                " by sed 1d FILE > NEW_FILE"
            )
        if "\r" in row.source and not row.source.startswith('"'):
            return (
                "it holds carriage returns: if they end the rows, make line feeds of"
                r" them by tr '\r' '\n' < FILE > NEW_FILE"
            )
        return None

    def _other_layout(self, row: Row, layout: TableLayout) -> str | None:
        """Returns what to say of a table whose columns are told apart otherwise."""
        names = {str(column) for column in self.columns.values()}
        if names <= {name.strip('"') for name in row.names} and not layout.quoted:
            return "the names stand in quotes: say --quoted"
        whole = row.source
        for called, character in SEPARATORS.items():
            parts = {part.strip('" ') for part in whole.split(character)}
            is_certain = names <= parts and (character != " " or len(names) > 1)
            if is_certain and layout.header and character != layout.delimiter:
                if called == "space":
                    return _separated_by_spaces(whole)
                return _separated_by(called, layout)
        if len(row.fields) == 1:
            return other_separator(whole, layout=layout, width=len(self.columns))
        return None

    def _no_header(
        self, row: Row, missing: Mapping[str, Column], layout: TableLayout
    ) -> str | None:
        """Returns what to say of a header that is none, or of columns by position."""
        if not (layout.header and self.flags):
            return None
        if any(_POSITION.fullmatch(str(column)) for column in missing.values()):
            return "positions are for files without a header: say --header=false"
        if len(missing) == len(self.columns) and any(map(_is_no_name, row.names)):
            return f"the first row looks like data: say {_BY_POSITION}"
        return None

    def _other_names(
        self, row: Row, missing: Mapping[str, Column], layout: TableLayout | None = None
    ) -> str | None:
        free = [name for name in row.names if name not in self.columns.values()]
        near = {
            role: _nearest(str(column), free, is_only=len(missing) == 1)
            for role, column in missing.items()
        }
        likely = [repr(name) for name in near.values() if name]
        flags = [
            f"--{self.flags[role]}={shlex.quote(near[role] or 'NAME')}"
            for role in missing
            if role in self.flags
        ]
        if not flags:
            return f"is {' and '.join(likely)} meant?" if likely else None
        said = f"say {' '.join(flags)}"
        is_unlike = len(missing) == len(self.columns) and not likely
        if layout is not None and layout.header and is_unlike:
            return f"{said}, or if the first row is data {_BY_POSITION}"
        return said


def _inner_rows(row: Row) -> str | None:
    """Returns in which field of a JSON object the rows may be."""
    for name, value in zip(row.names, row.fields, strict=True):
        if isinstance(value, list) and value and isinstance(value[0], dict):
            return f"{name!r} holds a list of objects: write that list to a file"
    return None


def other_separator(text: str, *, layout: TableLayout, width: int) -> str | None:
    """Returns what to say of a row that something else seems to separate.

    Args:
        text: The row; its own delimiter is not in it.
        layout: How its columns were to be told apart.
        width: How many it should have, at the least.
    """
    for called, character in SEPARATORS.items():
        if character not in {layout.delimiter, " "} and text.count(character) >= max(
            1, width - 1
        ):
            return _separated_by(called, layout)
    return None


def _separated_by(called: str, layout: TableLayout) -> str:
    quoted = "" if layout.quoted or called == "tab" else " --quoted"
    seen = f"the columns seem to be separated by {called}s"
    return f"{seen}: say --delimiter={called}{quoted}"


def _are_several(row: Row, column: Column) -> bool:
    """Whether a name is several columns': who reads the label says what to do."""
    names = str(column).split(",")
    return len(names) > 1 and all(map(row.has, names))


def _separated_by_spaces(text: str) -> str:
    which, program = "the first of each line", r"s/ /\t/"
    if "  " in text:
        which, program = "two or more", r"s/ {2,}/\t/g"
    return (
        "the columns seem to be separated by spaces, which texts hold as well: make a"
        f" tab of {which} by sed -E '{program}' FILE > NEW_FILE, and say"
        " --task_name=tsv"
    )


def _is_no_name(name: str) -> bool:
    return (
        len(name) > _LONGEST_NAME
        or _POSITION.fullmatch(name) is not None
        or name.rstrip().endswith(("。", ".", "!", "?", "！", "？"))
    )


def _nearest(wanted: str, names: list[str], *, is_only: bool) -> str | None:
    """Returns the name that is most like `wanted`, or the only one there is."""
    folded = {name.strip().casefold(): name for name in reversed(names)}
    near = difflib.get_close_matches(wanted.casefold(), folded, n=1)
    if near:
        return folded[near[0]]
    return names[0] if is_only and len(names) == 1 else None
