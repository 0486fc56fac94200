import json

import pytest

from processors.readers.pairs import read_ids, read_pairs
from processors.readers.row import BadRow
from runtime.errors import DataError

TEXTS = {"1": "one", "2": "two", "x": "ex\n"}


@pytest.fixture
def read(write):
    """The pairs of a file with this content."""

    def rows(content, texts=None):
        texts = json.dumps(TEXTS) if texts is None else texts
        return list(
            read_pairs(
                write(content, "pairs.json"),
                texts_path=write(texts, "texts.json"),
                columns=("a", "b", "sign"),
            )
        )

    return rows


@pytest.mark.parametrize(
    "pair",
    [
        '[1, "x", 0]',
        '["1", "x", "0"]',
        '[["1", "x"], 0]',
        '{"sign": 0, "b": "x", "a": 1}',
    ],
)
def test_a_pair_of_ids_becomes_a_pair_of_texts(read, pair):
    for content in (f"[{pair}]", f'{{"pair-1": {pair}}}'):
        (row,) = read(content)
        assert (row.text("text_a"), row.text("text_b")) == ("one", "ex\n")
        assert row.name("label") == "0"
        assert row.source.endswith(pair)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ('["1", "3", 0]', "no text with the id '3' in .*texts.json"),
        ('["1", "2"]', "expected a pair"),
        ('["1", "2", 0, 0]', "expected a pair"),
        ("1", "expected a pair"),
        ('["1", null, 0]', "expected text or a whole number, got None"),
        ('{"a": 1, "sign": 0}', "no column 'b'; there is 'a', 'sign'"),
    ],
)
def test_a_bad_pair_leaves_the_others_alone(read, pair, words):
    bad, good = read(f"[{pair}, [1, 2, 1]]")
    assert isinstance(bad, BadRow)
    with pytest.raises(DataError, match=words):
        raise bad.error
    assert good.text("text_b") == "two"


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ('{"1": ["one"]}', "expected an object of texts by id"),
        ('["one"]', "expected an object of texts by id"),
        ('{"1": "one", "1": "two"}', "the key '1' appears twice"),
        ('{"1": "\\ud800"}', "half of a surrogate pair"),
    ],
)
def test_all_texts_must_be_sound(read, texts, words):
    with pytest.raises(DataError, match=words):
        read("[[1, 1, 0]]", texts)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("p.json", '[[1, "b"], ["c", "d", 0]]'),
        ("p.json", '[[["1", "b"], "x"], [["c", "d"], "y"]]'),
        ("p.json", '[{"a": 1, "b": "b"}, {"a": "c", "b": "d", "sign": 0}]'),
        ("p.tsv", "1\tb\nc\td\n"),
        ("p.tsv", "1\tb\t0.5\nc\td\t0.5\n"),
    ],
)
def test_ids_alone(tmp_path, name, content):
    path = tmp_path / name
    path.write_text(content)
    rows = list(read_ids(str(path), columns=("a", "b")))
    assert [(row.name(0), row.name(1)) for row in rows] == [("1", "b"), ("c", "d")]


def test_ids_of_a_bad_pair(tmp_path):
    path = tmp_path / "p.json"
    path.write_text('[["a", "b"], ["a"], [null, "b"], ["c", "d"]]')
    kinds = [isinstance(row, BadRow) for row in read_ids(str(path), columns="ab")]
    assert kinds == [False, True, True, False]
