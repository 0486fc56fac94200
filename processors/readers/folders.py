"""A folder of text files for each class: the folder's name is the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.readers.lines import TextFile
from processors.readers.row import ROW_LIMIT, BadRow, Row
from runtime import storage

NAME, TEXT, LABEL = "name", "text", "label"


def classes(folder: str) -> list[str]:
    """Returns the names of the folders in `folder`, sorted.

    Raises:
        StorageError: there is no such folder.
    """
    names = _visible(folder)
    return [name for name in names if storage.is_dir(storage.join(folder, name))]


def read_folder(
    folder: str, *, labels: Sequence[str] = (), encoding: str = "utf-8"
) -> Iterator[Row | BadRow]:
    """Streams text files, whole, sorted by class and name.

    Hidden files, and files beside the folders of classes, are passed over.

    Args:
        folder: It holds a folder for each class; or files, of texts without labels.
        labels: The classes to read, where they are there; none reads all.
        encoding: What the files are written in.

    Yields:
        Rows with the columns `name`, `text` and, in a class, `label`.

    Raises:
        StorageError: a folder is not there.
    """
    found = classes(folder)
    for label in [name for name in found if name in (labels or found)]:
        shelf = storage.join(folder, label)
        for name in _visible(shelf):
            path = storage.join(shelf, name)
            yield _read(path, {NAME: f"{label}/{name}", LABEL: label}, encoding)
    if not found:
        for name in _visible(folder):
            yield _read(storage.join(folder, name), {NAME: name}, encoding)


def _visible(folder: str) -> list[str]:
    return [name for name in storage.list_dir(folder) if not name.startswith(".")]


def _read(path: str, known: dict[str, str], encoding: str) -> Row | BadRow:
    parts: list[str] = []
    length = 0
    for line in TextFile(path, encoding=encoding).lines():
        if line.bad is not None:
            return line.bad
        parts += [line.text, line.end]
        length += len(line.text)
        if length > ROW_LIMIT:
            place = Row(path, line.number, (), ())
            return BadRow(path, place.error(f"more than {ROW_LIMIT} characters"))
    text = "".join(parts)
    fields = {**known, TEXT: text}
    return Row(path, 1, tuple(fields), tuple(fields.values()), source=text)
