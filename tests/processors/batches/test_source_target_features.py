import numpy as np
import pytest

from processors.batches.features import TokenCounts
from processors.batches.source_target_features import features_format, featurize
from processors.example import InputExample
from processors.tokenization.character import CharacterTokenizer

CLS, SEP = 2, 3


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text(
        "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n山\n川\n空\n", encoding="utf-8"
    )
    return CharacterTokenizer(str(path))


def features(tokenizer, *pairs, source=6, target=4):
    counts = TokenCounts()
    examples = [InputExample(str(n), *pair) for n, pair in enumerate(pairs)]
    rows = featurize(
        examples,
        tokenizer=tokenizer,
        max_source_length=source,
        max_target_length=target,
        counts=counts,
    )
    found = [(row.input_ids.tolist(), row.target_ids.tolist()) for row in rows]
    return found, counts


def test_both_sides_have_their_special_tokens(tokenizer):
    [found], counts = features(tokenizer, ("山川", "空"))
    assert found == ([CLS, 5, 6, SEP], [7, SEP])
    assert (counts.lengths, counts.text_tokens) == ([4], 2)


def test_what_is_too_long_is_cut_and_still_ends(tokenizer):
    found, counts = features(tokenizer, ("山" * 9, "空" * 9), ("山" * 4, "空" * 3))
    assert found == [([CLS, 5, 5, 5, 5, SEP], [7, 7, 7, SEP])] * 2
    assert counts.lengths == [11, 6]


def test_an_unknown_target_has_no_ids(tokenizer):
    [found], _ = features(tokenizer, ("山", None))
    assert found == ([CLS, 5, SEP], [])


def test_unknown_tokens_of_sources_are_counted(tokenizer):
    _, counts = features(tokenizer, ("谷山谷", "谷"))
    assert counts.unknown == 2


def test_records_of_other_lengths_have_another_name():
    assert features_format(48) != features_format(64)
    assert np.unique([features_format(n) for n in range(5)]).size == 5
