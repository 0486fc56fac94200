"""Sequences against plain loops over lists, and what each objective promises."""

from random import Random

import numpy as np
import pytest

from processors.pretraining import sequences
from processors.pretraining.corpus import Corpus, Sentences
from processors.pretraining.sequences import Cut
from processors.pretraining.settings import PretrainingTask
from runtime.errors import DataError


def make_documents(count=12, *, most=8, longest=30, seed=0):
    """Documents whose tokens are all different."""
    random = np.random.RandomState(seed)
    token = iter(range(10**6))
    return [
        [
            [next(token) for _ in range(random.randint(1, longest + 1))]
            for _ in range(random.randint(1, most + 1))
        ]
        for _ in range(count)
    ]


def make_corpus(documents):
    return Corpus(
        Sentences.of(
            [line for document in documents for line in document],
            ends=np.cumsum([len(document) for document in documents]).tolist(),
            lines=0,
            vocab_size=10**6,
        )
    )


def make(documents, *, objective, length=40, short=0.3, seed=5, order=None):
    """Sequences of each document."""
    corpus, rng = make_corpus(documents), Random(seed)
    return [
        list(
            sequences.sequences(
                corpus,
                place,
                order=order or range(len(documents)),
                objective=objective,
                cut=Cut(max_seq_length=length, short_seq_prob=short),
                rng=rng,
            )
        )
        for place in range(len(documents))
    ]


def of_the_original(documents, index, *, length, short, rng):  # noqa: C901, PLR0915
    """create_instances_from_document of google-research/bert, as it stands there."""
    document = documents[index]
    max_num_tokens = length - 3
    target_seq_length = max_num_tokens
    if rng.random() < short:
        target_seq_length = rng.randint(2, max_num_tokens)
    instances = []
    current_chunk = []
    current_length = 0
    i = 0
    while i < len(document):
        segment = document[i]
        current_chunk.append(segment)
        current_length += len(segment)
        if i == len(document) - 1 or current_length >= target_seq_length:
            if current_chunk:
                a_end = 1
                if len(current_chunk) >= 2:
                    a_end = rng.randint(1, len(current_chunk) - 1)
                tokens_a = []
                for j in range(a_end):
                    tokens_a.extend(current_chunk[j])
                tokens_b = []
                is_random_next = False
                if len(current_chunk) == 1 or rng.random() < 0.5:
                    is_random_next = True
                    target_b_length = target_seq_length - len(tokens_a)
                    for _ in range(10):
                        other = rng.randint(0, len(documents) - 1)
                        if other != index:
                            break
                    random_document = documents[other]
                    random_start = rng.randint(0, len(random_document) - 1)
                    for j in range(random_start, len(random_document)):
                        tokens_b.extend(random_document[j])
                        if len(tokens_b) >= target_b_length:
                            break
                    i -= len(current_chunk) - a_end
                else:
                    for j in range(a_end, len(current_chunk)):
                        tokens_b.extend(current_chunk[j])
                while len(tokens_a) + len(tokens_b) > max_num_tokens:
                    trunc = tokens_a if len(tokens_a) > len(tokens_b) else tokens_b
                    if rng.random() < 0.5:
                        del trunc[0]
                    else:
                        trunc.pop()
                instances.append((tokens_a, tokens_b, int(is_random_next)))
            current_chunk = []
            current_length = 0
        i += 1
    return instances


@pytest.mark.parametrize("longest", [6, 30, 90])
@pytest.mark.parametrize("short", [0.0, 0.5])
@pytest.mark.parametrize("count", [2, 12])
def test_next_sentences_are_the_originals(longest, short, count):
    documents = make_documents(count, longest=longest)
    rng = Random(5)
    expected = [
        of_the_original(documents, index, length=40, short=short, rng=rng)
        for index in range(len(documents))
    ]
    made = make(documents, objective=PretrainingTask.MLM_NSP, short=short)
    found = [[(s.first, s.second, s.label) for s in each] for each in made]
    assert found == expected


@pytest.mark.parametrize(("length", "is_long"), [(37, False), (38, True)])
def test_which_line_is_longer_than_a_sequence(length, is_long):
    made = make(
        [[[1] * length], [[2] * 9]], objective=PretrainingTask.MLM_NSP, short=0.0
    )
    assert made[0][0].has_long_line == is_long
    assert not made[1][0].has_long_line


def test_random_ones_are_drawn_by_their_place_in_the_order():
    documents = make_documents(6)
    order = [3, 1, 5, 0, 2, 4]
    shuffled = [documents[number] for number in order]
    assert make(documents, objective=PretrainingTask.MLM_NSP, order=order) == make(
        shuffled, objective=PretrainingTask.MLM_NSP
    )


def test_labels_of_next_sentences():
    documents = make_documents(200, longest=8)
    home = {t: n for n, d in enumerate(documents) for line in d for t in line}
    labels = []
    for number, made in enumerate(make(documents, objective=PretrainingTask.MLM_NSP)):
        for each in made:
            assert {home[token] for token in each.first} <= {number}
            homes = {home[token] for token in each.second}
            assert len(homes) <= 1
            assert each.label == int(homes != {number})
            labels.append(each.label)
    assert 0.5 < np.mean(labels) < 0.75


@pytest.mark.parametrize("longest", [6, 30, 90])
def test_tokens_that_next_sentences_lose_or_borrow(longest):
    documents = make_documents(longest=longest)
    made = make(documents, objective=PretrainingTask.MLM_NSP)
    for document, several in zip(documents, made, strict=True):
        own = {token for line in document for token in line}
        used = [token for each in several for token in each.first + each.second]
        kept = [token for token in used if token in own]
        assert len(kept) == len(own) - sum(each.lost for each in several)
        assert len(used) - len(kept) == sum(each.borrowed for each in several)
    has_long = any(len(line) > 37 for document in documents for line in document)
    several = [each for some in made for each in some]
    assert any(each.has_long_line for each in several) == has_long
    assert any(each.lost for each in several) == (longest > 6)


@pytest.mark.parametrize("objective", [PretrainingTask.MLM, PretrainingTask.MLM_SOP])
@pytest.mark.parametrize("longest", [1, 6, 30, 90, 400])
@pytest.mark.parametrize("length", [5, 40, 41])
def test_other_objectives_lose_nothing(objective, longest, length):
    documents = make_documents(longest=longest)
    made = make(documents, objective=objective, length=length, short=0.3)
    for document, several in zip(documents, made, strict=True):
        found = []
        for each in several:
            swapped = each.label == 1
            first, second = (
                (each.second, each.first) if swapped else (each.first, each.second)
            )
            found += first + second
            special = 3 if second else 2
            assert len(first + second) + special <= length
            assert first
            assert bool(second) == (each.label is not None)
        assert found == [token for line in document for token in line]


def test_one_segment_holds_whole_sentences():
    documents = make_documents(longest=30)
    ends = {line[-1] for document in documents for line in document}
    made = make(documents, objective=PretrainingTask.MLM, short=0.0)
    assert all(each.first[-1] in ends for some in made for each in some)
    full = [len(each.first) for some in made for each in some[:-1]]
    assert np.mean(full) > 0.6 * 38


@pytest.mark.parametrize("seed", range(8))
def test_a_novel_is_not_cut_short_as_a_whole(seed):
    """Drawn once a document, all of it came in sequences of a few tokens, or none."""
    document = [[0] * 5] * 20_000
    [made] = make([document], objective=PretrainingTask.MLM, short=0.1, seed=seed)
    sizes = np.array([len(each.first) for each in made[:-1]])
    assert sizes.sum() + len(made[-1].first) == 100_000
    assert 0.07 < np.mean(sizes < 35) < 0.12
    assert (sizes[sizes < 35] < 10).any()


def test_one_segment_is_filled_to_the_last_token():
    document = [[0] * 19, [1] * 19, [2] * 80]
    [made] = make([document], objective=PretrainingTask.MLM, length=40, short=0.0)
    sizes = [len(each.first) for each in made]
    assert sizes == [38, 38, 38, 4]


def test_a_long_line_is_asked_for_its_order():
    """Every sequence but the last has two halves, and as many tokens as fit."""
    document = [list(range(10_000))]
    [made] = make([document], objective=PretrainingTask.MLM_SOP, length=128, short=0.0)
    assert len(made) == 10_000 // 125
    for each in made:
        assert len(each.first) + len(each.second) == 125
        assert {len(each.first), len(each.second)} == {62, 63}
        assert each.label == int(each.first[0] > each.second[0])
    assert 0.3 < np.mean([each.label for each in made]) < 0.7


def test_sentences_that_fit_are_not_cut_for_their_order():
    document = [[n] * 10 for n in range(9)]
    [made] = make([document], objective=PretrainingTask.MLM_SOP, length=43, short=0.0)
    sizes = [len(each.first) + len(each.second) for each in made]
    assert sizes == [40, 40, 10]
    assert all(len(each.first) % 10 == 0 for each in made)
    assert [each.label is None for each in made] == [False, False, True]


def test_the_second_sentence_is_cut_where_the_sequence_is_full():
    document = [[0] * 30, [1] * 30]
    [made] = make([document], objective=PretrainingTask.MLM_SOP, length=43, short=0.0)
    pairs = [sorted([each.first, each.second]) for each in made]
    assert pairs == [[[0] * 30, [1] * 10], [[], [1] * 20]]


def test_a_third_sentence_is_left_for_the_next_sequence():
    document = [[n] * 15 for n in range(4)]
    [made] = make([document], objective=PretrainingTask.MLM_SOP, length=43, short=0.0)
    assert [len(each.first) + len(each.second) for each in made] == [30, 30]


def test_orders_are_asked_at_any_sentence():
    document = [[n] * 10 for n in range(400)]
    [made] = make([document], objective=PretrainingTask.MLM_SOP, length=43, short=0.0)
    assert {len(each.first) for each in made} == {10, 20, 30}


def test_orders_are_swapped_half_of_the_time():
    documents = make_documents(300, longest=4)
    labels = [
        each.label
        for some in make(documents, objective=PretrainingTask.MLM_SOP)
        for each in some
        if each.label is not None
    ]
    assert 0.4 < np.mean(labels) < 0.6


def test_shares_of_short_sequences():
    cut, rng = Cut(max_seq_length=40, short_seq_prob=0.25), Random(0)
    found = [cut.target(rng, special_tokens=3) for _ in range(4000)]
    assert {most for most, _ in found} == {37}
    targets = np.array([target for _, target in found])
    assert (targets.min(), targets.max()) == (2, 37)
    # A short one is also as long as the longest, once in 36.
    assert np.mean(targets < 37) == pytest.approx(0.25 * 35 / 36, abs=0.02)


def test_next_sentences_need_two_documents():
    for objective in PretrainingTask:
        corpus = make_corpus(make_documents(1))
        if objective is PretrainingTask.MLM_NSP:
            with pytest.raises(DataError, match="mlm_sop"):
                sequences.refuse_single(corpus, objective=objective)
        else:
            sequences.refuse_single(corpus, objective=objective)
    two = make_corpus(make_documents(2))
    sequences.refuse_single(two, objective=PretrainingTask.MLM_NSP)
