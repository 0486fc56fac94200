from collections import Counter

from processors.tasks import registry
from runtime import storage


def read():
    processor = registry.create("authors")
    data = processor.default_data_dir
    return processor, {
        "train": processor.get_train_examples(data),
        "dev": processor.get_dev_examples(data),
        "test": processor.get_test_examples(data),
    }


def test_every_author_has_the_same_share():
    processor, splits = read()
    for split, share in {"train": 500, "dev": 100, "test": 100}.items():
        counts = Counter(example.label for example in splits[split])
        assert counts == dict.fromkeys(processor.get_labels(), share)


def test_no_work_and_no_text_is_in_two_splits():
    _, splits = read()
    examples = [example for split in splits.values() for example in split]
    assert len({example.text_a for example in examples}) == len(examples) == 4200
    works = [
        {example.guid.split("-")[1] for example in split} for split in splits.values()
    ]
    assert sum(map(len, works)) == len(set.union(*works))


def test_texts_are_plain_and_of_the_promised_length():
    _, splits = read()
    for example in (example for split in splits.values() for example in split):
        assert 60 <= len(example.text_a) <= 240
        assert not set("\u300a\u300b\uff3b\uff3d\u203b\uff5c") & set(example.text_a)


def test_the_data_is_small_and_says_where_it_is_from():
    folder = registry.find("authors").default_data_dir
    names = storage.list_dir(folder)
    assert names == ["README.txt", "dev.tsv", "test.tsv", "train.tsv"]
    assert sum(storage.size(storage.join(folder, name)) for name in names) < 3_000_000
    assert "Public domain" in storage.read_text(storage.join(folder, "README.txt"))
