import io
import os
import tarfile

import pytest

from processors.tasks import registry
from runtime.errors import StorageError

PEOPLE = {"001095": "坂口安吾", "000148": "夏目漱石", "000035": "太宰治"}


def content(*, number, person):
    start = 0x4E00 + number * 200
    letters = [chr(start + place) for place in range(160) if chr(start + place) != "※"]
    # CP932 holds few ideographs: kana in an order that no other work has.
    kana = [chr(0x3041 + (ord(letter) * (number + 7)) % 80) for letter in letters]
    paragraph = "った" + "".join(kana)[:100]
    lines = [
        f"題{number}",
        PEOPLE[person],
        "",
        paragraph,
        paragraph,
        "短い",
        "底本：何か",
    ]
    return "\r\n".join(lines).encode("cp932")


@pytest.fixture
def folder(tmp_path):
    with tarfile.open(tmp_path / "aozora.tar.gz", "w:gz") as archive:
        for number in range(180):
            person = list(PEOPLE)[number % 3]
            data = content(number=number, person=person)
            name = f"cards/{person}/files/{number}_x/{number:05d}_x.txt"
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return str(tmp_path)


def test_paragraphs_of_the_two_by_work(folder):
    processor = registry.create("aozora_pair")
    assert processor.get_labels() == ["natsume", "sakaguchi"]
    splits = [
        processor.get_train_examples(folder),
        processor.get_dev_examples(folder),
        processor.get_test_examples(folder),
    ]
    everything = [example for split in splits for example in split]
    assert {example.label for example in everything} == {"natsume", "sakaguchi"}
    assert len(everything) == len({example.text_a for example in everything})
    assert all(60 <= len(example.text_a) <= 240 for example in everything)
    groups = [{example.group for example in split} for split in splits]
    assert not (groups[0] & groups[1])
    assert not (groups[0] & groups[2])
    assert not (groups[1] & groups[2])


def test_a_folder_without_the_archive_is_an_error(tmp_path):
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(StorageError, match=r"found none among notes\.txt"):
        registry.create("aozora_pair").get_dev_examples(str(tmp_path))


def test_the_archive_is_no_folder(tmp_path):
    (tmp_path / "cards.tar.gz").write_bytes(b"")
    with pytest.raises(StorageError, match=r"cards\.tar\.gz is a file; expected the f"):
        registry.create("aozora_pair").get_dev_examples(str(tmp_path / "cards.tar.gz"))


@pytest.mark.slow
def test_the_archive_itself():
    shared = os.environ.get("SHARED_DATA")
    if not shared:
        pytest.skip("SHARED_DATA names no folder of bigger data")
    processor = registry.create("aozora_pair")
    sizes = [
        len(read(os.path.join(shared, "data", "aozora")))
        for read in (
            processor.get_train_examples,
            processor.get_dev_examples,
            processor.get_test_examples,
        )
    ]
    assert sizes == [21451, 2291, 2744]
