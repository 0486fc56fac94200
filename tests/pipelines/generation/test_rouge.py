import importlib.util
import random

import pytest

from pipelines.generation import rouge


def longest_by_table(one, other):
    """The textbook's table."""
    rows = [[0] * (len(other) + 1)]
    for token in one:
        row = [0]
        for place, candidate in enumerate(other, 1):
            same = rows[-1][place - 1] + 1
            row.append(same if token == candidate else max(row[-1], rows[-1][place]))
        rows.append(row)
    return rows[-1][-1]


@pytest.mark.parametrize("seed", range(40))
def test_the_longest_common_sequence_is_that_of_the_table(seed):
    draw = random.Random(seed)
    one, other = (draw.choices("abcdef", k=draw.randrange(90)) for _ in range(2))
    assert rouge.longest_common(one, other) == longest_by_table(one, other)


def test_numbers_that_can_be_counted_by_hand():
    written, given = list("東京都の空"), list("東京の青い空")
    # 東 京 の 空 of 5 and 6; the runs 東京 alone of 4 and 5.
    assert rouge.rouge_n(written, given, n=1) == pytest.approx(2 * 4 / 11)
    assert rouge.rouge_n(written, given, n=2) == pytest.approx(2 * 1 / 9)
    assert rouge.rouge_l(written, given) == pytest.approx(2 * 4 / 11)


def test_a_token_counts_as_often_as_both_have_it():
    assert rouge.rouge_n("aaaa", "ab", n=1) == pytest.approx(2 * 1 / 6)


@pytest.mark.parametrize(
    ("one", "other"), [("", ""), ("", "ab"), ("ab", ""), ("a", "b")]
)
def test_nothing_shared_is_0(one, other):
    assert rouge.rouge_n(one, other, n=1) == 0
    assert rouge.rouge_n(one, other, n=2) == 0
    assert rouge.rouge_l(one, other) == 0


@pytest.mark.skipif(
    importlib.util.find_spec("rouge_score") is None, reason="rouge-score is not there"
)
@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_of_the_package_rouge_score(seed):
    from rouge_score import rouge_scorer, tokenizers

    class Split(tokenizers.Tokenizer):
        def tokenize(self, text):
            return text.split()

    draw = random.Random(seed)
    one, other = (draw.choices("山川空海", k=draw.randrange(1, 30)) for _ in range(2))
    scorer = rouge_scorer.RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=Split())
    found = scorer.score(" ".join(other), " ".join(one))
    ours = (
        rouge.rouge_n(one, other, n=1),
        rouge.rouge_n(one, other, n=2),
        rouge.rouge_l(one, other),
    )
    assert ours == pytest.approx([found[name].fmeasure for name in found], abs=1e-12)
