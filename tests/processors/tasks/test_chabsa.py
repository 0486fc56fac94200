import json
import os
from collections import Counter

import pytest

from processors.example import InputExample
from processors.labels.targets import Objective
from processors.tasks import registry
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError


@pytest.fixture
def folder(tmp_path):
    """A report on one company, its sentences of several minds."""
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
    return str(tmp_path)


def test_sentences_of_one_mind(folder):
    processor = registry.create("chabsa")
    assert processor.get_train_examples(folder) == [
        InputExample("train-E1-0", "増収", label="positive", group="E1"),
        InputExample("train-E1-4", "減益", label="negative", group="E1"),
    ]
    assert processor.get_labels() == ["negative", "positive"]
    splits = ("train", "dev", "test")
    assert [processor.has_split(name) for name in splits] == [True, False, False]


def test_sentences_of_any_opinions(folder):
    processor = registry.create("Chabsa", TableOptions(multi_label=True))
    assert [each.labels for each in processor.get_train_examples(folder)] == [
        ("positive",),
        ("negative", "positive"),
        ("neutral",),
        (),
        ("negative",),
    ]
    assert processor.get_labels() == ["negative", "neutral", "positive"]


def test_an_opinion_is_no_number(folder):
    options = TableOptions(objective=Objective.REGRESSION)
    with pytest.raises(SettingsError, match="chabsa have one label each"):
        registry.create("chabsa", options)


@pytest.fixture
def real_folder():
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/chabsa")
    return os.path.join(shared, "data", "chabsa")


@pytest.mark.slow
def test_the_opinions_of_the_real_archive(real_folder):
    processor = registry.create("chabsa", TableOptions(multi_label=True))
    examples = processor.get_train_examples(real_folder)
    counts = Counter(label for example in examples for label in example.labels)
    assert len(examples) == 6119
    assert counts == {"positive": 2210, "negative": 1746, "neutral": 230}


@pytest.mark.slow
def test_the_real_archive(real_folder):
    examples = registry.create("chabsa").get_train_examples(real_folder)
    counts = Counter(example.label for example in examples)
    assert counts == {"positive": 1343, "negative": 884}
    assert len({example.group for example in examples}) > 200
