import dataclasses
import random
import shutil

import fugashi
import numpy as np
import pytest

from processors.tokenization import mecab_dictionary
from processors.tokenization.mecab_dictionary import ContextCounts
from runtime.errors import DataError
from tests.processors.tokenization.small_dictionary import SmallDictionary

UNKNOWN = [(name, 0, 0, 9) for name in ("DEFAULT", "SPACE", "KANJI", "KANA")]


def counts_of(dictionary, seed=0):
    chance = np.random.default_rng(seed)
    left, right = (chance.integers(0, 9, size) for size in dictionary.costs.shape)
    return ContextCounts(left, right=right)


def open_mecab(folder, form="-O wakati"):
    return fugashi.GenericTagger(f'-d "{folder}" -r /dev/null {form}')


def pruned(folder, to):
    """Prunes a dictionary into a folder; returns it before and after."""
    whole = mecab_dictionary.read(folder)
    less = mecab_dictionary.prune(whole, counts=counts_of(whole))
    mecab_dictionary.write(less, str(to))
    for name in ("char.bin", "dicrc"):
        shutil.copy(f"{folder}/{name}", to)
    return whole, less


def test_the_same_words_whatever_the_dictionary(tmp_path):
    """Sizes that differ, equal paths by the hundred, unknown words, white space."""
    dropped, merged, found = 0, 0, set()
    for seed in range(12):
        folder = SmallDictionary.random(seed).compile(f"{tmp_path}/{seed}")
        whole, less = pruned(folder, f"{tmp_path}/less{seed}")
        dropped += len(whole.known.words) - len(less.known.words)
        merged += whole.costs.size - less.costs.size
        ours, theirs = open_mecab(f"{tmp_path}/less{seed}"), open_mecab(folder)
        rng = random.Random(seed)
        for _ in range(200):
            text = "".join(rng.choices("あいう山川a石え ん", k=rng.randint(1, 12)))
            assert ours.parse(text) == theirs.parse(text)
            found.add(ours.parse(text))
    assert dropped > 500
    assert merged > 50
    assert len(found) > 1500


def test_what_is_read_is_what_was_compiled(tmp_path):
    source = SmallDictionary(
        words=[("山", 1, 2, 5), ("山", 0, 3, -7), ("川", 1, 1, 6)],
        unknown=UNKNOWN,
        costs=np.arange(8).reshape(2, 4),
    )
    found = mecab_dictionary.read(source.compile(str(tmp_path / "a")))
    assert found.costs.tolist() == source.costs.tolist()
    words = found.known.words[["left", "right", "cost"]].tolist()
    assert sorted(words) == [(0, 3, -7), (1, 1, 6), (1, 2, 5)]
    assert sorted(found.known.counts.tolist()) == [1, 2]


def costs_of_homographs(tmp_path, words):
    """The costs of the words left, in a dictionary whose contexts differ by up to 3."""
    costs = np.array([[0, 0, 0], [0, 1, 2], [0, 0, 3]])
    folder = SmallDictionary(words, unknown=UNKNOWN, costs=costs)
    whole, less = pruned(folder.compile(str(tmp_path / "a")), tmp_path / "b")
    assert len(whole.known.words) == len(words)
    return sorted(less.known.words["cost"].tolist())


def test_a_word_dearer_than_another_everywhere_is_dropped(tmp_path):
    words = [("山", 1, 1, 10), ("山", 1, 1, 11), ("川", 2, 2, 99), ("石", 0, 0, 50)]
    assert costs_of_homographs(tmp_path, words) == [10, 50, 99]


def test_a_word_as_cheap_as_another_stays(tmp_path):
    words = [("山", 1, 1, 10), ("山", 1, 1, 10), ("川", 2, 2, 99)]
    assert costs_of_homographs(tmp_path, words) == [10, 10, 99]


@pytest.mark.parametrize(("cost", "left"), [(13, [10, 13]), (14, [10])])
def test_neighbours_may_make_up_for_a_dearer_word(tmp_path, cost, left):
    # The second saves at most 2 on its left side, after right id 2, and 1 on its right
    # side, before left id 1.
    words = [("山", 1, 1, 10), ("山", 0, 0, cost), ("川", 2, 2, 99), ("川", 1, 1, 99)]
    assert costs_of_homographs(tmp_path, words) == [*left, 99, 99]


def test_contexts_of_equal_costs_become_one_and_frequent_ones_come_first(tmp_path):
    costs = np.array([[0, 1, 2, 1], [3, 4, 5, 4], [6, 7, 8, 7], [3, 4, 5, 4]])
    words = [("山", 1, 1, 0), ("川", 2, 2, 0), ("石", 3, 3, 0)]
    source = SmallDictionary(words, unknown=UNKNOWN, costs=costs)
    whole = mecab_dictionary.read(source.compile(str(tmp_path / "a")))
    counts = ContextCounts(np.array([0, 1, 5, 2]), right=np.array([0, 8, 3, 0]))
    less = mecab_dictionary.prune(whole, counts=counts)
    assert less.costs.tolist() == [[0, 1, 2], [6, 7, 8], [3, 4, 5]]
    ids = less.known.words[["left", "right"]].tolist()
    assert sorted(ids) == [(1, 2), (2, 1), (2, 1)]


def test_the_edge_of_a_text_keeps_its_context(tmp_path):
    source = SmallDictionary.random(3)
    whole = mecab_dictionary.read(source.compile(str(tmp_path / "a")))
    most = counts_of(whole)
    most.left[0] = most.right[0] = -1
    less = mecab_dictionary.prune(whole, counts=most)
    assert less.costs[0, 0] == whole.costs[0, 0]


def test_contexts_of_no_word_are_dropped(tmp_path):
    costs = np.arange(16).reshape(4, 4)
    source = SmallDictionary([("山", 1, 2, 0)], unknown=UNKNOWN, costs=costs)
    _, less = pruned(source.compile(str(tmp_path / "a")), tmp_path / "b")
    assert less.costs.tolist() == [[0, 2], [4, 6]]


def overwrite(path, at, content):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(content)


@pytest.mark.parametrize("name", ["sys.dic", "unk.dic"])
@pytest.mark.parametrize("at", [0, 4, 16, 20, 24])
def test_another_layout_of_words_is_refused(small_dictionary, name, at):
    overwrite(f"{small_dictionary}/{name}", at, b"\x65")
    with pytest.raises(DataError, match=f"{name}: expected size, version"):
        mecab_dictionary.read(small_dictionary)


def test_another_layout_of_costs_is_refused(small_dictionary):
    overwrite(f"{small_dictionary}/matrix.bin", 0, b"\x65")
    with pytest.raises(DataError, match="expected a matrix of"):
        mecab_dictionary.read(small_dictionary)


@pytest.mark.parametrize("name", ["sys.dic", "unk.dic", "matrix.bin"])
@pytest.mark.parametrize("length", [0, 3, -1])
def test_a_part_of_a_file_is_refused(small_dictionary, name, length):
    with open(f"{small_dictionary}/{name}", "r+b") as file:
        content = file.read()
        file.truncate(len(content[:length]))
    with pytest.raises(DataError, match=name):
        mecab_dictionary.read(small_dictionary)


def test_contexts_beyond_the_matrix_are_refused(small_dictionary):
    whole = mecab_dictionary.read(small_dictionary)
    whole = dataclasses.replace(whole, costs=whole.costs[:1])
    mecab_dictionary.write(whole, small_dictionary)
    with pytest.raises(DataError, match="context ids that its matrix has not"):
        mecab_dictionary.read(small_dictionary)


def test_words_without_a_surface_are_refused(small_dictionary):
    whole = mecab_dictionary.read(small_dictionary)
    known = dataclasses.replace(whole.known, counts=whole.known.counts - 1)
    mecab_dictionary.write(dataclasses.replace(whole, known=known), small_dictionary)
    with pytest.raises(DataError, match="every word to be of one surface"):
        mecab_dictionary.read(small_dictionary)
