"""What holds for every tokenizer."""

import pickle
import unicodedata

import pytest

from processors.tokenization.basic_words import Dialect
from processors.tokenization.character import CharacterTokenizer
from processors.tokenization.library import LibraryTokenizer
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from processors.tokenization.units import Units, UnitTokenizer
from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError

HOSTILE = [
    "",
    " ",
    " \t\r\n\u3000\u2028",
    "\u3099",
    "\u0301\u3099\u0301",
    " \u0301",
    "か\u3099\u0301",
    "👨\u200d👩\u200d👧\ufe0f e\u0301",
    "ｶﾞｷﾞｸﾞ ﾊﾟ ｶ \uff9e",
    "一\u2028二\u0085三\u2029四",
    "\0 走れ\0メロス\0",
    "\x01走れ\x01",
    "[MASK]は[CLS][SEP] [PAD]［MASK］",
    "㍿㌔①ﬁ½Ⅷ",
    "İSTANBUL ΑΣ ẞ",
    "\U0010ffff\ue000\ufffe\ufffd",
    "각\u1112\u1161\u11ab",
    "\u202eabc\u202c",
    "a" * 300 + "走" * 300,
]


def build(kind: str, request: pytest.FixtureRequest):
    tohoku_v3 = request.getfixturevalue("tohoku_v3_vocab_file")
    tohoku_v1 = request.getfixturevalue("tohoku_vocab_file")
    model = request.getfixturevalue("model_file")
    library_file = request.getfixturevalue("library_file")
    units = read_word_piece(tohoku_v1)
    return {
        "wordpiece": lambda: WordPieceTokenizer(tohoku_v1),
        "wordpiece-cased": lambda: WordPieceTokenizer(tohoku_v1, do_lower_case=False),
        "wordpiece-voiced": lambda: WordPieceTokenizer(
            tohoku_v1, keep_voicing_marks=True
        ),
        "wordpiece-library": lambda: WordPieceTokenizer(
            tohoku_v1, dialect=Dialect.LIBRARY
        ),
        "wordpiece-python": lambda: WordPieceTokenizer(
            tohoku_v1, dialect=Dialect.PYTHON, ideographs_alone=False
        ),
        "mecab": lambda: MecabTokenizer(tohoku_v3),
        "mecab-lower": lambda: MecabTokenizer(tohoku_v3, do_lower_case=True),
        "mecab-char": lambda: MecabTokenizer(tohoku_v3, subwords=Subwords.CHARACTER),
        "char": lambda: CharacterTokenizer(tohoku_v3),
        "char-lower": lambda: CharacterTokenizer(tohoku_v3, do_lower_case=True),
        "sentencepiece": lambda: SentencePieceTokenizer(model),
        "sentencepiece-cased": lambda: SentencePieceTokenizer(
            model, do_lower_case=False
        ),
        "bytes": lambda: SentencePieceTokenizer(
            request.getfixturevalue("byte_model_file")
        ),
        "bytes-off": lambda: SentencePieceTokenizer(
            request.getfixturevalue("byte_model_file"), byte_fallback=False
        ),
        "library-bpe": lambda: LibraryTokenizer(library_file("bpe")),
        "library-bytes": lambda: LibraryTokenizer(library_file("bytes")),
        "library-unigram": lambda: LibraryTokenizer(library_file("unigram")),
        "units": lambda: UnitTokenizer(units, units=Units.WORD, do_lower_case=True),
        "units-character": lambda: UnitTokenizer(
            units, units=Units.CHARACTER, do_lower_case=False
        ),
        "units-whitespace": lambda: UnitTokenizer(
            units, units=Units.WHITESPACE, do_lower_case=True
        ),
    }[kind]()


KINDS = (
    *("wordpiece", "wordpiece-cased", "wordpiece-voiced"),
    *("wordpiece-library", "wordpiece-python"),
    *("mecab", "mecab-lower", "mecab-char", "char", "char-lower"),
    *("sentencepiece", "sentencepiece-cased", "bytes", "bytes-off"),
    *("library-bpe", "library-bytes", "library-unigram"),
    *("units", "units-character", "units-whitespace"),
)


@pytest.fixture(scope="module", params=KINDS)
def tokenizer(request):
    return build(request.param, request)


@pytest.fixture(scope="module")
def texts(odd_texts, golden_lines):
    literature = [line["text"] for line in golden_lines("mecab.jsonl")]
    return [*HOSTILE, *odd_texts[:600], *literature]


def test_a_batch_is_its_texts_and_tokens_have_their_ids(tokenizer, texts):
    rows = tokenizer.encode_batch(texts)
    assert rows == [tokenizer.encode(text) for text in texts]
    assert all(0 <= i < tokenizer.vocab_size for row in rows for i in row)
    assert tokenizer.encode_batch([]) == []
    assert tokenizer.encode("") == []  # what stands for a second text that is not there


def test_the_fingerprint_says_kind_and_case(tokenizer):
    fingerprint = tokenizer.fingerprint()
    assert fingerprint["kind"] == tokenizer.kind
    assert fingerprint["do_lower_case"] is tokenizer.do_lower_case


def test_offsets_are_those_of_the_same_tokens(tokenizer, texts):
    for text in texts:
        encoded = tokenizer.encode_with_offsets(text)
        assert encoded.tokens == tokenizer.tokenize(text), ascii(text)
        assert encoded.ids == tokenizer.encode(text), ascii(text)
        assert len(encoded.spans) == len(encoded.ids)


def test_offsets_lie_in_order_inside_the_text(tokenizer, texts):
    for text in texts:
        spans = tokenizer.encode_with_offsets(text).spans
        assert spans == sorted(spans), ascii(text)
        ends = [end for _, end in spans]
        assert ends == sorted(ends), ascii(text)
        assert all(0 <= start <= end <= len(text) for start, end in spans)


def folded(text: str) -> str:
    """What no tokenizer tells apart is the same; marks do not count."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    decomposed = unicodedata.normalize("NFKD", decomposed.replace("ς", "σ").lower())
    return "".join(c for c in decomposed if unicodedata.category(c)[0] not in "MCZ")


def test_a_token_is_written_by_the_text_at_its_place(tokenizer, texts):
    has_bytes = "Ġ" in tokenizer.vocabulary.ids  # with one character for each byte
    for text in texts:
        encoded = tokenizer.encode_with_offsets(text)
        for token, (start, end) in zip(encoded.tokens, encoded.spans, strict=True):
            if token == "[UNK]" or token.startswith("<0x"):
                assert start < end
                continue
            if has_bytes and not token.isascii():
                continue
            written = folded(token.removeprefix("##").replace("▁", ""))
            assert written in folded(text[start:end]), (ascii(text), token)


def test_offsets_cover_all_that_is_text(tokenizer, texts):
    """Only white space, marks and what is no text lie outside of all tokens."""
    for text in texts:
        covered = {
            place
            for span in tokenizer.encode_with_offsets(text).spans
            for place in range(*span)
        }
        left = [c for i, c in enumerate(text) if i not in covered]
        unseen = [c for c in left if unicodedata.category(c)[0] not in "ZCM"]
        assert set(unseen) <= {"\ufffd"}, (ascii(text), unseen)


@pytest.mark.parametrize(
    "size", [20_000, pytest.param(1_000_000, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("unit", ["走れメロス", "a", "\u0301", "ｶﾞ", "🙂"])
def test_a_long_text_without_a_space(tokenizer, unit, size):
    text = unit * (size // len(unit.encode()))
    ids = tokenizer.encode(text)
    assert all(0 <= i < tokenizer.vocab_size for i in ids)
    assert tokenizer.encode(text[:100]) == tokenizer.encode_batch([text[:100]])[0]


def test_a_copy_in_another_process_is_the_same(tokenizer, texts):
    copy = pickle.loads(pickle.dumps(tokenizer))
    assert copy.encode_batch(texts) == tokenizer.encode_batch(texts)
    assert copy.fingerprint() == tokenizer.fingerprint()


def test_half_of_a_surrogate_pair_is_named_or_unknown(tokenizer):
    by_bytes = {"mecab", "sentencepiece", "library"}
    is_words = getattr(tokenizer, "units", None) is Units.WORD
    if tokenizer.kind in by_bytes or is_words:
        with pytest.raises(DataError, match="half of a surrogate pair"):
            tokenizer.tokenize("は\ud83d")
    else:
        assert "は" in tokenizer.tokenize("は \ud83d")


def test_no_two_kinds_have_one_fingerprint(request):
    prints = [build(kind, request).fingerprint() for kind in KINDS]
    assert all(a != b for i, a in enumerate(prints) for b in prints[:i])


# Kind -> why its text may have other ids.
OTHERWISE_SPELLED = {
    "wordpiece-python": "Japanese words stand beside each other, and are one then",
    "library-bytes": "this tokenizer.json has no decoder",
    "library-unigram": "this tokenizer.json has no decoder",
    "units-whitespace": "unknown words beside each other are one",
}


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in OTHERWISE_SPELLED])
def test_ids_are_spelled_as_text_that_has_the_same_ids(kind, request):
    tokenizer = build(kind, request)
    text = "今日は 天気がいい"
    ids = tokenizer.encode(text)
    spelled = tokenizer.decode(ids, unknown_text="\U0010ffff")
    assert tokenizer.encode(spelled) == ids
    special = tokenizer.special
    framed = [special.cls, *ids, special.pad, special.sep, *ids]
    assert tokenizer.decode(framed, unknown_text="\U0010ffff") == spelled


@pytest.mark.parametrize("kind", KINDS)
def test_what_the_vocabulary_lacks_is_left_out_or_shown(kind, request):
    tokenizer = build(kind, request)
    ids = [tokenizer.special.unk, *tokenizer.encode("天"), tokenizer.special.unk]
    shown = tokenizer.decode(ids, unknown_text="?")
    assert shown.startswith("?")
    assert shown.endswith("?")
    assert tokenizer.decode(ids) == shown.replace("?", "").strip()


def test_spaces_stand_between_words_of_scripts_that_write_them(request):
    tokenizer = build("mecab", request)
    tokens = ["the", "cat", "##s", "は", "a", "1", "猫", "b"]
    assert tokenizer._spelling.join(tokens) == "the catsはa 1猫b"
