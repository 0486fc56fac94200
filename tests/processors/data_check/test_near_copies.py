import random

import pytest

from processors.data_check import near_copies
from processors.tasks import registry

LETTERS = "あいうえおかきくけこ漢字仮名交じり文,. 😀"


def edit(text, *, rng):
    """One character inserted, deleted or replaced; never the text itself."""
    while True:
        place = rng.randrange(len(text))
        kind = rng.choice(["insert", "delete", "replace"])
        new = "" if kind == "delete" else rng.choice(LETTERS)
        edited = text[:place] + new + text[place + (kind != "insert") :]
        if edited != text:
            return edited


def make_text(rng, *, length, letters=LETTERS):
    return "".join(rng.choices(letters, k=length))


def distance(first, second):
    """Edit distance by dynamic programming."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        last, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (a != b))
    return row[-1]


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_all_edit_distances_of_short_texts(seed):
    """Few letters, so that texts with runs and many neighbours are among them."""
    rng = random.Random(seed)
    texts = {
        make_text(rng, length=rng.randrange(10), letters="abc") for _ in range(600)
    }
    ordered = sorted(texts)
    rng.shuffle(ordered)
    queries, corpus = ordered[:100], ordered[100:]
    found = near_copies.find(queries, corpus=corpus)
    for place, query in enumerate(queries):
        near = [
            text
            for text in corpus
            if max(len(query), len(text)) > near_copies.MIN_SAME_CHARACTERS
            and distance(query, text) == 1
        ]
        assert (place in found) == bool(near)
        assert not near or corpus[found[place]] in near


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("", "", False),
        ("a", "", True),
        ("abc", "abc", False),
        ("abc", "abd", True),
        ("abc", "ab", True),
        ("bc", "abc", True),
        ("aac", "ac", True),
        ("abcd", "ab", False),
        ("abcd", "abdc", False),
        ("abcd", "bcda", False),
    ],
)
def test_one_apart(first, second, expected):
    assert near_copies.one_apart(first, second) is expected
    assert near_copies.one_apart(second, first) is expected


@pytest.mark.parametrize("length", [5, 6, 10, 40, 300, 5000])
def test_every_edit_is_found_and_nothing_else(length):
    rng = random.Random(length)
    corpus = [make_text(rng, length=length + rng.randrange(3)) for _ in range(300)]
    sources = [rng.randrange(len(corpus)) for _ in range(200)]
    queries = [edit(corpus[source], rng=rng) for source in sources]
    others = [make_text(rng, length=length + 50) for _ in range(200)]
    found = near_copies.find(queries + others, corpus=corpus)
    assert found.keys() == set(range(len(queries)))
    for query, source in found.items():
        assert near_copies.one_apart(queries[query], corpus[source])


def test_an_edit_at_each_place_of_a_text():
    corpus = ["吾輩は猫である。名前はまだ無い。"]
    (text,) = corpus
    edited = [text[:i] + "犬" + text[i:] for i in range(len(text) + 1)]
    edited += [text[:i] + "犬" + text[i + 1 :] for i in range(len(text))]
    edited += [text[:i] + text[i + 1 :] for i in range(len(text))]
    assert len(near_copies.find(edited, corpus=corpus)) == len(edited)


def test_blocks_change_nothing(monkeypatch):
    rng = random.Random(0)
    corpus = [make_text(rng, length=30) for _ in range(200)]
    queries = [edit(text, rng=rng) for text in corpus[::2]]
    whole = near_copies.find(queries, corpus=corpus)
    monkeypatch.setattr(near_copies, "_BLOCK", 100)
    monkeypatch.setattr(near_copies, "_QUERY_BLOCK", 70)
    assert near_copies.find(queries, corpus=corpus) == whole
    assert len(whole) == 100


def test_texts_of_one_template_do_not_cost_their_square():
    """All share a half with all; comparing 4e8 pairs would take minutes."""
    corpus = [
        f"本日の最高気温は{number:012d}度の見込みです。" for number in range(20_000)
    ]
    queries = [text.replace("本日の最高", "明日の最低") for text in corpus]
    assert near_copies.find(queries, corpus=corpus) == {}
    queries[777] = corpus[777].replace("見", "観")
    assert near_copies.find(queries, corpus=corpus) == {777: 777}


def test_few_characters_are_no_near_copies():
    assert near_copies.find(["良い", "good", ""], corpus=["悪い", "gold", "a"]) == {}
    assert near_copies.find(["面白い。"], corpus=["面白い。。"]) == {0: 0}


def test_half_a_surrogate_pair_is_a_character():
    assert near_copies.find(["\ud83dabcd"], corpus=["\ud83eabcd"]) == {0: 0}


def test_nothing_to_look_for_or_in():
    assert near_copies.find([], corpus=["some text"]) == {}
    assert near_copies.find(["some text"], corpus=[]) == {}


def test_paragraphs_of_novels_are_not_near_copies_of_each_other():
    processor = registry.create("authors")
    folder = processor.default_data_dir
    train = [row.text_a for row in processor.get_train_examples(folder)]
    dev = [row.text_a for row in processor.get_dev_examples(folder)]
    assert near_copies.find(dev, corpus=train) == {}
