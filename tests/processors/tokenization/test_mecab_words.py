import os
import pickle
import random
import shutil
import sys

import fugashi
import numpy as np
import pytest
import unidic_lite

from processors.tokenization import mecab_copy, mecab_words
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.mecab_words import MecabWords
from runtime.errors import DataError, SettingsError
from tests.processors.tokenization.small_dictionary import SmallDictionary


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


MANY = 1 << 21


@pytest.fixture(scope="module")
def hastened():
    """Words by the copy of a dictionary; making it takes seconds."""
    words = MecabWords()
    words.expect(MANY)
    return words


@pytest.fixture
def copies(monkeypatch):
    """The dictionaries that a copy was asked for; there is none."""
    asked = []

    def find(folder, *, settings):
        asked.append(folder)
        return folder

    monkeypatch.setattr(mecab_copy, "find_or_make", find)
    return asked


def dictionary_of(words):
    return {
        os.path.dirname(mecab.dictionary_info[0]["filename"])
        for mecab in (words._spaced, words._marked)
    }


def shipped_lines():
    data = os.path.join(os.path.dirname(mecab_words.__file__), "..", "data")
    for name, encoding in (
        ("authors/test.tsv", "utf-8"),
        ("company_news/test.tsv", "utf-8"),
        ("merosu/merosu.sjis.txt", "cp932"),
    ):
        with open(os.path.join(data, name), encoding=encoding) as file:
            yield from file.read().split("\n")


def mixed_texts(count):
    """Texts of two scripts each, with and without white space."""
    scripts = [
        (0x3041, 0x3096), (0x30A1, 0x30FE), (0x4E00, 0x9FA0), (0x20, 0x7E),
        (0xFF61, 0xFF9F), (0x1F600, 0x1F64F), (0x2190, 0x26FF), (0x3000, 0x303F),
        (0xFF01, 0xFF5E), (0x0, 0x2FF),
    ]  # fmt: skip
    rng = random.Random(11)
    for _ in range(count):
        drawn = rng.choices(scripts, k=2)
        yield "".join(
            chr(rng.randint(*rng.choice(drawn))) for _ in range(rng.randint(1, 30))
        )


def test_a_copy_gives_the_same_words(words, hastened, odd_texts):
    assert dictionary_of(words) == {unidic_lite.DICDIR}
    assert dictionary_of(hastened).isdisjoint({unidic_lite.DICDIR})
    texts = [*shipped_lines(), *mixed_texts(3000), *odd_texts, "走れ\x01 メロス"]
    found = set()
    for text in texts:
        expected = words.segment(text)
        assert hastened.segment(text) == expected
        assert hastened.spaced(text) == words.spaced(text)
        found.update(expected)
    assert len(texts) > 6000
    assert len(found) > 12000


def test_a_copy_gives_the_same_words_without_normalisation():
    plain, hastened = (MecabWords(normalize=False) for _ in range(2))
    hastened.expect(MANY)
    assert dictionary_of(plain) != dictionary_of(hastened)
    for text in mixed_texts(1000):
        assert hastened.segment(text) == plain.segment(text)


def test_a_copy_changes_neither_places_nor_fingerprint(words, hastened, odd_texts):
    for text in odd_texts[:300]:
        ours, theirs = hastened.align(text), words.align(text)
        assert [each.text for each in ours] == [each.text for each in theirs]
        assert [each.span(0, len(each.text)) for each in ours] == [
            each.span(0, len(each.text)) for each in theirs
        ]
    assert hastened.fingerprint() == words.fingerprint()
    assert dictionary_of(pickle.loads(pickle.dumps(hastened))) == dictionary_of(words)


def test_a_copy_is_asked_for_once_there_are_many_characters(copies):
    words = MecabWords()
    words.expect(MANY - 1)
    assert copies == []
    words.expect(1)
    assert copies == [unidic_lite.DICDIR]
    words.expect(MANY)
    assert copies == [unidic_lite.DICDIR]


def test_words_that_are_counted_are_expected(copies, monkeypatch):
    monkeypatch.setattr(mecab_words, "_MANY", 100)
    words = MecabWords()
    assert words.count(["走れメロス。"] * 10)["メロス"] == 10
    assert copies == []
    assert words.count(["走れメロス。"] * 10)["メロス"] == 10
    assert copies == [unidic_lite.DICDIR]


@pytest.mark.parametrize("subwords", Subwords)
def test_many_texts_at_once_are_expected(
    copies, monkeypatch, tohoku_v3_vocab_file, subwords
):
    monkeypatch.setattr(mecab_words, "_MANY", 1 << 14)
    tokenizer = MecabTokenizer(tohoku_v3_vocab_file, subwords=subwords)
    few, many = ["走れメロス。"] * 1365, ["走れメロス。"] * 1366
    for _ in range(9):
        assert len(tokenizer.encode_batch(few)) == len(few)
    tokenizer.encode("走れメロス。" * 2732)
    tokenizer.encode_batch(many)
    assert copies == []
    tokenizer.encode_batch(many)
    assert copies == ([unidic_lite.DICDIR] if subwords is Subwords.WORDPIECE else [])


def test_with_a_dictionary_of_the_users_own_there_is_no_copy(tmp_path, caplog):
    source = SmallDictionary(
        words=[("走れ", 0, 0, 9), ("走", 0, 0, 9)],
        unknown=[(name, 0, 0, 99) for name in ("DEFAULT", "SPACE", "KANJI", "KANA")],
        costs=np.zeros((1, 1), int),
    )
    folder = source.compile(str(tmp_path / "dictionary"))
    own = f"{folder}/own.dic"
    (tmp_path / "own.csv").write_text("れメ,0,0,-99,*\n", encoding="utf-8")
    fugashi.build_dictionary(
        f"- -d {folder}/sources -u {own} -f utf8 -t utf8 {tmp_path}/own.csv"
    )
    plain = MecabWords(dictionary=folder)
    with open(f"{folder}/mecabrc", "w", encoding="utf-8") as file:
        file.write(f"userdic = {own}\n")
    words = MecabWords(dictionary=folder)
    expected = ["走", "れメ", "ロス"]
    assert words.segment("走れメロス") == expected != plain.segment("走れメロス")
    words.expect(MANY)
    assert words.segment("走れメロス") == expected
    assert "mecabrc: sets userdic, with which no copy is made" in caplog.text
