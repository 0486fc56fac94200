import os
import pickle
import shutil
import sys

import pytest
import unidic_lite

from processors.tokenization.mecab_words import MecabWords
from runtime.errors import DataError, SettingsError


@pytest.fixture(scope="module")
def words():
    return MecabWords()


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("走れメロス。", ["走れ", "メロス", "。"]),
        ("ﾃｽﾄと㍿", ["テスト", "と", "株式", "会社"]),
        (" a\tb\nc\r\u3000d ", ["a", "b", "c", "\r", "d"]),
        ("a\u2028b\x85", ["a", "\u2028", "b", "\x85"]),
        ("", []),
        (" \n\t", []),
    ],
)
def test_words(words, text, found):
    assert words.segment(text) == found


def test_without_normalisation_words_are_parts_of_the_text():
    plain = MecabWords(normalize=False)
    text = "ﾃｽﾄと㍿　である"
    assert "".join(plain.segment(text)) == text.replace(" ", "")
    assert plain.segment(text) != MecabWords().segment(text)


def test_nul_does_not_end_the_text(words):
    assert words.segment("走れ\0メロス\0") == ["走れ", "メロス"]


def test_the_mark_between_words_may_be_in_the_text(words):
    assert words.segment("走れ\x01メロス") == ["走れ", "\x01", "メロス"]


def test_words_with_their_places(words, odd_texts, golden_lines):
    texts = odd_texts + [line["text"] for line in golden_lines("mecab.jsonl")]
    for text in texts:
        found = words.align(text)
        assert [word.text for word in found] == words.segment(text)
        spans = [word.span(0, len(word.text)) for word in found]
        assert spans == sorted(spans)
        for word, (start, end) in zip(found, spans, strict=True):
            assert word.text in words._normalized(text[start:end])


def test_half_of_a_surrogate_pair_is_named(words):
    with pytest.raises(DataError, match=r"found U\+D83D, half of a surrogate pair"):
        words.segment("走れ\ud83dメロス")


def test_it_can_be_sent_to_another_process(words):
    copy = pickle.loads(pickle.dumps(words))
    assert copy.segment("走れメロス") == ["走れ", "メロス"]
    assert copy.fingerprint() == words.fingerprint()


def test_the_fingerprint_names_the_dictionary(words):
    assert words.fingerprint() == {
        "dictionary": "unidic_lite",
        "dictionary_version": "1.0.8",
        "nfkc": True,
        "do_lower_case": False,
    }


def test_a_dictionary_in_a_folder(tmp_path, words):
    folder = str(tmp_path / "my dictionary")
    os.symlink(unidic_lite.DICDIR, folder)
    own = MecabWords(dictionary=folder)
    assert own.segment("走れメロス") == words.segment("走れメロス")
    print_ = own.fingerprint()
    assert print_["dictionary"] == "folder"
    assert len(print_["dictionary_version"]) == 64


@pytest.mark.parametrize("name", ["ipadic", "unidic"])
def test_a_dictionary_that_is_not_installed_is_named(monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(SettingsError, match=f"{name} is not installed: pip install"):
        MecabWords(dictionary=name)


def test_an_unknown_dictionary_is_refused():
    with pytest.raises(
        SettingsError, match="unidic_lite, unidic, ipadic or the folder"
    ):
        MecabWords(dictionary="juman")


def test_half_a_dictionary_is_refused(tmp_path):
    for name in ("sys.dic", "char.bin", "unk.dic", "matrix.bin"):
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(SettingsError, match="cannot open its dictionary"):
        MecabWords(dictionary=str(tmp_path))
    shutil.rmtree(tmp_path)
