import pytest

from processors.corpora.aozora import Work
from processors.corpora.author_pair import deal, read_pair

LABELS = {"1": "one", "2": "two"}


def line(number, *, author):
    """A paragraph of 100 characters that no other number or author has."""
    start = 0x4E00 + (number * 2 + author) * 100
    return "".join(chr(start + place) for place in range(100))


def work(number, *, author, lines, title=None, start=None):
    first = number * 1000 if start is None else start
    # Modern kana has small tsu.
    body = {1: "っ" * 20}
    body |= {n + 2: line(first + n, author=author) for n in range(lines)}
    return Work(str(author), str(number), (title or f"title {number}", "name"), body)


@pytest.fixture
def works():
    found = []
    for author in (1, 2):
        found += [work(n, author=author, lines=3, start=n * 3) for n in range(1, 61)]
    return found


def texts(rows):
    return [row.text for row in rows]


def test_works_by_label(works):
    pair = read_pair([*works, work(99, author=3, lines=3, start=0)], labels=LABELS)
    assert list(pair) == ["one", "two"]
    assert [len(rows) for rows in pair["one"]] == [3] * 60
    assert pair["two"][0][0].work == "title 1"
    assert pair["two"][0][0].id == "1-2"


def test_a_version_of_a_work_adds_what_is_new_in_it():
    first = work(1, author=1, lines=3, start=0, title="same")
    second = work(2, author=1, lines=5, start=0, title="same")
    [rows] = read_pair([first, second], labels=LABELS)["one"]
    assert len(rows) == len(set(texts(rows))) == 5


def test_a_quotation_of_another_work_is_left_out():
    first = work(1, author=1, lines=3, start=0)
    second = work(2, author=1, lines=4, start=2)
    pair = read_pair([first, second], labels=LABELS)["one"]
    assert [len(rows) for rows in pair] == [3, 3]


def test_no_work_is_in_two_splits(works):
    splits = deal(read_pair(works, labels=LABELS), seed=0)
    for label in LABELS.values():
        train, dev, test = (
            {row.work for row in splits[name] if row.author == label}
            for name in ("train", "dev", "test")
        )
        assert dev
        assert test
        assert not (train & dev)
        assert not (train & test)
        assert not (dev & test)
    sizes = {name: len(rows) for name, rows in splits.items()}
    assert sum(sizes.values()) == 360
    assert 30 <= sizes["dev"] <= 42
    assert 30 <= sizes["test"] <= 42


def test_a_novel_is_trained_on():
    novel = work(50, author=1, lines=60, start=200)
    small = [work(n, author=1, lines=1, start=n) for n in range(1, 40)]
    splits = deal(read_pair([novel, *small], labels=LABELS), seed=0)
    assert {row.work for row in splits["train"]} >= {"title 50"}
    assert splits["test"]


def test_same_seed_same_splits(works):
    pair = read_pair(works, labels=LABELS)
    assert deal(pair, seed=1) == deal(pair, seed=1)
    assert deal(pair, seed=1) != deal(pair, seed=2)
