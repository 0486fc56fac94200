import pytest

from processors.example import InputExample
from processors.tasks import registry
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError, StorageError


def fill(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return str(folder)


def test_a_folder_for_each_split_and_class(tmp_path):
    data_dir = fill(
        tmp_path,
        {
            "train/pos/1.txt": "fine",
            "train/neg/1.txt": "dull",
            "train/unsup/1.txt": "who knows",
            "dev/pos/9.txt": "good",
            "test/5.txt": "so so",
        },
    )
    processor = registry.create("folder", TableOptions(labels=("neg", "pos")))
    assert processor.get_train_examples(data_dir) == [
        InputExample("train-neg/1.txt", "dull", label="neg"),
        InputExample("train-pos/1.txt", "fine", label="pos"),
    ]
    assert processor.get_dev_examples(data_dir)[0].text_a == "good"
    assert processor.get_test_examples(data_dir) == [
        InputExample("test-5.txt", "so so")
    ]
    processor = registry.create("folder")
    assert processor.read_labels(data_dir) == ["neg", "pos", "unsup"]
    processor = registry.create("folder", TableOptions(labels=("neg", "positive")))
    with pytest.raises(SettingsError, match=r"labels: .*train has no folder positive"):
        processor.get_train_examples(data_dir)


def test_a_folder_that_is_not_split_is_the_training_set(tmp_path):
    data_dir = fill(tmp_path, {"pos/1.txt": "fine", "neg/1.txt": "dull"})
    processor = registry.create("folder")
    assert len(processor.get_train_examples(data_dir)) == 2
    with pytest.raises(StorageError, match=r"dev does not exist; expected .*<class>"):
        processor.get_dev_examples(data_dir)


def test_a_data_folder_that_is_a_file(tmp_path):
    path = fill(tmp_path, {"archive.zip": "x"}) + "/archive.zip"
    expected = rf"archive\.zip is a file; expected the folder .* --data_dir={tmp_path}"
    with pytest.raises(StorageError, match=expected):
        registry.create("folder").get_train_examples(path)


def test_a_missing_split_is_named_with_what_is_there(tmp_path):
    data_dir = fill(tmp_path, {"train/pos/1.txt": "a", "valid/pos/1.txt": "b"})
    with pytest.raises(StorageError, match="The data folder holds: train, valid"):
        registry.create("folder").get_dev_examples(data_dir)


def test_a_split_folder_without_train(tmp_path):
    data_dir = fill(tmp_path, {"dev/pos/1.txt": "fine"})
    with pytest.raises(StorageError, match="train does not exist"):
        registry.create("folder").get_train_examples(data_dir)
