import os

import numpy as np
import pytest

from pipelines.generation import comparison, library_scores, scores
from pipelines.generation.comparison import Written
from processors.example import InputExample
from processors.tasks.livedoor_titles import LivedoorTitlesProcessor

TRAIN = [
    InputExample("train-1", "山に登った日の話。とても晴れていた。", "山の日"),
    InputExample("train-2", "海で泳いだ夏の話。水が冷たかった。", "海の夏"),
]
DEV = [
    InputExample("dev-1", "川で泳いだ夏だ！水が冷たい。", "川の夏"),
    InputExample("dev-2", "山に登った。晴れていた。", "山"),
]


def test_a_first_sentence_ends_at_its_mark():
    assert comparison.first_sentence("晴れ！山。") == "晴れ！"
    assert comparison.first_sentence("山と川") == "山と川"


def test_the_nearest_text_lends_its_target():
    sources = [example.text_a for example in DEV]
    assert comparison.nearest_targets(sources, train=TRAIN) == ["海の夏", "山の日"]


def test_texts_of_one_character_have_a_nearest():
    train = [InputExample(text, text, f"{text}の題") for text in "山海"]
    assert comparison.nearest_targets(["海", "川"], train=train)[0] == "海の題"


def test_baselines_write_for_every_split():
    found = comparison.baselines(TRAIN, {"dev": DEV, "test": DEV[:1]})
    assert [len(texts) for texts in found["dev"].values()] == [2, 2, 2]
    assert list(found["dev"]) == list(found["test"])
    assert found["dev"]["first 16 characters"] == [e.text_a[:16] for e in DEV]


def test_a_difference_on_the_same_texts_is_surer_than_its_parts():
    random = np.random.RandomState(0)
    hard = random.normal(30, 20, 400)
    found = comparison.difference(hard + random.normal(1, 0.5, 400), hard)
    assert found.low < found.mean < found.high
    assert found.low > 0.8
    assert found.high < 1.2
    assert comparison.difference(hard, hard).high == 0


def test_the_page_says_who_wins():
    given = [f"{place}番目の題" for place in range(30)]
    written = Written(
        given=given,
        systems={"best": given, "same": ["題"] * 30, "this run": ["題"] * 30},
    )
    found = {
        name: scores.likeness(texts, given) for name, texts in written.systems.items()
    }
    page = comparison.page("dev", written, found, name="this run")
    assert page.startswith("dev, 30 texts ")
    assert "best is better than this run: rougeL_char -" in page
    assert "this run and same cannot be told apart: rougeL_char +0.0" in page
    assert (library_scores.INSTALL in page) is not library_scores.are_there()


# Measured by another program, which has no line in common with this one.
LIVEDOOR = {
    "first 64 characters": {
        "dev": (29.9, 15.4, 21.1, 23.5, 8.2, 17.5, 5.2, 12.1),
        "test": (29.7, 15.1, 21.2, 23.5, 8.0, 17.7, 5.1, 11.8),
    },
    comparison.FIRST_SENTENCE: {
        "dev": (28.2, 15.7, 21.7, 22.7, 8.8, 18.2, 6.4, 13.8),
        "test": (27.6, 14.9, 21.4, 22.4, 8.3, 18.1, 6.1, 13.0),
    },
    comparison.NEAREST: {
        "dev": (34.0, 19.7, 28.7, 30.6, 14.7, 27.4, 15.8, 22.8),
        "test": (32.7, 18.6, 27.6, 28.9, 13.2, 25.9, 14.2, 21.7),
    },
}
DISTANCE = {comparison.NEAREST: 1.0}  # its weights of n-grams are not known
NAMES = (
    *("rouge1_char", "rouge2_char", "rougeL_char"),
    *("rouge1_word", "rouge2_word", "rougeL_word"),
    *("bleu_word", "bleu_char"),
)


@pytest.mark.slow
@pytest.mark.skipif("SHARED_DATA" not in os.environ, reason="SHARED_DATA is not set")
def test_livedoor_titles_without_a_model():
    folder = os.path.join(os.environ["SHARED_DATA"], "data", "livedoor")
    task = LivedoorTitlesProcessor()
    train = task.get_train_examples(folder)
    others = {
        "dev": task.get_dev_examples(folder),
        "test": task.get_test_examples(folder),
    }
    written = comparison.baselines(train, others)
    for split, examples in others.items():
        given = [example.text_b for example in examples]
        systems = written[split] | {
            "first 64 characters": [e.text_a[:64] for e in examples]
        }
        for system, by_split in LIVEDOOR.items():
            found = scores.likeness(systems[system], given)
            expected = dict(zip(NAMES, by_split[split], strict=True))
            for name in found.keys() & expected.keys():
                assert found[name] == pytest.approx(
                    expected[name], abs=DISTANCE.get(system, 0.06)
                ), name
