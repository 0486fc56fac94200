import gzip

import pytest

from processors.tasks import registry
from runtime.errors import DataError, StorageError


def test_each_line_is_a_text_without_a_label(tmp_path):
    (tmp_path / "train.txt").write_text("one\n\n \ntwo\u2028still\n")
    processor = registry.create("lines")
    found = processor.get_train_examples(str(tmp_path))
    assert [(e.guid, e.text_a, e.label) for e in found] == [
        ("train-1", "one", None),
        ("train-4", "two\u2028still", None),
    ]
    assert processor.get_labels() == []


def test_an_empty_file_is_an_error(tmp_path):
    (tmp_path / "dev.txt").write_text("\n")
    with pytest.raises(DataError, match="the dev split holds no texts"):
        registry.create("lines").get_dev_examples(str(tmp_path))


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(StorageError, match=r"test\.txt"):
        registry.create("lines").get_test_examples(str(tmp_path))


def test_a_gzip_file_may_stand_for_a_file(tmp_path):
    (tmp_path / "dev.txt.gz").write_bytes(gzip.compress(b"one\n"))
    (example,) = registry.create("lines").get_dev_examples(str(tmp_path))
    assert example.text_a == "one"
