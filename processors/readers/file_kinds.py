"""What a file is when it is no text: known by its content, whatever its name.

Sources: the signatures of `file` (https://www.darwinsys.com/file/) and of the formats'
own specifications.
"""

from __future__ import annotations

import gzip
import io
import shlex
import zipfile
from collections.abc import Callable, Sequence
from typing import IO, NamedTuple

from runtime.errors import DataError
from runtime.files import tfrecord

File = IO[bytes] | gzip.GzipFile
"""A file that is read, seekable."""

_HEAD_BYTES = 512  # a tar archive shows itself at byte 257
_ENDING_BYTES = 8


class FileKind(NamedTuple):
    """A kind of file that holds no lines of text.

    Attributes:
        name: What people call it, with its article.
        advice: What to do with it; `{path}` stands for the file, `{quoted}` for the
            file as a shell reads it.
        marks: Byte of the file -> what stands there.
        ending: What the file ends with.
    """

    name: str
    advice: str
    marks: Sequence[tuple[int, bytes]] = ()
    ending: bytes = b""

    def describe(self, path: str) -> str:
        """Returns what a file is, and what to do with it."""
        advice = self.advice.format(path=path, quoted=shlex.quote(path))
        return f"{self.name}: {advice}"

    def fits(self, head: bytes, *, ending: Callable[[], bytes]) -> bool:
        """Returns whether a file is of this kind.

        Args:
            head: Its first bytes.
            ending: Reads its last ones.
        """
        if not all(head.startswith(mark, place) for place, mark in self.marks):
            return False
        return not self.ending or ending().endswith(self.ending)


_SAVE = "save it as CSV (UTF-8) in its program and say --task_name=csv"
_PLAIN = "save it as plain text (UTF-8) in its program"
_PANDAS = (
    "write its rows as JSON Lines, by pandas {reader}({{path!r}}).to_json('NEW.jsonl',"
    " orient='records', lines=True, force_ascii=False), and say --task_name=jsonl"
)
_ROWS = "write its rows as JSON Lines and say --task_name=jsonl"
_TEXT = "rows of text are wanted here"


def _packed(name: str, *marks: bytes, by: str) -> list[FileKind]:
    advice = f"unpack it first, by {by} {{quoted}} > NEW_FILE"
    return [FileKind(name, advice, [(0, mark)]) for mark in marks]


def _archive(name: str, *marks: tuple[int, bytes], by: str) -> FileKind:
    advice = f"unpack it first, by {by} {{quoted}}, and name what comes out"
    return FileKind(name, advice, marks)


def _frame(
    name: str, *marks: tuple[int, bytes], by: str, ending: bytes = b""
) -> FileKind:
    return FileKind(name, _PANDAS.format(reader=f"pandas.{by}"), marks, ending)


_EXCEL = FileKind("an Excel file (.xlsx)", _SAVE)
_ZIP = _archive("a zip archive", (0, b"PK\x03\x04"), by="unzip")
_EMPTY_ZIP = _ZIP._replace(marks=[(0, b"PK\x05\x06")])
_TFRECORDS = FileKind("TFRecords", "name the file of rows that they were made of")

_KINDS = (
    _ZIP,
    _EMPTY_ZIP,
    *_packed("a gzip file", b"\x1f\x8b\x08", by="gzip -dc"),
    *_packed(
        "a bzip2 file",
        *(b"BZh%d1AY&SY" % level for level in range(1, 10)),
        by="bzip2 -dc",
    ),
    *_packed("an xz file", b"\xfd7zXZ\0", by="xz -dc"),
    *_packed("a Zstandard file", b"\x28\xb5\x2f\xfd", by="zstd -dc"),
    *_packed("an LZ4 file", b"\x04\x22\x4d\x18", by="lz4 -dc"),
    _archive("a 7-Zip archive", (0, b"7z\xbc\xaf\x27\x1c"), by="7z x"),
    _archive("a RAR archive", (0, b"Rar!\x1a\x07"), by="unrar x"),
    _archive("a tar archive", (257, b"ustar\0"), by="tar -xf"),
    _archive("a tar archive", (257, b"ustar  \0"), by="tar -xf"),
    FileKind(
        "an Office file of the old kind (.xls, .doc), or one with a password",
        _SAVE,
        [(0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")],
    ),
    _frame("a Parquet file", (0, b"PAR1"), by="read_parquet", ending=b"PAR1"),
    _frame("an Arrow (Feather) file", (0, b"ARROW1\0\0"), by="read_feather"),
    _frame("a Feather file", (0, b"FEA1"), by="read_feather", ending=b"FEA1"),
    FileKind("an Arrow stream", _ROWS, [(0, b"\xff\xff\xff\xff"), (6, b"\0\0")]),
    FileKind("an Avro file", _ROWS, [(0, b"Obj\x01")]),
    *(
        _frame("a pickle", (0, b"\x80%c" % version), by="read_pickle", ending=b".")
        for version in range(2, 6)
    ),
    FileKind(
        "an SQLite database",
        "write its table by sqlite3 -csv -header {quoted} 'SELECT * FROM TABLE' >"
        " NEW.csv and say --task_name=csv",
        [(0, b"SQLite format 3\0")],
    ),
    FileKind("a numpy array", _ROWS, [(0, b"\x93NUMPY")]),
    FileKind("an HDF5 file", _TEXT, [(0, b"\x89HDF\r\n\x1a\n")]),
    FileKind(
        "a PDF file", "take its text by pdftotext {quoted} NEW.txt", [(0, b"%PDF-")]
    ),
    FileKind("an RTF document", _PLAIN, [(0, b"{\\rtf1")]),
    FileKind(
        "a Git LFS pointer, which stands for a file that was not downloaded",
        "fetch the file by git lfs pull",
        [(0, b"version https://git-lfs.github.com/spec/")],
    ),
    FileKind("a picture (PNG)", _TEXT, [(0, b"\x89PNG\r\n\x1a\n")]),
    FileKind("a picture (JPEG)", _TEXT, [(0, b"\xff\xd8\xff")]),
    FileKind("a picture (GIF)", _TEXT, [(0, b"GIF87a")]),
    FileKind("a picture (GIF)", _TEXT, [(0, b"GIF89a")]),
    FileKind("a picture (TIFF)", _TEXT, [(0, b"II*\0")]),
    FileKind("a picture (TIFF)", _TEXT, [(0, b"MM\0*")]),
    FileKind("a picture (BMP)", _TEXT, [(0, b"BM"), (6, bytes(4))]),
    FileKind("a picture (WebP)", _TEXT, [(0, b"RIFF"), (8, b"WEBP")]),
    FileKind("a sound (WAV)", _TEXT, [(0, b"RIFF"), (8, b"WAVE")]),
)
_OF_ZIP = {
    "xl/": _EXCEL,
    "word/": FileKind("a Word file (.docx)", _PLAIN),
    "ppt/": FileKind("a PowerPoint file (.pptx)", _PLAIN),
    "content.xml": FileKind("an OpenDocument file (.ods, .odt)", _SAVE),
    "Index/": FileKind("a Numbers or Pages file", _SAVE),
}


def refuse(file: File, *, path: str, is_packed: bool = False) -> None:
    """Checks that a file is not of a known kind that holds no lines of text.

    Args:
        file: The file at its start, seekable.
        path: Its path.
        is_packed: Whether it was found in a gzip file.

    Raises:
        DataError: It is; says of which, and what to do.
    """
    if kind := find(file):
        where = "in the gzip file " if is_packed else ""
        raise DataError(f"expected text, found {where}{kind.describe(path)}", path=path)


def find(file: File) -> FileKind | None:
    """Returns the kind of a file that holds no lines of text; None for any other.

    Args:
        file: The file at its start, seekable.
    """
    head = file.read(_HEAD_BYTES)
    for kind in _KINDS:
        if kind.fits(head, ending=lambda: _ending(file)):
            return _of_members(file) if kind is _ZIP else kind
    return _TFRECORDS if _starts_a_record(head) else None


def _of_members(file: File) -> FileKind:
    """Returns what a zip archive is by what is in it: many programs write such."""
    try:
        names = zipfile.ZipFile(file).namelist()
    except (zipfile.BadZipFile, ValueError):
        return _ZIP
    for start, kind in _OF_ZIP.items():
        if any(name.startswith(start) for name in names):
            return kind
    return _ZIP


def _ending(file: File) -> bytes:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _ENDING_BYTES))
    return file.read()


def _starts_a_record(head: bytes) -> bool:
    length, checksum = head[:8], head[8 : tfrecord.HEADER_BYTES]
    return int.from_bytes(checksum, "little") == tfrecord.masked_crc(length)
