from array import array

import numpy as np
import pytest

from processors.pretraining.corpus import Corpus, Sentences


def made(*documents, vocab_size=100):
    """A corpus of sentences of numbers."""
    sentences = [array("i", line) for document in documents for line in document]
    ends = np.cumsum([len(document) for document in documents]).tolist()
    return Sentences.of(sentences, ends=ends, lines=7, vocab_size=vocab_size)


def listed(corpus):
    found = []
    for index in range(len(corpus)):
        document = corpus.document(index)
        found.append([document.joined(i, i + 1) for i in range(len(document))])
    return found


def test_documents_and_sentences_without_tokens_are_left_out():
    corpus = Corpus(made([[], [1, 2]], [], [[]], [[3], [], [4, 5, 6]]))
    assert listed(corpus) == [[[1, 2]], [[3], [4, 5, 6]]]
    assert corpus.sentence_counts.tolist() == [1, 2]
    assert len(Corpus(made())) == len(Corpus(made([[]]))) == 0


def test_parts_join_as_if_they_were_one():
    parts = [made([[1], [2]], [[3]]), made(), made([[4, 5]])]
    # The second document of the first part goes on in no other: its end was told.
    whole = Sentences.concatenate(parts)
    assert listed(Corpus(whole)) == [[[1], [2]], [[3]], [[4, 5]]]
    assert whole.lines == 21
    open_end = Sentences.of([array("i", [7])], ends=[], lines=1, vocab_size=100)
    joined = Sentences.concatenate([open_end, parts[0]])
    assert listed(Corpus(joined)) == [[[7], [1], [2]], [[3]]]


@pytest.mark.parametrize(
    ("vocab_size", "dtype"), [(1 << 15, np.int16), ((1 << 15) + 1, np.int32)]
)
def test_two_bytes_a_token_where_they_hold_it(tmp_path, vocab_size, dtype):
    highest = vocab_size - 1
    text = made([[0, highest, ~highest, ~0]], vocab_size=vocab_size)
    assert text.tokens.dtype == dtype
    path = str(tmp_path / "text.npz")
    text.save(path)
    again = Sentences.load(path)
    assert again.tokens.dtype == dtype
    assert listed(Corpus(again)) == [[[0, highest, ~highest, ~0]]]
    assert again.lines == 7
    assert Corpus(again).count(highest) == 2
    assert Corpus(again).count(1) == 0


def test_where_sentences_hold_so_many_tokens():
    """Against the plain loop of the original."""
    random = np.random.RandomState(3)
    lines = [[1] * size for size in random.randint(1, 6, 30)]
    document = Corpus(made([[9]], lines)).document(1)
    for start in range(30):
        for tokens in range(-1, 60):
            length = 0
            for stop in range(start + 1, 31):
                length += len(lines[stop - 1])
                if length >= tokens:
                    break
            assert document.stop_after(start, tokens=tokens) == stop
    assert document.joined(3, 7) == [1] * sum(map(len, lines[3:7]))
    assert document.longest(3, 7) == max(map(len, lines[3:7]))
