import json
import os
from collections import Counter

import pytest

from processors.example import InputExample
from processors.tasks import registry


def test_sentences_of_one_mind(tmp_path):
    sentences = {
        "増収": ["positive", "positive"],
        "増収減益": ["positive", "negative"],
        "並": ["neutral"],
        "なし": [],
        "減益": ["negative"],
    }
    report = {
        "header": {"document_id": "E1"},
        "sentences": [
            {
                "sentence_id": number,
                "sentence": text,
                "opinions": [{"polarity": polarity} for polarity in polarities],
            }
            for number, (text, polarities) in enumerate(sentences.items())
        ],
    }
    (tmp_path / "e1_ann.json").write_text(json.dumps(report))
    processor = registry.create("chabsa")
    assert processor.get_train_examples(str(tmp_path)) == [
        InputExample("train-E1-0", "増収", label="positive", group="E1"),
        InputExample("train-E1-4", "減益", label="negative", group="E1"),
    ]
    assert processor.get_labels() == ["negative", "positive"]
    splits = ("train", "dev", "test")
    assert [processor.has_split(name) for name in splits] == [True, False, False]


@pytest.mark.slow
def test_the_real_archive():
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/chabsa")
    folder = os.path.join(shared, "data", "chabsa")
    examples = registry.create("chabsa").get_train_examples(folder)
    counts = Counter(example.label for example in examples)
    assert counts == {"positive": 1343, "negative": 884}
    assert len({example.group for example in examples}) > 200
