import base64
import json

import pytest

from processors.readers.row import BadRow, Row
from processors.readers.sieve import OnBadRow, RejectingSieve, open_sieve
from runtime.errors import DataError

GOOD = Row("a.tsv", 2, (), ("x",), source="x")
BAD = BadRow("a.tsv", DataError("no row", path="a.tsv", line=3), "y\u2028")
WRONG = BadRow("b.tsv", DataError("no text", path="b.tsv", line=1), b"\xff")


def make(row):
    if row.text(0) == "z":
        raise row.error("not z")
    return None if row.text(0) == "other" else row.text(0)


@pytest.fixture
def rows():
    return [
        GOOD,
        BAD,
        WRONG,
        Row("a.tsv", 4, (), ("z",), source="z"),
        Row("a.tsv", 5, (), ("other",), source="other"),
    ]


def test_the_first_bad_row_is_the_end(rows, tmp_path):
    path = str(tmp_path / "rejects.jsonl")
    with (
        open_sieve(OnBadRow.ERROR, rejects_path=path) as sieve,
        pytest.raises(DataError, match=r"a\.tsv:3: no row"),
    ):
        list(sieve.sift(rows, make))
    assert not (tmp_path / "rejects.jsonl").exists()


def test_rejected_rows_are_written_with_their_reasons(rows, tmp_path):
    path = str(tmp_path / "new" / "rejects.jsonl")
    with open_sieve(OnBadRow.REJECT, rejects_path=path) as sieve:
        assert list(sieve.sift(rows, make)) == ["x"]
    with open(path, encoding="utf-8", newline="\n") as file:
        entries = [json.loads(line) for line in file]
    assert entries == [
        {"file": "a.tsv", "line": 3, "reason": "no row", "row": "y\u2028"},
        {
            "file": "b.tsv",
            "line": 1,
            "reason": "no text",
            "row_base64": base64.b64encode(b"\xff").decode(),
        },
        {"file": "a.tsv", "line": 4, "reason": "not z", "row": "z"},
    ]
    assert (sieve.accepted.total(), sieve.rejected.total()) == (1, 3)
    assert sieve.describe().splitlines() == [
        "a.tsv: 3 rows read, 1 accepted, 2 rejected",
        "b.tsv: 1 rows read, 0 accepted, 1 rejected",
    ]


def test_nothing_left_says_why(rows, tmp_path):
    path = str(tmp_path / "rejects.jsonl")
    with open_sieve(OnBadRow.REJECT, rejects_path=path) as sieve:
        assert str(sieve.nothing_left("empty", path="a.tsv")) == "a.tsv: empty"
        list(sieve.sift(rows[1:2], make))
    error = sieve.nothing_left("empty", path="a.tsv")
    assert str(error) == "a.tsv: empty; 1 rejected, the first: a.tsv:3: no row"


def test_a_rehearsal_writes_nothing(rows, tmp_path):
    path = tmp_path / "rejects.jsonl"
    with open_sieve(OnBadRow.REJECT, rejects_path=str(path)) as sieve:
        assert list(sieve.rehearsal().sift(rows, make)) == ["x"]
    assert not path.exists()
    with (
        open_sieve(OnBadRow.ERROR, rejects_path=str(path)) as sieve,
        pytest.raises(DataError),
    ):
        list(sieve.rehearsal().sift(rows, make))


def test_what_was_made_may_be_of_no_use(rows, tmp_path):
    path = tmp_path / "rejects.jsonl"

    def unfit(made):
        return f"{made} is of no use" if made == "x" else None

    with path.open("wb") as file:
        sieve = RejectingSieve(lambda: file, unfit=unfit)
        assert list(sieve.sift(rows, make)) == []
    lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    reasons = [json.loads(line)["reason"] for line in lines]
    assert "x is of no use" in reasons
