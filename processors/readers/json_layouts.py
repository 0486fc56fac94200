"""Where the rows are in a JSON file that is neither an array nor an object by id.

An object of few members with one list of objects among them (`{"data": [...]}`) is
read; what could mean several things, or has its columns apart, is refused by name.

Source: the values of `orient` in pandas' DataFrame.to_json.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

from processors.readers import notices
from processors.readers.lines import TextFile
from runtime.errors import DataError

MOST_MEMBERS = 16
"""Of an object around a list; with more it is an object of rows by id."""

_SCALARS = (str, int, float, bool, type(None))


def find_rows(members: Mapping[str, object], *, path: str) -> str | None:
    """Returns which member of an object is the list of rows.

    Args:
        members: All members of the object that a file is.
        path: The file.

    Returns:
        Its key; None where the members themselves are the rows.

    Raises:
        DataError: It cannot be told, or a table is written column by column.
    """
    _refuse_columns(members, path=path)
    lists = {
        key: value
        for key, value in members.items()
        if isinstance(value, list) and _are(value, kind=dict)
    }
    if not lists:
        return None
    if len(lists) > 1:
        raise DataError(
            f"expected one list of objects, found {len(lists)}:"
            f" {', '.join(map(repr, lists))}; write the one that is meant to a file,"
            f" for example by {_command(path, next(iter(lists)))}",
            path=path,
        )
    ((key, rows),) = lists.items()
    others = [name for name in members if name != key]
    if any(_is_like(members[name], rows[0]) for name in others):
        return None
    if others:
        shown = ", ".join(map(repr, others))
        notices.tell(f"{path}: the rows are the list {key!r}; passed over: {shown}.")
    return key


def is_lines(first: object, following: str | None) -> bool:
    """Returns whether a file is of one object a line.

    Args:
        first: What the first line holds; None where it holds no JSON value.
        following: The next line that is not empty; None where there is none.
    """
    if not isinstance(first, dict):
        return False
    if following is not None:
        return following.lstrip().startswith("{")
    return bool(first) and all(isinstance(v, _SCALARS) for v in first.values())


def is_document(line: str, first: object, following: str | None) -> bool:
    """Returns whether a file whose lines should be objects is one array or object.

    Args:
        line: The first line, or its beginning.
        first: What it holds; None where it holds no JSON value.
        following: The next line that is not empty; None where there is none.
    """
    if line.strip() == "{":
        return True
    is_whole = first is not None
    return line.lstrip().startswith("[") and not (is_whole and following is not None)


def first_lines(file: TextFile) -> tuple[str, str | None]:
    """Returns the first two lines that are not empty; of a long one its beginning.

    Args:
        file: The file.

    Returns:
        The first, "" in an empty file; the second, None where there is none.
    """
    filled = (piece.text for piece in file.pieces() if piece.text.strip())
    first, following = [*islice(filled, 2), None, None][:2]
    return first or "", following


def _refuse_columns(members: Mapping[str, object], *, path: str) -> None:
    """Refuses tables that have a list or an object for each column.

    Raises:
        DataError: It is one.
    """
    if not members:
        return
    values = list(members.values())
    lists = [value for value in values if isinstance(value, list)]
    numbered = [value for value in values if isinstance(value, dict)]
    data, columns = members.get("data"), members.get("columns")
    table = ""
    if isinstance(data, list) and _are(data, kind=list) and isinstance(columns, list):
        table = f"pandas.read_json({path!r}, orient='split')"
    elif len(lists) == len(values) and lists[0] and _are_columns(lists):
        table = f"pandas.DataFrame(json.load(open({path!r})))"
    elif len(numbered) == len(values) and _are_numbered(numbered):
        table = f"pandas.read_json({path!r}, dtype=False)"
    if table:
        raise DataError(
            f"expected objects of fields, found a table column by column, as pandas"
            f" writes it: write its rows by {table}.to_json('NEW.json',"
            " orient='records', force_ascii=False)",
            path=path,
        )


def _are_columns(lists: Sequence[list[object]]) -> bool:
    is_even = len({len(column) for column in lists}) == 1
    return is_even and all(isinstance(v, _SCALARS) for column in lists for v in column)


def _are_numbered(objects: Sequence[dict[str, object]]) -> bool:
    """Returns whether all keys of objects are row numbers, as many in each."""
    is_even = len({len(column) for column in objects}) == 1
    return is_even and all(
        column and all(map(str.isdecimal, column)) for column in objects
    )


def _are(items: Sequence[object], *, kind: type) -> bool:
    return bool(items) and all(isinstance(item, kind) for item in items)


def _is_like(value: object, row: Mapping[str, object]) -> bool:
    return isinstance(value, dict) and not row.keys().isdisjoint(value)


def _command(path: str, key: str) -> str:
    program = (
        f"import json; json.dump(json.load(open({path!r}))[{key!r}],"
        " open('NEW.json', 'w'))"
    )
    return f'python -c "{program}"'
