import dataclasses
import pickle

import pytest

from processors.tokenization import word_tokenizer
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError

UPSTREAM = (
    "[UNK] [CLS] [SEP] want ##want ##ed wa un runn ##ing ,".split()  # noqa: SIM905
)


@pytest.fixture
def upstream(write_vocab):
    return WordPieceTokenizer(write_vocab(*UPSTREAM))


@pytest.fixture
def tohoku(tohoku_vocab_file):
    return {
        lower: WordPieceTokenizer(tohoku_vocab_file, do_lower_case=lower)
        for lower in (True, False)
    }


def test_the_example_of_the_original(upstream):
    tokens = upstream.tokenize("UNwant\u00e9d,running")
    assert tokens == ["un", "##want", "##ed", ",", "runn", "##ing"]
    assert upstream.encode("UNwant\u00e9d,running") == [7, 4, 5, 10, 8, 9]
    assert upstream.convert_tokens_to_ids(tokens) == [7, 4, 5, 10, 8, 9]
    assert upstream.convert_ids_to_tokens([7, 4, 5, 10, 8, 9]) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("unwanted running", ["un", "##want", "##ed", "runn", "##ing"]),
        ("unwantedX running", ["[UNK]", "runn", "##ing"]),
    ],
)
def test_the_word_piece_examples_of_the_original(upstream, text, tokens):
    assert upstream.tokenize(text) == tokens


def test_a_word_of_over_200_characters_is_unknown(upstream):
    assert upstream.tokenize("un" + "want" * 49 + "ed") == ["un"] + ["##want"] * 49 + [
        "##ed"
    ]
    assert upstream.tokenize("un" + "want" * 49 + "eded") == ["[UNK]"]
    assert upstream.tokenize("wa" * 100_000) == ["[UNK]"]


def test_the_original_ids_of_the_golden_texts(tohoku, golden_lines):
    for line in golden_lines("wordpiece.jsonl"):
        assert tohoku[True].encode(line["text"]) == line["lower_ids"]
        assert tohoku[False].encode(line["text"]) == line["cased_ids"]


@pytest.mark.slow
def test_the_original_tokens_of_all_golden_texts(tohoku, full_golden_lines):
    for line in full_golden_lines("wordpiece.jsonl"):
        for name, tokenizer in (("lower", tohoku[True]), ("cased", tohoku[False])):
            assert tokenizer.tokenize(line["text"]) == line[f"{name}_tokens"]
            assert tokenizer.encode(line["text"]) == line[f"{name}_ids"]


@pytest.mark.parametrize("lower", [True, False])
def test_a_batch_is_its_texts(tohoku, odd_texts, lower):
    tokenizer = tohoku[lower]
    rows = tokenizer.encode_batch(odd_texts)
    assert rows == [tokenizer.encode(text) for text in odd_texts]
    tokens = [tokenizer.tokenize(text) for text in odd_texts]
    assert rows == [tokenizer.convert_tokens_to_ids(row) for row in tokens]
    assert any(rows)


def test_a_text_that_cannot_be_written_is_unknown(tohoku):
    assert tohoku[True].tokenize("\ud800") == ["[UNK]"]
    assert tohoku[False].tokenize("メロス\udfff は") == ["[UNK]", "は"]


def test_special_tokens_in_a_text_are_split(tohoku):
    assert 4 not in tohoku[False].encode("[MASK]")
    assert tohoku[False].tokenize("[MASK]")[0] == "["


def test_kept_voicing_marks(tohoku_vocab_file, tohoku):
    kept = WordPieceTokenizer(tohoku_vocab_file, keep_voicing_marks=True)
    text = "ヴァイオリンがある。"
    assert kept.encode(text) == tohoku[False].encode(text)
    assert kept.encode(text) != tohoku[True].encode(text)
    assert kept.encode("CAFÉ が") == tohoku[False].encode("cafe が")


def test_the_empty_token_matches_nothing(write_vocab):
    tokenizer = WordPieceTokenizer(
        write_vocab("[UNK]", "", "[CLS]", "[SEP]", "##", "a")
    )
    assert tokenizer.encode("ab a") == [0, 5]


def test_no_more_words_are_remembered_than_allowed(upstream, monkeypatch):
    monkeypatch.setattr(word_tokenizer, "_REMEMBERED_WORDS", 3)
    texts = [f"un want {number}" for number in range(10)] + ["wa" * 50]
    rows = upstream.encode_batch(texts)
    assert len(upstream._ids_of) <= 3
    assert max(map(len, upstream._ids_of)) <= 32
    assert rows[:10] == [[7, 3, 0]] * 10
    assert rows[10] == [0]


def test_special_tokens_and_size(tohoku):
    special = dataclasses.asdict(tohoku[True].special)
    assert special == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    assert tohoku[True].vocab_size == 32000


def test_a_strange_token_is_named(upstream):
    with pytest.raises(DataError, match="found 'wont'"):
        upstream.convert_tokens_to_ids(["want", "wont"])


@pytest.mark.parametrize("index", [-1, 11])
def test_a_strange_id_is_named(upstream, index):
    with pytest.raises(DataError, match=rf"ids below 11 .* found {index}"):
        upstream.convert_ids_to_tokens([3, index])


def test_a_vocabulary_of_the_other_family_is_refused(write_vocab):
    path = write_vocab("<unk>", "[CLS]", "[SEP]", "▁")
    with pytest.raises(DataError, match=r"lacks \[UNK\]; .* the model file"):
        WordPieceTokenizer(path)


def test_the_fingerprint_tells_what_alters_ids(write_vocab):
    def fingerprint(*lines: str, **settings: bool) -> dict[str, str | bool | int]:
        return WordPieceTokenizer(write_vocab(*lines), **settings).fingerprint()

    plain = fingerprint(*UPSTREAM)
    assert plain["kind"] == "wordpiece"
    assert plain["do_lower_case"] is True
    assert plain == fingerprint(*UPSTREAM)
    assert plain != fingerprint(*UPSTREAM, "more")
    assert plain != fingerprint(*UPSTREAM, keep_voicing_marks=True)
    assert plain != fingerprint(*UPSTREAM, do_lower_case=False)
    assert fingerprint(*UPSTREAM, do_lower_case=False) == fingerprint(
        *UPSTREAM, do_lower_case=False, keep_voicing_marks=True
    )


def test_it_can_be_sent_to_another_process(upstream):
    before = upstream.encode("unwanted running")
    copy = pickle.loads(pickle.dumps(upstream))
    assert copy.encode_batch(["unwanted running", "wa"]) == [before, [6]]
    assert copy.fingerprint() == upstream.fingerprint()
