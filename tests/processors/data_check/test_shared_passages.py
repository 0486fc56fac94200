import random

import pytest

from processors.data_check import shared_passages
from processors.tasks import registry


@pytest.fixture(scope="module")
def paragraphs():
    """Paragraphs of 64 characters and more, by six authors."""
    processor = registry.create("authors")
    examples = processor.get_train_examples(processor.default_data_dir)
    texts = [example.text_a for example in examples]
    return [text for text in texts if len(text) >= shared_passages.MIN_CHARACTERS]


def mutate(text, *, edits, rng):
    for _ in range(edits):
        place = rng.randrange(len(text))
        text = text[:place] + rng.choice("一二三四") + text[place + rng.randrange(2) :]
    return text


def test_share_counts_passages():
    text = "abcdefghij"
    assert shared_passages.share(text, text) == 1
    assert shared_passages.share(text, text + "k") == 6 / 7
    assert shared_passages.share(text, "klmnopqrst") == 0
    assert shared_passages.share("", "") == 0


@pytest.mark.parametrize("edits", [1, 2, 3, 4])
def test_what_is_alike_is_found(paragraphs, edits):
    rng = random.Random(edits)
    changed = [mutate(text, edits=edits, rng=rng) for text in paragraphs[:600]]
    alike = {
        place
        for place, text in enumerate(changed)
        if len(text) >= shared_passages.MIN_CHARACTERS
        and shared_passages.share(text, paragraphs[place]) >= shared_passages.MIN_SHARE
    }
    found = shared_passages.find(changed, corpus=paragraphs)
    assert len(alike) > 100
    assert len(alike & found.keys()) >= 0.99 * len(alike)
    assert all(found[place] == place for place in found)
    assert found.keys() <= alike


def test_text_put_in_or_cut_out_at_the_start(paragraphs):
    longer = ["［広告］ここをクリック。" + text * 2 for text in paragraphs[:100]]
    corpus = [text * 2 for text in paragraphs[:100]]
    found = shared_passages.find(longer, corpus=corpus)
    assert sum(found.get(place) == place for place in range(100)) >= 99
    assert shared_passages.find(corpus, corpus=longer).keys() == found.keys()


def test_disjoint_text_is_not_alike(paragraphs):
    assert shared_passages.find(paragraphs[::2], corpus=paragraphs[1::2]) == {}


def test_texts_of_one_template_are_told_apart():
    """Seven tenths of each are the same, which is less than the limit."""
    rng = random.Random(0)
    frame = "".join(chr(0x4E00 + code) for code in rng.sample(range(9000), 140))
    kanji = range(0x7200, 0x9000)
    corpus = [frame + "".join(map(chr, rng.sample(kanji, 25))) for _ in range(400)]
    queries = [frame + "".join(map(chr, rng.sample(kanji, 25))) for _ in range(400)]
    assert shared_passages.share(queries[0], corpus[0]) > 0.65
    queries[7] = corpus[399][:-2]
    assert shared_passages.find(queries, corpus=corpus) == {7: 399}


def test_blocks_change_nothing(paragraphs, monkeypatch):
    rng = random.Random(0)
    changed = [mutate(text, edits=2, rng=rng) for text in paragraphs[:200]]
    whole = shared_passages.find(changed, corpus=paragraphs)
    monkeypatch.setattr(shared_passages, "_BLOCK", 500)
    monkeypatch.setattr(shared_passages, "_PAIRS_AT_ONCE", 7)
    assert shared_passages.find(changed, corpus=paragraphs) == whole


def test_short_texts_are_left_to_others():
    text = "a" * (shared_passages.MIN_CHARACTERS - 1)
    assert shared_passages.find([text], corpus=[text + "b"]) == {}
    assert shared_passages.find([], corpus=[text * 2]) == {}
    assert shared_passages.find([text * 2], corpus=[]) == {}


def test_one_passage_over_and_over():
    assert shared_passages.find(["a" * 100], corpus=["a" * 200]) == {0: 0}
