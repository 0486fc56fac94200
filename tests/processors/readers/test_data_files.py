import bz2
import gzip
import io
import zipfile

import pytest

from processors.readers import data_files
from runtime.errors import StorageError, StorageReason


@pytest.fixture
def fill(tmp_path):
    """Makes files of these names; returns their folder."""

    def make(*names, content=b"text\n"):
        for name in names:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
        return str(tmp_path)

    return make


def refusal(file, data_dir, flag=None):
    with pytest.raises(StorageError) as caught:
        data_files.find(file, data_dir=data_dir, flag=flag)
    return str(caught.value)


def test_where_files_are(fill, monkeypatch, tmp_path):
    folder = fill("train.tsv", "sub/dev.tsv", "test.tsv.gz")
    assert data_files.find("train.tsv", data_dir=folder) == f"{folder}/train.tsv"
    assert data_files.find("sub/dev.tsv", data_dir=folder) == f"{folder}/sub/dev.tsv"
    assert data_files.find("test.tsv", data_dir=folder) == f"{folder}/test.tsv.gz"
    assert data_files.find("tr*.tsv", data_dir=folder) == f"{folder}/train.tsv"
    for elsewhere in ("/nowhere", ""):
        found = data_files.find(f"{folder}/test.tsv", data_dir=elsewhere)
        assert found == f"{folder}/test.tsv.gz"
    monkeypatch.setenv("HOME", folder)
    assert data_files.find("~/train.tsv", data_dir="/nowhere") == f"{folder}/train.tsv"
    monkeypatch.chdir(tmp_path)
    assert data_files.find("train.tsv", data_dir="") == "train.tsv"
    assert data_files.find("test.tsv", data_dir="") == "./test.tsv.gz"


@pytest.mark.parametrize(
    ("file", "flag", "names", "advice"),
    [
        ("dev.tsv", "dev_file", ["valid.tsv"], "Say --dev_file=valid.tsv."),
        ("dev.tsv", "dev_file", ["my dev.tsv"], "Say --dev_file='my dev.tsv'."),
        ("dev.tsv", "dev_file", ["SST_VALIDATION-1.tsv"], "--dev_file=SST_VALIDATION-"),
        ("dev.tsv", "dev_file", ["val.txt", "train.tsv"], "Say --dev_file=val.txt."),
        ("dev.tsv", "dev_file", ["dev.csv"], "Say --task_name=csv."),
        ("dev.tsv", "dev_file", ["val.ndjson"], "--task_name=jsonl --dev_file=val.ndj"),
        ("dev.json", "dev_file", ["dev.csv", "val.json.gz"], "--dev_file=val.json.gz"),
        ("test.tsv", "test_file", ["test-unlabelled.tsv"], "--test_file=test-unl"),
        ("train.tsv", "train_file", ["TRAIN.TSV"], "Say --train_file=TRAIN.TSV."),
        ("train.tsv", "train_file", ["x.train.tsv.gz"], "--train_file=x.train.tsv.gz"),
        ("new.tsv", "test_file", ["test.tsv"], "Say --test_file=test.tsv."),
        ("dev.tsv", "dev_file", ["dev/a/1.txt"], "dev is a folder: --task_name=folder"),
        ("dev.tsv", "dev_file", ["train.tsv"], "--split=train:0.8,dev:0.1,test:0.1 "),
        ("test.tsv", None, ["train.tsv"], "--split=train:0.8,dev:0.1,test:0.1 makes"),
        ("train.tsv", "train_file", ["latest.tsv"], "say --train_file=NAME."),
        ("dev.tsv", "dev_file", ["evaluate.py"], "say --dev_file=NAME."),
        ("dev.tsv", None, ["valid.tsv"], "If valid.tsv is it, give it that name."),
        ("texts.json", "texts_file", ["text.json"], "say --texts_file=NAME."),
        ("texts.json", "texts_file", ["train.json"], "say --texts_file=NAME."),
    ],
)
def test_a_missing_file_is_named_with_what_may_be_it(fill, file, flag, names, advice):
    folder = fill(*names)
    said = refusal(file, folder, flag)
    assert said.startswith(f"{folder}/{file} does not exist. The data folder holds: ")
    assert advice in said
    assert said.endswith(advice) == advice.endswith(".")


def test_what_may_be_it_and_is_no_text(fill):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "")
    said = refusal("train.tsv", fill("train.xlsx", content=buffer.getvalue()))
    assert said.endswith("holds: train.xlsx. If train.xlsx is it, give it that name.")
    said = refusal("train.tsv", fill("train.xlsx"), "train_file")
    assert said.endswith("Say --train_file=train.xlsx.")
    folder = fill("train.xlsx", content=buffer.getvalue())
    said = refusal("train.tsv", folder, "train_file")
    assert said.endswith(
        "train.xlsx is an Excel file (.xlsx): save it as CSV (UTF-8)"
        " in its program and say --task_name=csv."
    )
    assert "Say" not in said


def test_what_may_be_it_and_is_gzipped(fill):
    folder = fill("valid.tsv.gz", content=gzip.compress(b"text\n"))
    assert refusal("dev.tsv", folder, "dev_file").endswith("--dev_file=valid.tsv.gz.")


def test_a_missing_file_has_its_reason(fill):
    for data_dir in (fill("a.tsv"), "/nowhere"):
        with pytest.raises(StorageError) as caught:
            data_files.find("dev.tsv", data_dir=data_dir)
        assert caught.value.reason is StorageReason.MISSING


def test_many_files_are_not_all_named(fill):
    said = refusal("train.tsv", fill(*(f"{n:02}.txt" for n in range(30))))
    assert "19.txt and 10 more." in said
    assert "20.txt" not in said


def test_a_file_that_the_current_folder_has(fill, tmp_path, monkeypatch):
    folder = fill("new.tsv", "data/train.tsv")
    monkeypatch.chdir(tmp_path)
    said = refusal("new.tsv", f"{folder}/data", "test_file")
    assert 'from the current folder: say --test_file="$PWD/new.tsv".' in said
    assert "--split" not in said
    assert "$PWD" not in refusal("new.tsv", f"{folder}/data")


def test_no_data_folder_was_named(fill, tmp_path, monkeypatch):
    fill("a.tsv")
    monkeypatch.chdir(tmp_path)
    said = refusal("dev.tsv", "", "dev_file")
    assert said.startswith(
        "dev.tsv does not exist. --data_dir was not given, and the c"
    )
    said = refusal(f"{tmp_path}/dev.tsv", "", "dev_file")
    assert "does not exist. Its folder holds: a.tsv." in said
    said = refusal("/nowhere/dev.tsv", "", "dev_file")
    assert said == "The folder /nowhere does not exist; expected dev.tsv there."


def test_a_data_folder_that_is_a_file(fill):
    folder = fill("train.tsv", "my rows.tsv")
    said = refusal("train.tsv", f"{folder}/train.tsv", "train_file")
    assert said == (
        f"--data_dir={folder}/train.tsv is a file; expected the folder that holds"
        f" train.tsv: say --data_dir={folder}."
    )
    said = refusal("train.tsv", f"{folder}/my rows.tsv", "train_file")
    assert said.endswith(f"say --data_dir={folder} --train_file='my rows.tsv'.")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (gzip.compress(b"x"), "It is a gzip file: unpack it first"),
        (bz2.compress(b"x"), "It is a bzip2 file: unpack it first"),
        (b"PK\x05\x06" + bytes(18), "It is a zip archive: unpack it first, by unzip"),
    ],
)
def test_a_data_folder_that_is_an_archive(fill, content, words):
    folder = fill("data.bin", content=content)
    said = refusal("train.tsv", f"{folder}/data.bin", "train_file")
    assert words in said
    assert "--train_file" not in said
    with pytest.raises(StorageError) as caught:
        data_files.refuse_no_folder(f"{folder}/data.bin", wanted="data.bin or text/")
    assert str(caught.value).endswith(f"say --data_dir={folder}.")


def test_a_data_folder_that_is_not_there():
    said = refusal("train.tsv", "/nowhere")
    assert said == (
        "The data folder /nowhere does not exist; expected train.tsv there: say"
        " --data_dir=FOLDER."
    )


def test_a_folder_is_no_file(fill):
    assert refusal("dev", fill("dev/a.tsv")).endswith(
        "/dev is a folder; expected a file."
    )
