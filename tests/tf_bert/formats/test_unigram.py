"""The ids of a `tokenizer.json` beside SentencePiece's own."""

import json
import os

import pytest

from processors.tokenization.sentence_piece import SentencePieceTokenizer
from tf_bert.formats import unigram

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
MODEL = os.path.join(ROOT, "processors", "data", "aozora_spm_8k", "aozora-ja.model")


@pytest.fixture(scope="module")
def library():
    tokenizers = pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    said = unigram.library_file(SentencePieceTokenizer(MODEL))
    return tokenizers.Tokenizer.from_str(json.dumps(said))


def test_it_gives_the_same_ids(library):
    path = os.path.join(ROOT, "tests", "golden", "tokens", "spm.jsonl")
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    marks = ("[PAD]", "[CLS]", "[SEP]", "[MASK]", "<unk>")
    plain = [line for line in lines if not any(m in line["text"] for m in marks)]
    assert len(plain) > 500
    found = library.encode_batch([x["text"] for x in plain], add_special_tokens=False)
    different = [
        line["text"]
        for line, each in zip(plain, found, strict=True)
        if each.ids != line["ids"]
    ]
    # Its normaliser goes by what a reader sees as one character: that is two here.
    assert different == ["ｶﾞｷﾞｸﾞ ㈱①"]


def test_rows_are_berts(library):
    special = SentencePieceTokenizer(MODEL).special
    row = library.encode("走れ", "メロス")
    assert (row.ids[0], row.ids[-1]) == (special.cls, special.sep)
    assert row.ids.count(special.sep) == 2
    assert row.type_ids == sorted(row.type_ids)
