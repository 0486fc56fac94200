import collections
import gzip

import pytest
import sentencepiece

from processors.tokenization import training
from processors.tokenization.basic_words import BasicWords, Case
from runtime.errors import DataError, SettingsError

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
COUNTS = {"走る": 50, "走れ": 30, "メロス": 40, "。": 100, "走": 5, "ab": 3}


def test_lines_end_at_line_feeds_only(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("\ufeff走れ\u2028メロス\r\n\n \n終\x85".encode())
    lines = list(training.read_lines([str(path), str(path)]))
    assert lines == ["走れ\u2028メロス", " ", "終\x85"] * 2


def test_bytes_that_are_no_text_are_named_by_line(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("あ\nい\n".encode() + "うえ\n".encode("cp932"))
    with pytest.raises(DataError, match=r"a\.txt:3: expected UTF-8, found 0x82"):
        list(training.read_lines([str(path)]))


def test_other_encodings_and_gzip(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(gzip.compress("う\nえ".encode("cp932")))
    assert list(training.read_lines([str(path)], encoding="cp932")) == ["う", "え"]


@pytest.mark.parametrize(
    ("line", "ends"),
    [
        ("走れメロス。" * 900, "。"),
        ("「はい！」と言った。" * 500, "。！"),
        ("One more. Again? " * 700, " "),
        ("word " * 3000, "d "),
        ("𠮷" * 5000, "𠮷"),
    ],
)
def test_long_lines_are_cut_where_sentences_end(line, ends):
    sentences = training.FittingLines([line, "短い。"])
    parts = list(sentences)
    assert "".join(parts) == line + "短い。"
    assert max(len(part.encode()) for part in parts) <= training.LONGEST_SENTENCE
    assert all(part.rstrip("」")[-1] in ends for part in parts[:-2])
    assert len(parts) <= 2 + len(line.encode()) / (training.LONGEST_SENTENCE - 100)
    assert (sentences.count, sentences.cut) == (2, 1)
    assert sentences.cut_characters == len(line)


def test_lines_that_fit_stay_whole():
    longest = "あ" * (training.LONGEST_SENTENCE // 3)
    sentences = training.FittingLines([longest, "一。二。"])
    assert list(sentences) == [longest, "一。二。"]
    assert sentences.cut == 0


def test_the_text_of_long_lines_is_learned():
    """SentencePiece skips them whole: the characters of this one would be unknown."""
    lines = training.FittingLines(
        ["深海探査船は新種を発見した。" * 400, "走れメロス。"]
    )
    model = training.train_sentence_piece(
        lines, vocab_size=27, character_coverage=1.0, byte_fallback=False
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    assert processor.unk_id() not in processor.encode("深海探査船は新種")


def test_words_are_counted_in_their_final_shape():
    words = BasicWords(case=Case.LOWERED)
    counts = training.count_words(["The the!", "THE"], words=words)
    assert counts == {"the": 3, "!": 1}


def test_special_tokens_then_characters_then_pieces():
    tokens = training.train_word_piece(COUNTS, vocab_size=26, character_coverage=1.0)
    assert tokens[:5] == SPECIAL
    assert tokens[5:9] == ["。", "走", "メ", "a"]
    assert tokens[9:14] == ["##る", "##ス", "##ロ", "##れ", "##b"]
    assert {"走る", "走れ", "メロス", "##ロス"} <= set(tokens[14:])
    assert len(tokens) == len(set(tokens)) <= 26


def test_all_pieces_spell_the_words():
    tokens = set(training.train_word_piece(COUNTS, vocab_size=14, character_coverage=1))
    for word in COUNTS:
        assert {word[0], *(f"##{c}" for c in word[1:])} <= tokens


def test_the_order_of_words_does_not_matter():
    turned = dict(reversed(COUNTS.items()))
    for size in (16, 20, 60):
        first, second = (
            training.train_word_piece(c, vocab_size=size, character_coverage=1.0)
            for c in (COUNTS, turned)
        )
        assert first == second


def test_rare_characters_are_left_out():
    counts = COUNTS | {"鰯": 1}
    tokens = training.train_word_piece(counts, vocab_size=40, character_coverage=0.99)
    assert "鰯" not in tokens


def test_a_word_with_the_mark_of_sentence_piece_is_left_out():
    counts = COUNTS | {"▁走▁": 1000}
    assert training.train_word_piece(
        counts, vocab_size=40, character_coverage=1.0
    ) == training.train_word_piece(COUNTS, vocab_size=40, character_coverage=1.0)


def test_too_small_a_vocabulary_is_refused():
    with pytest.raises(SettingsError, match="the special tokens and characters alone"):
        training.train_word_piece(COUNTS, vocab_size=12, character_coverage=1.0)


@pytest.mark.parametrize("counts", [{}, {"▁": 1}])
def test_no_word_is_an_error(counts):
    with pytest.raises(SettingsError, match="found no word"):
        training.train_word_piece(counts, vocab_size=12, character_coverage=1.0)


def test_characters_by_frequency():
    tokens = training.train_characters(collections.Counter(COUNTS), vocab_size=9)
    assert tokens == [*SPECIAL, "。", "走", "る", "ス"]


@pytest.mark.parametrize("byte_fallback", [False, True])
def test_a_sentence_piece_model_has_the_layout_of_bert_japanese(
    golden_lines, byte_fallback
):
    lines = [line["text"] for line in golden_lines("spm.jsonl")][:200]
    models = {
        training.train_sentence_piece(
            lines,
            vocab_size=1300,
            character_coverage=0.98,
            byte_fallback=byte_fallback,
        )
        for _ in range(2)
    }
    [model] = models
    processor = sentencepiece.SentencePieceProcessor(model_proto=model)
    pieces = [processor.id_to_piece(i) for i in range(1300)]
    layout = ["<unk>", "<s>", "</s>", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
    assert pieces[:7] == layout
    assert ("<0x00>" in pieces) is byte_fallback
    listed = training.vocabulary_of(model).splitlines()
    assert [line.split("\t")[0] for line in listed] == pieces


def test_too_large_a_model_is_refused():
    with pytest.raises(SettingsError, match=r"cannot be trained: .* too high"):
        training.train_sentence_piece(
            ["走れメロス"], vocab_size=5000, character_coverage=1.0, byte_fallback=False
        )


@pytest.mark.parametrize("lines", [[], [""]])
def test_no_text_is_a_reason(lines):
    with pytest.raises(SettingsError, match=r"cannot be trained: there is no text"):
        training.train_sentence_piece(
            lines, vocab_size=50, character_coverage=1.0, byte_fallback=False
        )


def test_what_ends_the_text_ends_the_training(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"good\n\xff\n")
    with pytest.raises(DataError, match=r"a\.txt:2: expected UTF-8"):
        training.train_sentence_piece(
            training.read_lines([str(path)]),
            vocab_size=50,
            character_coverage=1.0,
            byte_fallback=False,
        )


def test_the_vocabulary_file_is_that_of_the_library(model_file, model_vocab_file):
    with open(model_file, "rb") as model, open(model_vocab_file, "rb") as vocabulary:
        assert training.vocabulary_of(model.read()).encode() == vocabulary.read()
