import pytest

from processors.corpora import authors
from processors.corpora.aozora import Work
from runtime.errors import DataError


def line(seed, *, length=80):
    """Modern Japanese-looking text that shares no passage with another seed's."""
    return (
        "".join(chr(0x4E00 + (seed * 211 + k * k) % 5000) for k in range(length - 1))
        + "っ"
    )


def work(number, *, author="太宰治", title=None, lines=12):
    body = {n + 1: line(number * 100 + n) for n in range(lines)}
    return Work("000035", str(number), (title or f"title {number}", author), body)


def everyone(count=12):
    return [
        work(place * 50 + n, author=author)
        for place, author in enumerate(authors.AUTHORS)
        for n in range(count)
    ]


def split(works, *, test=10, train=20, seed=0):
    chosen = authors.choose_works(works)
    return authors.split_by_work(
        chosen, sizes={"test": test, "train": train}, seed=seed
    )


def test_first_version_of_a_title_in_modern_kana_by_one_of_the_six():
    old = Work("000035", "9", ("old", "太宰治"), {1: "さうして言つた。" * 12})
    chosen = authors.choose_works(
        [
            work(1, title="same"),
            work(2, title="same"),
            work(3, author="someone else"),
            work(60574, author="芥川龍之介"),
            old,
        ]
    )
    assert [rows[0].work for rows in chosen["dazai"]] == ["1"]
    assert chosen["akutagawa"] == []


def test_lengths():
    body = {n: line(n, length=n) for n in (59, 60, 240, 241)}
    chosen = authors.choose_works([Work("000035", "7", ("t", "太宰治"), body)])
    (rows,) = chosen["dazai"]
    assert [row.id for row in rows] == ["7-60", "7-240"]


def test_shares_are_equal_and_no_work_is_in_two_splits():
    splits = split(everyone(30))
    assert {name: len(rows) for name, rows in splits.items()} == {
        "test": 60,
        "train": 120,
    }
    works = [{row.work for row in rows} for rows in splits.values()]
    assert works[0].isdisjoint(works[1])


def test_no_work_gives_more_than_a_tenth():
    for name, limit in (("test", 1), ("train", 2)):
        rows = split(everyone(30))[name]
        assert max([row.work for row in rows].count(row.work) for row in rows) == limit


def test_same_seed_same_rows():
    works = everyone(30)
    assert split(works, seed=1) == split(works, seed=1)
    assert split(works, seed=1) != split(works, seed=2)


def test_a_passage_of_another_work_is_left_out():
    works = [w for w in everyone(30) if w.author != "太宰治"]
    shared = line(9999)
    for n in range(30):
        body = {1: line(n)[:30] + shared[10:60], 2: line(5000 + n)}
        works.append(Work("000035", str(700 + n), (f"d {n}", "太宰治"), body))
    rows = [row for rows in split(works, train=10).values() for row in rows]
    assert sum(shared[10:60] in row.text for row in rows) <= 1


def test_too_few_paragraphs():
    with pytest.raises(DataError, match="paragraphs left for train, expected 500"):
        split(everyone(12), train=500)
