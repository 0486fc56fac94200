import random

import numpy as np
import pytest

from processors.tokenization.piece_table import NONE, PieceTable
from processors.tokenization.spelling import UNKNOWN, WordPieceSpelling


def spell(table: PieceTable, words: list[str]) -> list[list[int]]:
    """The ids of each word, all spelled at once."""
    letters = [[*map(table.letter, word), 0] for word in words]
    spelled = table.spell(np.array([i for word in letters for i in word], np.int32))
    rows = np.split(spelled, np.cumsum([len(word) for word in letters])[:-1])
    return [row[row != NONE].tolist() for row in rows]


def some_words(chance: random.Random, *, letters: str, longest: int, count: int):
    return [
        "".join(chance.choices(letters, k=chance.randint(1, longest)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_it_spells_as_one_word_after_the_other(seed):
    chance = random.Random(seed)
    letters = "abcdかき走\U00020000"[: chance.randint(1, 8)]
    size = chance.choice([1, 10, 300])
    pieces = some_words(chance, letters=letters, longest=4, count=size)
    going_on = [f"##{piece}" for piece in pieces if chance.random() < 0.7]
    kept = [piece for piece in pieces if chance.random() < 0.7]
    tokens = dict.fromkeys([UNKNOWN, "", "##", *going_on, *kept])
    ids = {token: index for index, token in enumerate(tokens)}
    spelling = WordPieceSpelling(ids, longest_word=12)
    words = some_words(chance, letters=letters + "x#", longest=14, count=500)
    expected = [[ids[token] for token, *_ in spelling.spell(word)] for word in words]
    assert spell(spelling.table(), words) == expected


def test_the_longest_word():
    table = PieceTable({"a": 1}, further={"a": 2}, unknown=0, longest_word=3)
    assert spell(table, ["aaa", "aaaa", "a"]) == [[1, 2, 2], [0], [1]]
    unbound = PieceTable({"a": 1}, further={"a": 2}, unknown=0, longest_word=None)
    assert spell(unbound, ["aaaa"]) == [[1, 2, 2, 2]]


def test_no_word_and_no_piece():
    table = PieceTable({}, further={}, unknown=7, longest_word=None)
    assert spell(table, ["", "ab", "", "c"]) == [[], [7], [], [7]]
    assert table.spell(np.zeros(1, np.int32)).tolist() == [NONE]


def test_every_piece_of_a_large_vocabulary_has_its_place(tohoku_vocab_file):
    with open(tohoku_vocab_file, encoding="utf-8") as file:
        tokens = list(filter(None, file.read().split("\n")))
    ids = {token: index for index, token in enumerate(tokens)}
    table = WordPieceSpelling(ids, longest_word=100).table()
    assert spell(table, tokens) == [[index] for index in ids.values()]


def test_the_same_vocabulary_is_the_same_table():
    made = [
        PieceTable({"ab": 1, "ba": 2}, further={"b": 3}, unknown=0, longest_word=9)
        for _ in range(2)
    ]
    letters = [[*map(table.letter, "abbax"), 0] for table in made]
    assert letters[0] == letters[1]
    assert len(set(letters[0][:2])) == 2
    assert 0 not in letters[0][:-1]
