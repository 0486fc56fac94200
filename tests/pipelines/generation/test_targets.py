import pytest

from pipelines.generation import targets
from processors.tokenization.character import CharacterTokenizer

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"山川の空")


@pytest.fixture
def tokenizer(tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(TOKENS) + "\n", encoding="utf-8")
    return CharacterTokenizer(str(path))


def test_lengths_count_the_end_and_unknown_tokens_are_counted(tokenizer):
    found = targets.summary(
        ["山", "山の川", "谷の空の山"], tokenizer=tokenizer, max_target_length=4
    )
    assert (found.shortest, found.median, found.longest) == (2, 4, 6)
    assert (found.cut, found.unknown, found.text_tokens) == (1, 1, 9)


def test_what_a_vocabulary_lacks_bounds_every_score(tokenizer):
    found = targets.ceiling(["山の川", "谷の"], tokenizer=tokenizer)
    assert found.texts == 2
    assert found.scores["exact"] == 0.5
    assert found.scores["rougeL_char"] == pytest.approx(100 * (1 + 2 / 3) / 2)
