"""Many texts at once have the ids of one text after the other."""

import itertools
import os
import random
import struct
import sys
import unicodedata
from typing import ClassVar

import pytest
import unidic_lite

from processors.tokenization import word_tokenizer
from processors.tokenization.basic_words import BasicWords, Case, Dialect
from processors.tokenization.batch_encoder import BatchEncoder
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.spelling import WordPieceSpelling
from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from processors.tokenization.word_tokenizer import WordTokenizer

RULES = list(itertools.product(Case, Dialect, (True, False)))

# Control characters, marks, halves of surrogate pairs, special tokens, white space of
# all kinds, long words, rare ideographs, what a dialect deletes, what lowers oddly.
HANGING = [
    *("\0", "\x01", "\x0b", "\x1c", "\x85", "\u200b", "\u200d", "\ufeff", "\ufffd"),
    *("\u0301", "\u3099", "\u309a", "\u302e", "\ufe0f", "\ufffe", "ﾞ", "Σ", "ΑΣ"),
    *("İ", "가", "\u1100", "\u1161", "\u11a8", "\ue000", "\U0010ffff", "\ud800"),
    *("[MASK]", "[SEP]", "[UNK]"),
]
PLAIN = [
    *("", "\r", "\r\n", "\n", "\t", " ", "\u3000", "\u2028", "\u00a0", "[", "］"),
    *("ẞ", "É", "é", "Å", "##ing", "a" * 99, "か" * 99, "\U00020000", "\U0002b820"),
    *("\U0002b920", "\U0002f800", "a", "A1", "が", "は", "走れメロス", "している"),
    *("。", "、", "！", "：", "…", "^", "🙂", "ﬁ", "㍿"),
]


class BySettings(WordTokenizer):
    """Any rules for words, with WordPiece."""

    kind: ClassVar[str] = "settings"

    def __init__(self, vocabulary, *, case, dialect, alone):
        super().__init__(
            vocabulary,
            words=BasicWords(case=case, dialect=dialect, ideographs_alone=alone),
            spelling=WordPieceSpelling(vocabulary.ids, longest_word=100),
            keep_special_tokens=dialect is not Dialect.ORIGINAL,
        )

    def one_by_one(self, texts):
        return [self.encode(text) for text in texts]


@pytest.fixture(scope="module")
def vocabulary(tohoku_vocab_file):
    return read_word_piece(tohoku_vocab_file)


@pytest.fixture(scope="module", params=RULES, ids=str)
def tokenizer(request, vocabulary):
    case, dialect, alone = request.param
    return BySettings(vocabulary, case=case, dialect=dialect, alone=alone)


def of_parts(parts, *, count, seed):
    chance = random.Random(seed)
    return [
        "".join(chance.choices(parts, k=chance.randint(0, 6))) for _ in range(count)
    ]


def test_odd_texts(tokenizer):
    texts = of_parts(PLAIN, count=300, seed=1) + of_parts(
        PLAIN + HANGING, count=300, seed=2
    )
    assert tokenizer.encode_batch(texts) == tokenizer.one_by_one(texts)


def test_characters_of_all_unicode(tokenizer):
    chance = random.Random(3)
    codes = [chance.randrange(sys.maxunicode + 1) for _ in range(500)]
    codes += [chance.randrange(0x3400) for _ in range(1000)]
    texts = [
        f"{chance.choice('aが走: ')}{chr(c)}{chance.choice('aΣが')}" for c in codes
    ]
    assert tokenizer.encode_batch(texts) == tokenizer.one_by_one(texts)


@pytest.mark.slow
def test_every_character(tokenizer):
    chance = random.Random(4)
    codes = [c for c in range(sys.maxunicode) if unicodedata.category(chr(c)) != "Cn"]
    texts = [
        f"{chance.choice('aがΣ走: ')}{chr(c)}{chance.choice('aΣが゙')}" for c in codes
    ]
    assert tokenizer.encode_batch(texts) == tokenizer.one_by_one(texts)


def test_plain_texts_need_not_be_read_by_themselves(tokenizer):
    texts = ["今日は、天気がいい。", "", " \n", "A cat sat: “on” a\tmat!", "走れ" * 9]
    rows = encoder_of(tokenizer).encode(texts)
    assert rows == tokenizer.one_by_one(texts)


def encoder_of(tokenizer):
    return BatchEncoder(
        tokenizer._words, spelling=tokenizer._spelling, ids=tokenizer.vocabulary.ids
    )


def test_a_character_that_hangs_on_another_takes_its_text_out(vocabulary):
    tokenizer = BySettings(
        vocabulary, case=Case.LOWERED, dialect=Dialect.ORIGINAL, alone=True
    )
    rows = encoder_of(tokenizer).encode(["か\u3099は", "は", None, "ΑΣ は", "は\u200b"])
    assert rows == [None, tokenizer.encode("は"), None, None, None]


@pytest.mark.parametrize("most", [0, 1, 20, 1 << 20])
def test_portions(vocabulary, monkeypatch, most):
    tokenizer = BySettings(
        vocabulary, case=Case.KEPT, dialect=Dialect.LIBRARY, alone=True
    )
    monkeypatch.setattr(word_tokenizer, "_FEWEST_TOGETHER", 0)
    monkeypatch.setattr(word_tokenizer, "_MOST_TOGETHER", most)
    texts = of_parts(PLAIN + HANGING, count=100, seed=5)
    portions = list(word_tokenizer._portions(texts))
    assert [text for portion in portions for text in portion] == texts
    assert all(len(p) == 1 or sum(map(len, p)) <= most for p in portions)
    assert tokenizer.encode_batch(texts) == tokenizer.one_by_one(texts)
    assert tokenizer.encode_batch([]) == []


def test_rows_are_lists_of_their_own(vocabulary):
    tokenizer = WordPieceTokenizer(vocabulary)
    first, second, *_ = rows = tokenizer.encode_batch(["走れメロス"] * 200)
    assert first == second
    assert first is not second
    assert {type(index) for row in rows for index in row} == {int}
    assert len({id(index) for row in rows for index in row}) == len(set(first))


def test_words_of_mecab_that_hold_white_space(tohoku_v3_vocab_file):
    for lower, subwords in itertools.product((True, False), Subwords):
        tokenizer = MecabTokenizer(
            tohoku_v3_vocab_file, do_lower_case=lower, subwords=subwords
        )
        texts = [
            *of_parts([p for p in PLAIN + HANGING if p != "\ud800"], count=300, seed=6),
            *("ΑΣ と Α", "Ð と \x01 と\0と", "カﾞ\u2028走れ　メロス", "走" * 33_000),
        ]
        rows = tokenizer.encode_batch(texts)
        assert rows == [tokenizer.encode(text) for text in texts]


def test_characters_that_a_dictionary_of_mecab_drops(tohoku_v3_vocab_file, tmp_path):
    """As ipadic drops Ð: its char.def calls it a space."""
    for name in os.listdir(unidic_lite.DICDIR):
        os.symlink(f"{unidic_lite.DICDIR}/{name}", tmp_path / name)
    kinds = bytearray((tmp_path / "char.bin").read_bytes())
    (names,) = struct.unpack_from("<I", kinds)
    kind_of = {c: 4 + 32 * names + 4 * ord(c) for c in " 走"}
    kinds[kind_of["走"] : kind_of["走"] + 4] = kinds[kind_of[" "] : kind_of[" "] + 4]
    (tmp_path / "char.bin").unlink()
    (tmp_path / "char.bin").write_bytes(kinds)
    tokenizer = MecabTokenizer(
        tohoku_v3_vocab_file, dictionary=str(tmp_path), subwords=Subwords.CHARACTER
    )
    texts = ["走るメロス", "メロスは走", "走走", "激怒した"] * 50
    assert tokenizer.tokenize("走るメロスは走") == [*"るメロスは"]
    assert tokenizer.encode_batch(texts) == [tokenizer.encode(text) for text in texts]
