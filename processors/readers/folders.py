"""A folder of text files for each class: the folder's name is the label."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from processors.readers import notices
from processors.readers.lines import TextFile
from processors.readers.row import ROW_LIMIT, BadRow, Row
from runtime import storage
from runtime.errors import DataError

NAME, TEXT, LABEL = "name", "text", "label"

# What file managers, archivers and editors leave in folders, in lower case.
_OF_SYSTEMS = {
    "thumbs.db",
    "ehthumbs.db",
    "desktop.ini",
    "icon\r",
    "__macosx",
    "__pycache__",
    "@eadir",
    "$recycle.bin",
    "system volume information",
    "lost+found",
}
_SYSTEM_STARTS = (".", "~$")
_SHOWN = 5


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

    Hidden files, those of systems (`.DS_Store`, `Thumbs.db`), and files beside the
    folders of classes are passed over; of the systems' files, and of folders without
    any other, the log says so.

    Args:
        folder: It holds a folder for each class; or files, of texts without labels.
        labels: The classes to read, where they are there; none reads all.
        encoding: What the files are written in.

    Yields:
        Rows with the columns `name`, `text` and, in a class, `label`. A file that
        holds no text is a BadRow.

    Raises:
        StorageError: a folder is not there.
    """
    found = classes(folder)
    for label in [name for name in found if name in (labels or found)]:
        shelf = storage.join(folder, label)
        names = _visible(shelf)
        if not names:
            notices.tell(f"{shelf}: the folder of the class {label!r} holds no files.")
        for name in names:
            path = storage.join(shelf, name)
            yield _read(path, {NAME: f"{label}/{name}", LABEL: label}, encoding)
    if not found:
        for name in _visible(folder):
            yield _read(storage.join(folder, name), {NAME: name}, encoding)


def _visible(folder: str) -> list[str]:
    names = storage.list_dir(folder)
    skipped = [name for name in names if _is_of_system(name)]
    if skipped:
        more = ", ..." if len(skipped) > _SHOWN else ""
        notices.tell(
            f"{folder}: passed over what systems and editors leave:"
            f" {', '.join(skipped[:_SHOWN])}{more}"
        )
    return [name for name in names if not _is_of_system(name)]


def _is_of_system(name: str) -> bool:
    return name.startswith(_SYSTEM_STARTS) or name.lower() in _OF_SYSTEMS


def _read(path: str, known: dict[str, str], encoding: str) -> Row | BadRow:
    try:
        return _whole(path, known, encoding)
    except DataError as error:
        return BadRow(path, error)


def _whole(path: str, known: dict[str, str], encoding: str) -> Row | BadRow:
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
