import json

import numpy as np
import pytest

from pipelines.language_model import masked_words
from pipelines.language_model.masked_words import Shown
from processors.tokenization.word_piece import WordPieceTokenizer

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
ROW = 40


@pytest.fixture
def tokenizer(tmp_path):
    """Ids from 5 are w0, w1, ..."""
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join([*SPECIAL, *(f"w{n}" for n in range(90))]) + "\n")
    return WordPieceTokenizer(str(path))


def make_arrays(masked):
    """A replica with two rows: one example of 40 tokens; two of 10 and 20."""
    ids = np.zeros((1, 2, ROW), np.int32)
    owners = np.zeros((1, 2, ROW), np.int32)
    ids[0, 0] = np.arange(5, 45)
    owners[0, 0] = 1
    ids[0, 1, :30] = np.arange(45, 75)
    owners[0, 1, :10], owners[0, 1, 10:30] = 1, 2
    places = np.array([[place for place, _ in masked] + [0]], np.int32)
    answers = np.array([[answer for _, answer in masked] + [0]], np.int32)
    weight = np.ones_like(places, np.float32)
    weight[0, -1] = 0  # filler
    for place, _ in masked:
        ids.reshape(-1)[place] = 4
    return {
        "input_ids": ids,
        "example_ids": owners,
        "masked_positions": places,
        "masked_ids": answers,
        "masked_weight": weight,
    }


def make_outputs(count):
    best = np.tile(np.arange(10, 15, dtype=np.int32), (1, count + 1, 1))
    best[0, 1, 0] = 6
    shares = np.tile(np.array([0.5, 0.25, 0.125, 0.1, 0.025]), (1, count + 1, 1))
    return {"best_ids": best, "best_probabilities": shares}


def test_context_stays_in_its_example(tokenizer):
    masked = [(20, 25), (1, 6), (ROW + 12, 57), (ROW + 29, 74), (36, 0)]
    found = masked_words.show(make_outputs(5), make_arrays(masked), tokenizer=tokenizer)
    answers = [shown.answer for shown in found]
    assert answers == ["w20", "w1", "w52", "w69", "[PAD]"]  # 0 is an id like others
    contexts = [shown.context.split() for shown in found]
    # Other masked tokens are shown as the model saw them.
    assert contexts[0] == [
        *(f"w{n}" for n in range(8, 20)),
        "【[MASK]】",
        *(f"w{n}" for n in range(21, 33)),
    ]
    assert contexts[1] == ["w0", "【[MASK]】", *(f"w{n}" for n in range(2, 14))]
    assert contexts[2] == [
        *("w50", "w51", "【[MASK]】"),
        *(f"w{n}" for n in range(53, 65)),
    ]
    assert contexts[3] == [*(f"w{n}" for n in range(57, 69)), "【[MASK]】"]
    # As far as the last token of the row.
    assert contexts[4][-4:] == ["【[MASK]】", "w37", "w38", "w39"]


def test_three_predictions_with_their_shares(tokenizer):
    [first, second] = masked_words.show(
        make_outputs(2), make_arrays([(20, 25), (1, 6)]), tokenizer=tokenizer
    )
    assert first.predictions == (("w5", 0.5), ("w6", 0.25), ("w7", 0.125))
    assert second.predictions[0] == ("w1", 0.5)


def test_the_file_has_both_sides_and_counts_what_is_right(tmp_path):
    def shown(answer, *tokens):
        shares = (0.5, 0.25, 0.125)
        return Shown(
            f"x 【{answer}】 y", answer, tuple(zip(tokens, shares, strict=True))
        )

    path = str(tmp_path / "masked_words.txt")
    masked_words.write(
        path,
        before=[shown("a", "b", "a", "c"), shown("d", "d", "a", "c")],
        after=[shown("a", "a", "b", "c"), shown("d", "d", "b", "c")],
    )
    assert (tmp_path / "masked_words.txt").read_text() == (
        "Right: 1 of 2 before, 2 after.\n"
        "\n"
        "x 【a】 y\n"
        "  answer  a\n"
        "  before  b 0.50, a 0.25, c 0.12\n"
        "  after   a 0.50, b 0.25, c 0.12\n"
        "\n"
        "x 【d】 y\n"
        "  answer  d\n"
        "  before  d 0.50, a 0.25, c 0.12\n"
        "  after   d 0.50, b 0.25, c 0.12\n"
    )


def test_before_and_after_are_of_the_same_tokens(tmp_path):
    one = Shown("x", "a", (("a", 0.5),))
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        masked_words.write(str(tmp_path / "a.txt"), before=[one], after=[])


def test_a_checkpoint_carries_them():
    found = [
        Shown("a 【[MASK]】 c", "b", (("b", 0.1 + 0.2), ("ｄ", 1e-17))),
        Shown("【e】", "f", ()),
    ]
    values = json.loads(json.dumps(masked_words.as_json(found)))
    assert masked_words.from_json(values) == found
    assert masked_words.from_json([]) == []
