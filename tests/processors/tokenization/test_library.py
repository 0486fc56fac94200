import json
import sys

import pytest

from processors.tokenization.create import create
from processors.tokenization.library import LibraryTokenizer
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime import storage
from runtime.errors import DataError, SettingsError

TEXTS = ["メロスは激怒した。", "ｶﾞ Aa 123", "", "a [MASK] b"]


@pytest.mark.parametrize("kind", ["bpe", "bytes", "unigram"])
def test_ids_are_those_of_the_library(library_file, kind):
    path = library_file(kind)
    tokenizers = pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    expected = tokenizers.Tokenizer.from_file(path)
    tokenizer = LibraryTokenizer(path)
    for text in TEXTS:
        there = expected.encode(text, add_special_tokens=False)
        assert tokenizer.encode(text) == there.ids
        assert tokenizer.tokenize(text) == there.tokens
    assert tokenizer.vocab_size == expected.get_vocab_size()
    assert tokenizer.special.mask in tokenizer.encode("a [MASK] b")


def test_rows_are_neither_cut_nor_filled_nor_framed_by_the_file(library_file):
    path = library_file("bpe")
    tokenizers = pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    plain = LibraryTokenizer(path)
    changed = tokenizers.Tokenizer.from_file(path)
    changed.enable_truncation(2)
    changed.enable_padding(length=50)
    changed.post_processor = tokenizers.processors.BertProcessing(
        ("[SEP]", plain.special.sep), ("[CLS]", plain.special.cls)
    )
    changed.save(path)
    tokenizer = LibraryTokenizer(path)
    assert tokenizer.encode_batch(TEXTS) == plain.encode_batch(TEXTS)
    assert tokenizer.encode(TEXTS[0]) == plain.encode(TEXTS[0])


def test_whether_it_lowers_the_case_is_seen(library_file):
    assert LibraryTokenizer(library_file("bpe")).do_lower_case
    assert not LibraryTokenizer(library_file("bytes")).do_lower_case
    assert not LibraryTokenizer(library_file("unigram")).do_lower_case


def test_places_in_the_text_as_it_was(library_file):
    tokenizer = LibraryTokenizer(library_file("unigram"))
    encoded = tokenizer.encode_with_offsets("ｶﾞ")
    assert encoded.spans[-1] == (0, 2)


def test_the_role_of_a_token_is_part_of_the_fingerprint(library_file):
    path = library_file("bpe")
    swapped = LibraryTokenizer(path, names={"cls": "[SEP]", "sep": "[CLS]"})
    assert swapped.fingerprint() != LibraryTokenizer(path).fingerprint()


def test_the_settings_that_ask_for_it(library_file):
    folder = storage.dirname(library_file("unigram"))
    settings = TokenizerSettings(tokenizer=TokenizerKind.LIBRARY, tokenizer_dir=folder)
    assert create(settings).kind == "library"


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff", b'{"model": 1}'])
def test_what_is_no_tokenizer_is_refused(tmp_path, content):
    pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    path = str(tmp_path / "tokenizer.json")
    storage.write_bytes(path, content)
    with pytest.raises(DataError, match=r"expected a tokenizer\.json that tokenizers"):
        LibraryTokenizer(path)


def test_without_the_library_its_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tokenizers", None)
    path = str(tmp_path / "tokenizer.json")
    storage.write_text(path, json.dumps({}))
    with pytest.raises(
        SettingsError, match=r"pip install --editable '\.\[tokenizers\]'"
    ):
        LibraryTokenizer(path)
