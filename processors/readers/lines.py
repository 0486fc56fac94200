r"""The lines of a text file, strictly decoded.

A line ends at `\n` or `\r\n` and nowhere else: U+2028, U+0085, a lone `\r` and the
other characters at which `str.splitlines` cuts are part of the text. Only in a file
that has no `\n` at all, as Excel for Mac writes them, a line ends at `\r`. A byte
order mark at the start is removed. Gzip is known by its first bytes, whatever the
file's name, and so is what holds no text.
"""

from __future__ import annotations

import contextlib
import gzip
import re
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from processors.readers import encodings, file_kinds
from processors.readers.file_kinds import File
from processors.readers.row import ROW_LIMIT, BadRow
from runtime import storage
from runtime.errors import DataError

_GZIP = b"\x1f\x8b"
_PIECE_BYTES = 1 << 20
_LOOK_BYTES = 1 << 16  # at a time, for the first line feed
_SOURCE_KEPT = 1 << 10  # characters of a row that is too long
_WHOLE_LINES = {
    "\n": re.compile(r"[^\n]*\n|[^\n]+"),
    "\r": re.compile(r"[^\r]*\r|[^\r]+"),
}
_ISO_2022_KANJI = re.compile(r"\x1b\$[@B]")


class Piece(NamedTuple):
    """A line, or a part of a line that is too long to be decoded at once.

    Attributes:
        number: 1-based number of the line.
        text: The text with its line end; wrong bytes are escaped.
        offset: Byte of the file, unpacked, at which the piece starts.
        is_sound: Whether no byte was wrong.
        ends_line: Whether the next piece is of the next line.
    """

    number: int
    text: str
    offset: int
    is_sound: bool
    ends_line: bool = False


class Line(NamedTuple):
    r"""One line of a text file.

    Attributes:
        number: 1-based.
        text: Without its end; wrong bytes are escaped.
        end: `\n`, `\r\n`, in some files `\r`, or nothing at the end of the file.
        bad: The line as a row that cannot be read; None for a good line.
    """

    number: int
    text: str
    end: str
    bad: BadRow | None


class TextFile:
    r"""A text file that is read piece by piece, gzipped or not.

    Args:
        path: The file.
        encoding: What it is written in.
        quoted: Whether a line end in quotes ends no row: a `\n` there says nothing on
            what ends the lines.
    """

    def __init__(
        self, path: str, *, encoding: str = "utf-8", quoted: bool = False
    ) -> None:
        self.path = path
        self._encoding = encoding
        self._codec = encoding
        self._quoted = quoted
        self._advice: str | None = None

    def lines(self) -> Iterator[Line]:
        """Streams the lines; one that is not text, or too long, says so.

        Raises:
            DataError: the file holds no text, a gzip file is damaged, or it is visibly
                in another encoding.
            StorageError: the file cannot be read.
        """
        parts: list[Piece] = []
        length = 0
        for piece in self._read():
            if length <= ROW_LIMIT:  # more of it could only be refused
                parts.append(piece)
                length += len(piece.text)
            if piece.ends_line:
                yield self._line(parts)
                parts, length = [], 0
        if parts:
            yield self._line(parts)

    def pieces(self) -> Iterator[Piece]:
        """Streams pieces of at most a line and about a megabyte, none of them empty.

        Raises:
            DataError: as `lines`.
            StorageError: the file cannot be read.
        """
        return self._read(end="\n")

    def _read(self, *, end: str | None = None) -> Iterator[Piece]:
        """Streams pieces of lines that end so; None looks what they end at."""
        with self._open() as file:
            head = file.read(encodings.HEAD_BYTES)
            self._codec, mark_bytes = encodings.at_start(
                head, encoding=self._encoding, path=self.path
            )
            file.seek(mark_bytes)
            end = end or self._end_of_lines(file)
            file.seek(mark_bytes)
            if end == "\n" and encodings.is_narrow(self._codec):
                yield from self._narrow(file, mark_bytes)
            else:
                yield from self._wide(file, mark_bytes, end=end)

    def _end_of_lines(self, file: File) -> str:
        """Returns what ends the lines; reads on until a line feed tells."""
        decoder = encodings.decoder(self._codec)
        has_returns, quotes = False, 0
        while raw := file.read(_LOOK_BYTES):
            text = decoder.decode(raw)
            parts = text.split('"') if self._quoted else [text]
            outside = parts[quotes % 2 :: 2]
            if any("\n" in part for part in outside):
                return "\n"
            has_returns = has_returns or any("\r" in part for part in outside)
            quotes += len(parts) - 1
        return "\r" if has_returns else "\n"

    def undecodable(self, piece: Piece, *, start: int = 0) -> DataError:
        """Returns the error that names a wrong byte.

        Args:
            piece: A piece that is not sound.
            start: Where in it to look for the first wrong byte.
        """
        codec = self._codec
        place = start + encodings.find_escaped(piece.text[start:])
        offset = piece.offset + len(encodings.unescape(piece.text[:place], codec=codec))
        wrong = encodings.unescape(piece.text[place : place + 1], codec=codec)
        if self._advice is None:
            near = encodings.unescape(piece.text, codec=codec)
            self._advice = encodings.advise([self._head(), near], instead_of=codec)
        return DataError(
            f"expected {codec.upper()}, found 0x{wrong.hex()} at byte {offset} of the"
            f" file; {self._advice}",
            path=self.path,
            line=piece.number,
            offset=offset,
        )

    def _line(self, parts: list[Piece]) -> Line:
        text = parts[0].text if len(parts) == 1 else "".join([p.text for p in parts])
        end = _end_of(text) if parts[-1].ends_line else ""
        text = text[: len(text) - len(end)]
        problem = self._problem(text, parts)
        bad = None if problem is None else self.bad_row(text, problem)
        return Line(parts[0].number, text, end, bad)

    def _problem(self, text: str, parts: list[Piece]) -> DataError | None:
        for piece in parts:
            if not piece.is_sound:
                return self.undecodable(piece)
        if len(text) > ROW_LIMIT:
            message = f"a line of more than {ROW_LIMIT} characters"
        elif "\0" in text:
            message = "a NUL character, a sign of UTF-16 or of a damaged file"
        elif "\x1b" in text and _ISO_2022_KANJI.search(text):
            message = "the escape sequence of ISO-2022-JP; say --encoding=iso2022_jp"
        elif encodings.has_undefined(text, codec=self._codec):
            message = "a byte that the encoding does not define"
        else:
            return None
        message = f"expected {self._codec.upper()} text, found {message}"
        return DataError(message, path=self.path, line=parts[0].number)

    def bad_row(self, text: str, problem: DataError) -> BadRow:
        """Returns a part of the file as a row that cannot be read.

        Args:
            text: The part; wrong bytes are escaped.
            problem: What is wrong with it.
        """
        if len(text) > ROW_LIMIT:
            text = text[:_SOURCE_KEPT]
        if encodings.find_escaped(text) < 0:
            return BadRow(self.path, problem, text)
        source = encodings.unescape(text, codec=self._codec)
        return BadRow(self.path, problem, source)

    def _head(self) -> bytes:
        with self._open() as file:
            head = file.read(_PIECE_BYTES)
        return head[: head.rfind(b"\n") + 1]

    @contextlib.contextmanager
    def _open(self) -> Iterator[File]:
        with storage.open_read(self.path) as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            if not is_packed:
                file_kinds.refuse(file, path=self.path)
                file.seek(0)
                yield file
                return
            try:
                with gzip.open(file) as unpacked:
                    file_kinds.refuse(unpacked, path=self.path, is_packed=True)
                    unpacked.seek(0)
                    yield unpacked
            except (gzip.BadGzipFile, zlib.error, EOFError) as error:
                raise DataError(
                    f"the gzip file is damaged: {error}", path=self.path
                ) from error

    def _narrow(self, file: File, offset: int) -> Iterator[Piece]:
        """Cuts at line feeds, then decodes."""
        decoder = encodings.decoder(self._codec)
        number, is_first = 1, True
        while raw := file.readline(_PIECE_BYTES):
            is_last = raw.endswith(b"\n")
            text = self._strictly(raw) if is_first and is_last else None
            if text is not None:
                yield Piece(number, text, offset, is_sound=True, ends_line=True)
            else:
                start = offset - len(decoder.getstate()[0])
                text = decoder.decode(raw, is_last)
                yield from _sounded(number, text, start, end="\n")
            offset += len(raw)
            number += is_last
            is_first = is_last
        start = offset - len(decoder.getstate()[0])
        yield from _sounded(number, decoder.decode(b"", True), start, end="\n")

    def _strictly(self, raw: bytes) -> str | None:
        try:
            return raw.decode(self._codec)
        except UnicodeDecodeError:
            return None

    def _wide(self, file: File, offset: int, *, end: str) -> Iterator[Piece]:
        """Decodes, then cuts: a line end takes several bytes, or none of its own."""
        decoder = encodings.decoder(self._codec)
        number = 1
        more = True
        while more:
            raw = file.read(_PIECE_BYTES)
            more = bool(raw)
            for text in _WHOLE_LINES[end].findall(decoder.decode(raw, not more)):
                yield from _sounded(number, text, offset, end=end)
                offset += len(encodings.unescape(text, codec=self._codec))
                number += text.endswith(end)


def _sounded(number: int, text: str, offset: int, *, end: str) -> Iterator[Piece]:
    if text:
        is_sound = encodings.find_escaped(text) < 0
        yield Piece(number, text, offset, is_sound, text.endswith(end))


def _end_of(text: str) -> str:
    return "\r\n" if text.endswith("\r\n") else text[-1:]
