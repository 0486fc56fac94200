"""Rows made to be misread: every one is accepted or rejected, none is changed.

Each format has a way to write a row and its own plain rule of which rows are good. The
files are read as a task's are, and what comes out is compared byte by byte.
"""

import base64
import json
import random
from dataclasses import dataclass

import pytest

from processors.base import Format, Table, TableProcessor
from processors.readers.sieve import OnBadRow

LABELS = ("0", "1")
ROWS = 12_500
TEN_MEGABYTES = 10_000_000
FRAGMENTS = [
    *" a'\",\\{]\r\x0b\x0c\x1c\x1d\x1e\x7f\x85\u2028\u2029",
    *"\ufeff\u200b\u202e\ufffd\uffff",
    *("", '""', "\\n", "日本語", "か\u3099", "ﾊﾝｶｸ", "ｶﾞ", "e\u0301", "\U000e0041"),
    *("\U0001f468\u200d\U0001f469\u200d\U0001f467", "\U0001f1ef\U0001f1f5"),
]
WRONG_BYTES = [b"\xff", b"\xe3\x81", b"\xed\xa0\x80", b"\xc0\xaf", b"\x93\xfa", b"\0"]


@dataclass(frozen=True)
class Written:
    """A row in a file.

    Attributes:
        data: Its bytes, without what ends it.
        text: The text that must come out of it; None when it must be rejected.
    """

    data: bytes
    text: bytes | None


def draw_text(draw, *, without=()):
    text = "".join(draw.choices(FRAGMENTS, k=draw.randrange(1, 8)))
    for character in without:
        text = text.replace(character, "")
    return text


def tsv_row(draw, big):
    text = "あ" * (TEN_MEGABYTES // 3) if big else draw_text(draw, without="\t\n")
    data, good = text.encode(), True
    if draw.random() < 0.1:
        data, good = data + draw.choice(WRONG_BYTES) + b"x", False
    tabs = 1 if draw.random() < 0.9 else draw.choice([0, 2, 3])
    cells = [data, b"1", b"0", b"1"][: tabs + 1]
    label_is_known = draw.random() < 0.9
    if tabs == 1 and not label_is_known:
        cells[1] = b"9"
    good = good and tabs == 1 and label_is_known
    row = b"\t".join(cells) + draw.choice([b"", b"\r"])
    return Written(row, data if good else None)


def csv_row(draw, big):
    text = ('"あ' * 100 + "\n") * (TEN_MEGABYTES // 401) if big else draw_text(draw)
    text += draw.choice(["", "\n", "\r\n", ",", "\t"])
    data = text.encode()
    spoiled = draw.choice(["wrong bytes", "after", "columns", *[""] * 12])
    if spoiled == "wrong bytes":
        data += draw.choice(WRONG_BYTES)
    cell = b'"' + data.replace(b'"', b'""') + b'"'
    if spoiled == "after":
        cell += b"x"
    tail = b",1,1" if spoiled == "columns" else b",1"
    return Written(cell + tail, None if spoiled else text.encode())


def json_item(draw, big):
    text = '\n"\\あ' * (TEN_MEGABYTES // 6) if big else draw_text(draw)
    shown = json.dumps(text, ensure_ascii=draw.random() < 0.5)
    spoiled = draw.random() < 0.3
    if spoiled:
        shown = draw.choice(
            [
                shown[:-1] + '\\ud83d"',
                shown[:-1] + '\\udc00\\ud83d"',
                shown[:-1] + '\\u0000"',
                shown[:-1] + '\\x"',
                shown[:-1] + '\x01"',
                shown + ', "text": "again"',
                shown + ', "score": NaN',
                shown + ' "no comma": 1',
                '["no text"]',
                "null",
                "1" * 5000,
            ]
        )
    data = f'{{"text": {shown}, "label": 1}}'.encode()
    if draw.random() < 0.1:
        data, spoiled = data.replace(b'", "label"', b'\xff", "label"'), True
        data = data if b"\xff" in data else b"[]"
    return Written(data, None if spoiled else text.encode())


def as_lines(rows, draw):
    return b"".join(row.data + b"\n" for row in rows)


def as_json(rows, draw):
    commas = [draw.choice([b",", b" ,\n", b",\r\n\r\n  "]) for _ in rows[1:]] + [b""]
    items = [row.data + comma for row, comma in zip(rows, commas, strict=True)]
    return draw.choice([b"[", b" [\n"]) + b"".join(items) + b"]\n"


FORMATS = {
    Format.TSV: (tsv_row, as_lines, b"text\tlabel\n"),
    Format.CSV: (csv_row, as_lines, b"text,label\n"),
    Format.JSONL: (json_item, as_lines, b""),
    Format.JSON: (json_item, as_json, b""),
}


@pytest.mark.parametrize("file_format", FORMATS)
def test_every_row_is_accepted_as_it_is_or_rejected(tmp_path, file_format):
    make, join, head = FORMATS[file_format]
    draw = random.Random(file_format.value)
    rows = [make(draw, number == ROWS // 2) for number in range(ROWS)]
    (tmp_path / "train").write_bytes(head + join(rows, draw))

    class Hostile(TableProcessor):
        labels = LABELS
        train = Table("train", text_a="text", label="label", format=file_format)

    processor = Hostile()
    rejects = str(tmp_path / "rejects.jsonl")
    with processor.sifting(OnBadRow.REJECT, rejects_path=rejects):
        sieve = processor.sieve
        examples = processor.get_train_examples(str(tmp_path))

    accepted = [row.text for row in rows if row.text is not None]
    assert [example.text_a.encode() for example in examples] == accepted
    rejected = [row.data for row in rows if row.text is None]
    assert [source(entry) for entry in entries(rejects)] == [
        data.removesuffix(b"\r") for data in rejected
    ]
    assert all(entry["reason"] for entry in entries(rejects))
    assert sieve.accepted.total() == len(accepted)
    assert sieve.rejected.total() == len(rejected)
    assert 0 < len(rejected) < len(accepted)


def entries(path):
    with open(path, encoding="utf-8", newline="\n") as file:
        return [json.loads(line) for line in file]


def source(entry):
    """The bytes of a rejected row."""
    if "row" in entry:
        return entry["row"].encode()
    return base64.b64decode(entry["row_base64"])
