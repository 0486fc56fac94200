"""Needs TensorFlow Datasets: pip install '.[tfds]'."""

import importlib.util
import os

import numpy as np
import pytest

from processors.example import InputExample
from processors.readers.prepared import PreparedSet
from processors.readers.sieve import OnBadRow
from processors.tasks import registry
from processors.tasks.table_options import TableOptions
from runtime.errors import DataError, SettingsError

HAS_TFDS = importlib.util.find_spec("tensorflow_datasets") is not None
pytestmark = [
    pytest.mark.skipif(not HAS_TFDS, reason="needs pip install '.[tfds]'"),
    pytest.mark.filterwarnings("ignore"),  # its own
]

TEXTS = ["見出し\n本文", "one\u2028line", "ﾊﾝｶｸ", "last"]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """A folder with a set that its own builder has prepared."""
    import tensorflow_datasets as tfds
    from tensorflow_datasets.core.utils import gcs_utils

    gcs_utils._is_gcs_disabled = True  # else it looks for unprepared sets in a bucket

    class SmallReviews(tfds.core.GeneratorBasedBuilder):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = {
                "body": tfds.features.Text(),
                "title": tfds.features.Text(),
                "verdict": tfds.features.ClassLabel(names=["poor", "fair"]),
                "stars": np.int64,
            }
            return tfds.core.DatasetInfo(
                builder=self, features=tfds.features.FeaturesDict(features)
            )

        def _split_generators(self, _):
            return {
                "train": self._generate_examples(TEXTS),
                "validation": self._generate_examples([*TEXTS[:2], b"\xff"]),
                "test": self._generate_examples(TEXTS[2:], label=-1),
            }

        def _generate_examples(self, texts, label=None):
            for number, text in enumerate(texts):
                yield (
                    number,
                    {
                        "body": text,
                        "title": f"title {number}",
                        "verdict": number % 2 if label is None else label,
                        "stars": number,
                    },
                )

    folder = str(tmp_path_factory.mktemp("prepared"))
    SmallReviews(data_dir=folder).download_and_prepare()
    return folder


def create(**options):
    options = {"tfds_name": "small_reviews", **options}
    return registry.create("tfds", TableOptions(**options))


def test_a_prepared_set_is_a_task(data_dir):
    processor = create(text_a="body", label="verdict")
    train = processor.get_train_examples(data_dir)
    assert sorted(each.text_a for each in train) == sorted(TEXTS)
    assert processor.get_labels() == ["poor", "fair"]
    label_of = {each.text_a: each.label for each in train}
    assert [label_of[text] for text in TEXTS] == ["poor", "fair", "poor", "fair"]
    assert train == processor.get_train_examples(data_dir)
    test = processor.get_test_examples(data_dir)
    assert {each.label for each in test} == {None}


def test_pairs_and_number_labels(data_dir):
    processor = create(text_a="title", text_b="body", label="stars")
    train = processor.get_train_examples(data_dir)
    assert processor.get_labels() == ["0", "1", "2", "3"]
    assert InputExample("", "title 1", TEXTS[1], "1") in [
        InputExample("", each.text_a, each.text_b, each.label) for each in train
    ]


def test_what_is_no_text_is_a_bad_row(data_dir, tmp_path):
    processor = create(text_a="body", label="verdict")
    with pytest.raises(DataError, match=r"item .: 'utf-8' codec can't decode"):
        processor.get_dev_examples(data_dir)
    rejects = str(tmp_path / "rejects.jsonl")
    with processor.sifting(OnBadRow.REJECT, rejects_path=rejects):
        assert len(processor.get_dev_examples(data_dir)) == 2
    assert os.path.getsize(rejects)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tfds_name": "no_such_set"}, "--tfds_name=no_such_set: Dataset no_such_set"),
        ({}, "no feature text, label; it has body"),
    ],
)
def test_what_is_not_there_is_named(data_dir, options, words):
    processor = create(**options)
    with pytest.raises(SettingsError, match=words):
        processor.get_train_examples(data_dir)


def test_a_folder_without_the_set_is_named():
    message = "small_reviews is not prepared in nowhere: .*, or name .* by --data_dir"
    with pytest.raises(SettingsError, match=message):
        create().get_train_examples("nowhere")


def test_a_split_that_is_not_there(data_dir):
    prepared = PreparedSet("small_reviews", data_dir=data_dir)
    with pytest.raises(SettingsError, match="no split dev or valid; it has "):
        list(prepared.rows(("dev", "valid"), columns=("body",), path="set"))
