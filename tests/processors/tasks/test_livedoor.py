import io
import logging
import os
import tarfile
from collections import Counter

import numpy as np
import pytest

from processors.corpora import livedoor
from processors.tasks import registry
from runtime.errors import DataError, StorageError

ARTICLES = {
    f"text/{category}/{category}-{number}.txt": (
        f"http://news.livedoor.com/{number}\n2014-02-09T00:00:00+0900\n"
        f"{category} {number}\n\n  one\ttwo  \r\nthree\n"
    )
    for category in livedoor.CATEGORIES
    for number in (12, 3)
}


def add(archive, name, content, kind=tarfile.REGTYPE):
    member = tarfile.TarInfo(name)
    member.type = kind
    member.size = len(content)
    archive.addfile(member, io.BytesIO(content))


def write_archive(folder, articles):
    path = folder / livedoor.ARCHIVE
    with tarfile.open(path, "w:gz") as archive:
        add(archive, "text/README.txt", b"not an article")
        for name, text in sorted(articles.items(), reverse=True):
            add(archive, name, text.encode())
        add(archive, "text/smax/LICENSE.txt", b"not an article")
        add(archive, "text/smax/smax-link.txt", b"", tarfile.SYMTYPE)
    return path


@pytest.fixture
def data_dir(tmp_path):
    write_archive(tmp_path, ARTICLES)
    return str(tmp_path)


def unpack(folder):
    for name, text in ARTICLES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
        (path.parent / "LICENSE.txt").write_text("not an article")


def splits(data_dir):
    processor = registry.create("livedoor")
    return {
        split: getattr(processor, f"get_{split}_examples")(data_dir)
        for split in ("test", "dev", "train")
    }


def test_the_corpus_is_read_once_for_all_splits(data_dir, monkeypatch):
    read, folders = livedoor.read, []
    monkeypatch.setattr(livedoor, "read", lambda f: folders.append(f) or read(f))
    splits(data_dir)
    assert folders == [data_dir]


def test_the_split_is_the_original_permutation(data_dir):
    ordered = sorted(ARTICLES)
    order = np.random.RandomState(23).permutation(18)
    found = splits(data_dir)
    assert [len(examples) for examples in found.values()] == [3, 3, 12]
    examples = [example for split in found.values() for example in split]
    for example, place in zip(examples, order, strict=True):
        category, file = ordered[place].split("/")[1:]
        number = file.removesuffix(".txt").rpartition("-")[2]
        assert example.label == category
        assert example.text_a == f"{category} {number}one\u3000twothree"


def test_guids_count_from_one(data_dir):
    guids = [example.guid for example in splits(data_dir)["dev"]]
    assert guids == ["dev-1", "dev-2", "dev-3"]


def test_its_archive_is_converted(data_dir, tmp_path):
    processor = registry.create("livedoor")
    for split in ("train", "dev", "test"):
        processor.refuse_missing(split, data_dir=data_dir)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "train.tsv").write_text("text\tlabel\n")
    with pytest.raises(StorageError, match=r"dev\.tsv does not exist"):
        processor.refuse_missing("dev", data_dir=str(tmp_path / "tables"))


def test_labels_keep_their_order():
    assert registry.create("livedoor").get_labels() == list(livedoor.CATEGORIES)


def test_the_unpacked_folder_gives_the_same(data_dir, tmp_path):
    unpack(tmp_path / "unpacked")
    expected = splits(data_dir)
    assert splits(str(tmp_path / "unpacked")) == expected
    assert splits(str(tmp_path / "unpacked" / "text")) == expected


def test_tables_go_before_the_corpus(data_dir, tmp_path):
    (tmp_path / "train.tsv").write_text('no\tlabel\ttext\n0\tsmax\t"a "" b"\n')
    (example,) = registry.create("livedoor").get_train_examples(data_dir)
    assert (example.guid, example.text_a) == ("train-1", '"a "" b"')
    assert example.label == "smax"
    with pytest.raises(StorageError, match=r"test\.tsv does not exist"):
        registry.create("livedoor").get_test_examples(data_dir)


def test_a_table_without_the_label_column(tmp_path):
    (tmp_path / "test.tsv").write_text("text\na\n")
    with pytest.raises(DataError, match="no column 'label'"):
        registry.create("livedoor").get_test_examples(str(tmp_path))


def test_an_unusual_number_of_articles_is_told(data_dir, caplog):
    with caplog.at_level(logging.WARNING):
        registry.create("livedoor").get_test_examples(data_dir)
    assert "holds 18 articles; published results are on a split of 7367" in caplog.text


def test_a_missing_category(tmp_path):
    kept = {name: text for name, text in ARTICLES.items() if "/smax/" not in name}
    write_archive(tmp_path, kept)
    with pytest.raises(DataError, match="no articles of smax"):
        registry.create("livedoor").get_dev_examples(str(tmp_path))


def test_nothing_there(tmp_path):
    with pytest.raises(StorageError, match=r"expected train\.tsv.*ldcc-20140209\.tar"):
        registry.create("livedoor").get_dev_examples(str(tmp_path))


def test_the_archive_is_no_folder(data_dir):
    path = f"{data_dir}/ldcc-20140209.tar.gz"
    with pytest.raises(StorageError) as caught:
        registry.create("livedoor").get_dev_examples(path)
    assert str(caught.value) == (
        f"--data_dir={path} is a file; expected the folder that holds"
        f" ldcc-20140209.tar.gz or text/: say --data_dir={data_dir}."
    )


def test_an_article_in_another_encoding(tmp_path):
    unpack(tmp_path)
    (tmp_path / "text" / "smax" / "smax-3.txt").write_bytes(b"a\nb\n\x93\xfa\n")
    with pytest.raises(DataError, match=r"smax/smax-3\.txt, byte 4: expected UTF-8"):
        registry.create("livedoor").get_dev_examples(str(tmp_path))


@pytest.mark.slow
def test_the_real_corpus_has_the_published_support():
    shared = os.environ.get("SHARED_DATA")
    if shared is None:
        pytest.skip("SHARED_DATA names no folder with data/livedoor")
    found = splits(os.path.join(shared, "data", "livedoor"))
    assert [len(examples) for examples in found.values()] == [1473, 1473, 4421]
    support = Counter(example.label for example in found["test"])
    assert [support[category] for category in livedoor.CATEGORIES] == [
        178,
        172,
        176,
        95,
        158,
        174,
        167,
        190,
        163,
    ]
