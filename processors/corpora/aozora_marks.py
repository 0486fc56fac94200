"""Characters that Aozora Bunko's files only describe, since CP932 has them not.

Source: https://www.aozora.gr.jp/annotation/external_character.html and
https://www.aozora.gr.jp/accent_separation.html.
"""

from __future__ import annotations

import re
import unicodedata

_NEUTRAL = "〓"  # what printers put where a type is missing

_CELLS = 94  # of a row, and rows of a plane

_MARK = re.compile(r"※［＃([^［］]*)］")
_JIS = re.compile(r"(?<![-\d])([12])-(\d{1,2})-(\d{1,2})(?![-\d])")
_UNICODE = re.compile(r"U\+([0-9A-Fa-f]{4,6})")
_ACCENTED = re.compile(r"〔([^〔〕]*)〕")
_LETTER = re.compile(r"([A-Za-z])([`'^~:&,_])")
_ACCENTS = dict(
    zip(
        "`'^~:&,_",
        map(chr, (0x300, 0x301, 0x302, 0x303, 0x308, 0x30A, 0x327, 0x304)),
        strict=True,
    )
)
_REPEATED = {"／″＼": "〲", "／＼": "〱"}


def resolve(line: str) -> str:
    """Returns a line with the characters that its marks describe.

    A number in JIS X 0213 or Unicode gives the character itself; a description by its
    parts alone a neutral sign.

    Args:
        line: As Aozora writes it.
    """
    line = _MARK.sub(lambda found: _character(found[1]), line)
    line = _ACCENTED.sub(_accented, line)
    for mark, sign in _REPEATED.items():
        line = line.replace(mark, sign)
    return line


def _character(note: str) -> str:
    if found := _JIS.search(note):
        plane, row, cell = (int(number) for number in found.groups())
        prefix = b"\x8f" if plane == 2 else b""
        if max(row, cell) <= _CELLS:
            code = prefix + bytes((0xA0 + row, 0xA0 + cell))
            return code.decode("euc_jis_2004", "replace").replace("\ufffd", _NEUTRAL)
    found = _UNICODE.search(note)
    return chr(int(found[1], 16)) if found else _NEUTRAL


def _accented(found: re.Match[str]) -> str:
    """The letters with their accents; brackets of another meaning stay."""
    text = _LETTER.sub(lambda pair: _joined(pair[1], pair[2]), found[1])
    return found[0] if text == found[1] else text


def _joined(letter: str, accent: str) -> str:
    """One character where there is such a one, else both as they are."""
    whole = unicodedata.normalize("NFC", letter + _ACCENTS[accent])
    return whole if len(whole) == 1 else letter + accent
