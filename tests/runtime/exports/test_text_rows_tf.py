"""Ids in TensorFlow's graph beside those of the original programs."""

import json
import os

import pytest
import sentencepiece
import tensorflow as tf

from processors.batches.features import featurize
from processors.batches.long_texts import LongTexts
from processors.example import InputExample
from processors.tokenization.sentence_piece import SentencePieceTokenizer
from runtime.exports.text_rows import SentencePiece, TextRows

pytest.importorskip("tensorflow_text", reason="the extra [export]")

from runtime.exports import text_rows_tf

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
GOLDEN = os.path.join(ROOT, "tests", "golden")
MODEL = os.path.join(ROOT, "processors", "data", "aozora_spm_8k", "aozora-ja.model")


def golden_lines(name):
    with open(os.path.join(GOLDEN, "tokens", name), encoding="utf-8") as file:
        return [json.loads(line) for line in file]


@pytest.fixture(scope="module")
def sentence_piece():
    with open(MODEL, "rb") as file:
        model = file.read()
    ids = tuple(range(SentencePieceTokenizer(MODEL).vocab_size))
    return SentencePiece(model=model, ids=ids, do_lower_case=True)


def different(said, lines, key):
    """The lines whose ids are others."""
    ids_of, _ = text_rows_tf.tokenizer(said)
    found = ids_of(tf.constant([line["text"] for line in lines])).to_list()
    return [
        line["text"] for line, ids in zip(lines, found, strict=True) if ids != line[key]
    ]


def test_sentence_piece_on_every_golden_line(sentence_piece):
    assert different(sentence_piece, golden_lines("spm.jsonl"), "ids") == []


def test_other_pieces_are_as_probable():
    """Two programs may cut 666 otherwise, but never worse."""
    path = os.path.join(ROOT, "tf_bert", "data", "ja-mini", "sentencepiece.model")
    tokenizer = SentencePieceTokenizer(path)
    with open(path, "rb") as file:
        ids = tuple(range(tokenizer.vocab_size))
        said = SentencePiece(model=file.read(), ids=ids, do_lower_case=True)
    texts = [
        "これらの結果、国内人材募集領域における売上高は2,666億円"
        "（前連結会計年度比4.2％増）となりました"
    ]
    ids_of, _ = text_rows_tf.tokenizer(said)
    theirs = ids_of(tf.constant(texts)).to_list()
    ours = [list(tokenizer.encode(text)) for text in texts]
    assert ours != theirs
    library = sentencepiece.SentencePieceProcessor(model_file=path)
    for pair in zip(ours, theirs, strict=True):
        one, other = (sum(map(library.get_score, ids)) for ids in pair)
        assert one == pytest.approx(other, abs=1e-5)


@pytest.mark.parametrize(
    ("said", "kinds"),
    [(["a b c d e f", "h"], {}), (["あ" * 40, "い", ""], {"keeps_end": True})],
)
def test_rows_are_those_of_python(sentence_piece, said, kinds):
    tokenizer = SentencePieceTokenizer(MODEL)
    long_texts = LongTexts.HEAD_TAIL if kinds else LongTexts.TRUNCATE
    texts = TextRows(
        tokenizer=sentence_piece,
        pairs=False,
        max_seq_length=12,
        first=tokenizer.special.cls,
        between=tokenizer.special.sep,
        unknown=tokenizer.special.unk,
        **kinds,
    )
    ids_of, _ = text_rows_tf.tokenizer(sentence_piece)
    rows = text_rows_tf.rows(texts, ids_of, tf.constant(said))
    assert_rows(rows, [InputExample("", text) for text in said], tokenizer, long_texts)


def assert_rows(rows, examples, tokenizer, long_texts):
    features = featurize(
        examples,
        tokenizer=tokenizer,
        labels=(),
        max_seq_length=12,
        long_texts=long_texts,
    )
    for place, each in enumerate(features):
        length = len(each.input_ids)
        assert rows["input_ids"][place, :length].numpy().tolist() == list(
            each.input_ids
        )
        assert rows["segment_ids"][place, :length].numpy().tolist() == list(
            each.segment_ids
        )
        mask = rows["input_mask"][place].numpy().tolist()
        assert mask == [1] * length + [0] * (len(mask) - length)


@pytest.mark.parametrize("long_texts", [LongTexts.TRUNCATE, LongTexts.HEAD_TAIL])
def test_pairs_share_a_row_as_in_python(sentence_piece, long_texts):
    tokenizer = SentencePieceTokenizer(MODEL)
    lengths = [(a, b) for a in (0, 1, 4, 5, 9, 30) for b in (0, 1, 4, 5, 9, 30)]
    first, second = "いろはにほへとちりぬるを" * 3, "わかよたれそつねならむう" * 3
    pairs = [(first[:a], second[:b]) for a, b in lengths]
    texts = TextRows(
        tokenizer=sentence_piece,
        pairs=True,
        max_seq_length=12,
        keeps_end=long_texts is LongTexts.HEAD_TAIL,
        first=tokenizer.special.cls,
        between=tokenizer.special.sep,
        unknown=tokenizer.special.unk,
    )
    ids_of, _ = text_rows_tf.tokenizer(sentence_piece)
    firsts, seconds = zip(*pairs, strict=True)
    rows = text_rows_tf.rows(texts, ids_of, tf.constant(firsts), tf.constant(seconds))
    assert_rows(rows, [InputExample("", *p) for p in pairs], tokenizer, long_texts)
