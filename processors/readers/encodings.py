"""What a text file is written in: what it was said to be, and what it may be instead.

A file is read in the encoding that it was said to have, strictly. The candidates here
only make an error say what to try; nothing is ever read by a guess.
"""

from __future__ import annotations

import codecs
import dataclasses
import re
import unicodedata
from collections.abc import Iterator, Sequence

from runtime.errors import DataError
from runtime.settings import setting

# What Japanese text is met in, the one that fits the fewest other texts first.
_CANDIDATES = ("utf-8", "euc_jp", "cp932", "euc_jis_2004", "shift_jis_2004")
_WESTERN = "cp1252"
_WESTERN_MARKS = frozenset("‘’“”–—…€«»¿¡°©®§")

# Longer marks first: that of UTF-32-LE starts with that of UTF-16-LE.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
HEAD_BYTES = 1 << 10
# In these without a mark, most bytes of English and some of Japanese text are zero.
_UNMARKED = ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be")
_MANY_ZEROS = 0.25
_BETWEEN = b"\t\n\r"

_NO_LETTERS = {"Cc", "Cn", "Co", "Cs"}

_ESCAPING = "processors.readers.escape"
_ESCAPED_FROM = 0xDC00
# What Python makes of the bytes 80, A0, FD, FE and FF, as Windows does.
_UNDEFINED_IN_CP932 = re.compile("[\x80\uf8f0-\uf8f3]")
_ESCAPED = re.compile("([\udc00-\udcff])")


@dataclasses.dataclass(frozen=True, kw_only=True)
class EncodingSettings:
    """What text files are written in."""

    encoding: str = setting(
        "utf-8", help="What the files are written in, such as cp932 or euc_jp."
    )


def problems(encoding: str, *, flag: str = "encoding") -> Iterator[str]:
    """A sentence, if Python cannot read text in an encoding.

    Args:
        encoding: Its name.
        flag: That of the flag which names it.
    """
    try:
        "\n".encode(encoding)
    except LookupError:
        yield (
            f"--{flag}: expected an encoding such as utf-8, cp932 or euc_jp, got"
            f" {encoding!r}."
        )


def at_start(head: bytes, *, encoding: str, path: str) -> tuple[str, int]:
    """Returns the codec of a file and the length of the byte order mark at its start.

    Args:
        head: The first HEAD_BYTES of the file.
        encoding: What it was said to be written in.
        path: The file.

    Raises:
        DataError: it starts with the mark of another encoding, or is of UTF-16 or
            UTF-32 without a mark.
    """
    name = _plain_name(encoding)
    for mark, codec in _MARKS:
        if head.startswith(mark) and name not in (codec, codec[: -len("-le")]):
            if len(mark) == 2 and is_narrow(name) and name != "utf-8":
                continue  # two bytes that are letters in many encodings
            raise DataError(
                f"expected {name}, found the byte order mark of {codec} at the start;"
                f" say --encoding={codec.removesuffix('-le').removesuffix('-be')}",
                path=path,
                offset=0,
            )
        if head.startswith(mark):
            return codec, len(mark)
    if is_narrow(name) and (unmarked := _unmarked(head, said=name)):
        raise DataError(
            f"expected {name}, found what reads as {unmarked} (without a byte order"
            f" mark); say --encoding={unmarked}",
            path=path,
            offset=0,
        )
    return (f"{name}-le" if name in ("utf-16", "utf-32") else name), 0


def _unmarked(head: bytes, *, said: str) -> str | None:
    """Returns in which encoding with zero bytes a head is text, and in no other."""
    zeros = head.count(0)
    if not zeros or (zeros < _MANY_ZEROS * len(head) and _decodes(head, said)):
        return None
    return next((name for name in _UNMARKED if _is_wide_text(head, name)), None)


def _decodes(head: bytes, codec: str) -> bool:
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def _is_wide_text(head: bytes, codec: str) -> bool:
    """Returns whether text has tabs and line ends where their bytes are."""
    if not _decodes(head, codec):
        return False
    text = codecs.getincrementaldecoder(codec)().decode(head)
    between = sum(text.count(chr(byte)) for byte in _BETWEEN)
    bytes_between = sum(head.count(byte) for byte in _BETWEEN)
    return 2 * between >= max(2, bytes_between) and all(
        letter in "\t\n\r" or unicodedata.category(letter) not in _NO_LETTERS
        for letter in set(text)
    )


def is_narrow(codec: str) -> bool:
    """Returns whether a line feed is one byte, which is part of nothing else."""
    return "\n".encode(codec) == b"\n"


def decoder(codec: str) -> codecs.IncrementalDecoder:
    """Returns a decoder for a file read piece by piece.

    Half of a surrogate pair, which no text holds, stands for a byte that is wrong.
    """
    return codecs.getincrementaldecoder(codec)(_ESCAPING)


def find_escaped(text: str) -> int:
    """Returns the place of the first wrong byte in an escaped text; -1 for none."""
    found = _ESCAPED.search(text)
    return -1 if found is None else found.start()


def unescape(text: str, *, codec: str) -> bytes:
    """Returns the bytes that an escaped text was made of."""
    return b"".join(
        bytes([ord(part) - _ESCAPED_FROM])
        if _ESCAPED.fullmatch(part)
        else part.encode(codec)
        for part in _ESCAPED.split(text)
    )


def has_undefined(text: str, *, codec: str) -> bool:
    """Returns whether a decoder let bytes pass that its encoding does not define."""
    return codec == "cp932" and _UNDEFINED_IN_CP932.search(text) is not None


def advise(samples: Sequence[bytes], *, instead_of: str) -> str:
    """Returns what to do about text that is not in the encoding it was said to have.

    Args:
        samples: Whole lines of the file.
        instead_of: The encoding.
    """
    said = _plain_name(instead_of)
    fitting = [
        name
        for name in (*_CANDIDATES, _WESTERN)
        if name != said and all(_fits(sample, name) for sample in samples)
    ]
    if fitting:
        return f"it may be {fitting[0]}: say --encoding={fitting[0]}"
    tried = ", ".join(name for name in _CANDIDATES if name != said)
    return f"it is not {tried} either, so the file may be damaged"


def _fits(sample: bytes, codec: str) -> bool:
    try:
        # Without `final`: where a file ends without a line end, so may a character.
        text = codecs.getincrementaldecoder(codec)().decode(sample)
    except UnicodeDecodeError:
        return False
    if codec == _WESTERN:  # which takes nearly any bytes for something
        return all(
            letter.isascii() or letter.isalpha() or letter in _WESTERN_MARKS
            for letter in set(text)
        )
    return "\0" not in text and not has_undefined(text, codec=codec)


def _plain_name(encoding: str) -> str:
    return codecs.lookup(encoding).name.removesuffix("-sig")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(chr(_ESCAPED_FROM + byte) for byte in wrong), error.end


codecs.register_error(_ESCAPING, _escape)
