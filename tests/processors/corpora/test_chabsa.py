import json
import zipfile

import pytest

from processors.corpora import chabsa
from processors.corpora.chabsa import Sentence
from runtime.errors import DataError, StorageError


def report(company, *sentences):
    return {
        "header": {"document_id": company},
        "sentences": [
            {
                "sentence_id": number,
                "sentence": text,
                "opinions": [{"polarity": polarity} for polarity in polarities],
            }
            for number, (text, *polarities) in enumerate(sentences)
        ],
    }


REPORTS = {
    "e2_ann.json": report("E2", ("増収", "positive", "positive")),
    "e1_ann.json": report("E1", ("減益", "negative"), ("横ばい",)),
}
SENTENCES = [
    Sentence("E1", 0, "減益", frozenset({"negative"})),
    Sentence("E1", 1, "横ばい", frozenset()),
    Sentence("E2", 0, "増収", frozenset({"positive"})),
]


def test_the_archive_as_it_is_downloaded(tmp_path):
    with zipfile.ZipFile(tmp_path / chabsa.ARCHIVE, "w") as archive:
        for name, content in REPORTS.items():
            archive.writestr(f"chABSA-dataset/{name}", json.dumps(content))
        archive.writestr("chABSA-dataset/LICENSE", "")
    assert list(chabsa.read(str(tmp_path))) == SENTENCES


@pytest.mark.parametrize("folder", [".", "chABSA-dataset"])
def test_the_unpacked_folder(tmp_path, folder):
    (tmp_path / folder).mkdir(exist_ok=True)
    for name, content in REPORTS.items():
        (tmp_path / folder / name).write_text(json.dumps(content))
    assert list(chabsa.read(str(tmp_path))) == SENTENCES


def test_a_byte_order_mark_is_no_part_of_a_report(tmp_path):
    content = "\ufeff" + json.dumps(REPORTS["e2_ann.json"])
    (tmp_path / "e2_ann.json").write_text(content, encoding="utf-8")
    assert [sentence.company for sentence in chabsa.read(str(tmp_path))] == ["E2"]


def test_the_archive_itself_is_no_folder(tmp_path):
    archive = tmp_path / "chABSA-dataset.zip"
    archive.write_bytes(b"PK\x05\x06" + bytes(18))
    with pytest.raises(StorageError) as caught:
        list(chabsa.read(str(archive)))
    assert str(caught.value) == (
        f"--data_dir={archive} is a file; expected the folder that holds"
        f" chABSA-dataset.zip or chABSA-dataset/: say --data_dir={tmp_path}."
    )


def test_a_folder_without_it(tmp_path):
    with pytest.raises(StorageError, match=r"holds no chABSA; expected chABSA-dat"):
        list(chabsa.read(str(tmp_path)))


@pytest.mark.parametrize("content", ["[]", "{}", "not JSON", '{"sentences": [{}]}'])
def test_a_file_that_is_no_report(tmp_path, content):
    (tmp_path / "e1_ann.json").write_text(content)
    with pytest.raises(DataError, match=r"e1_ann\.json: expected a report of chABSA"):
        list(chabsa.read(str(tmp_path)))
