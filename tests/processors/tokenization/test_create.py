import json
import os

import pytest

from processors.tokenization.create import create
from processors.tokenization.settings import TokenizerKind, TokenizerSettings
from runtime.errors import SettingsError


def made(**settings):
    return create(TokenizerSettings(**settings))


def test_a_model_file_asks_for_sentence_piece(model_file, model_vocab_file):
    both = made(model_file=model_file, vocab_file=model_vocab_file)
    alone = made(model_file=model_file)
    assert both.kind == alone.kind == "sentencepiece"
    assert both.do_lower_case
    assert not made(model_file=model_file, do_lower_case=False).do_lower_case


def test_bytes_can_be_refused(byte_model_file):
    assert made(model_file=byte_model_file).fingerprint()["byte_fallback"] is True
    off = made(model_file=byte_model_file, byte_fallback=False)
    assert off.fingerprint()["byte_fallback"] is False


@pytest.mark.parametrize("keep", [True, False])
def test_a_vocabulary_file_alone_asks_for_word_piece(write_vocab, keep):
    path = write_vocab("[UNK]", "[CLS]", "[SEP]", "a", "##b", "走")
    tokenizer = made(vocab_file=path, keep_voicing_marks=keep)
    assert tokenizer.kind == "wordpiece"
    assert tokenizer.do_lower_case
    assert tokenizer.fingerprint()["keep_voicing_marks"] is keep


def test_mecab_and_characters_keep_capitals_unless_asked(tohoku_v3_vocab_file):
    mecab = {"tokenizer": TokenizerKind.MECAB, "mecab_dic": "unidic_lite"}
    assert made(vocab_file=tohoku_v3_vocab_file, **mecab).kind == "mecab"
    assert not made(vocab_file=tohoku_v3_vocab_file, **mecab).do_lower_case
    lowered = made(vocab_file=tohoku_v3_vocab_file, do_lower_case=True, **mecab)
    assert lowered.do_lower_case
    characters = made(
        vocab_file=tohoku_v3_vocab_file,
        tokenizer=TokenizerKind.MECAB_CHAR,
        mecab_dic="unidic_lite",
    )
    assert characters.fingerprint()["subwords"] == "character"
    alone = made(vocab_file=tohoku_v3_vocab_file, tokenizer=TokenizerKind.CHAR)
    assert alone.kind == "char"
    assert not alone.do_lower_case


def test_a_vocabulary_of_mecab_words_is_not_taken_for_word_piece(tohoku_vocab_file):
    with pytest.raises(SettingsError, match="tokens are words with ideographs") as seen:
        made(vocab_file=tohoku_vocab_file)
    assert "--tokenizer=mecab and --mecab_dic" in str(seen.value)
    forced = made(vocab_file=tohoku_vocab_file, tokenizer=TokenizerKind.WORDPIECE)
    assert forced.kind == "wordpiece"


def test_the_folder_of_a_vocabulary_is_asked(tohoku_v3_vocab_file):
    folder = os.path.dirname(tohoku_v3_vocab_file)
    with pytest.raises(SettingsError, match=f"give --tokenizer_dir={folder}"):
        made(vocab_file=tohoku_v3_vocab_file)
    assert made(tokenizer_dir=folder).kind == "mecab"


def test_a_vocabulary_of_characters_is_not_taken_for_word_piece(write_vocab):
    kana_and_kanji = map(chr, (*range(0x3041, 0x3097), *range(0x4E00, 0x5000)))
    path = write_vocab("[PAD]", "[UNK]", "[CLS]", "[SEP]", *kana_and_kanji)
    with pytest.raises(SettingsError, match="every token is one character"):
        made(vocab_file=path)


MECAB, LIBRARY = TokenizerKind.MECAB, TokenizerKind.LIBRARY


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "--vocab_file .* --model_file .* --tokenizer_dir"),
        ({"vocab_file": ""}, "--vocab_file .* --model_file .* --tokenizer_dir"),
        ({"vocab_file": "v", "tokenizer": MECAB}, "needs --mecab_dic"),
        ({"vocab_file": "v", "mecab_dic": "ipadic"}, "of no use to --tokenizer=auto"),
        ({"model_file": "m", "tokenizer": MECAB, "mecab_dic": "x"}, "--model_file is"),
        (
            {"vocab_file": "v", "tokenizer": TokenizerKind.SENTENCEPIECE},
            "needs --model_file",
        ),
        ({"tokenizer_dir": "d", "vocab_file": "v"}, "--vocab_file is not for"),
        ({"tokenizer_dir": "d", "do_lower_case": False}, "--do_lower_case is not for"),
        ({"tokenizer_dir": "d", "tokenizer": MECAB}, "--tokenizer is not for"),
        ({"vocab_file": "v", "tokenizer": LIBRARY}, "needs --tokenizer_dir, with"),
        (
            {"tokenizer_dir": "d", "mecab_dic": "ipadic", "tokenizer": LIBRARY},
            "--mecab_dic is of no use to --tokenizer=library",
        ),
    ],
)
def test_settings_that_do_not_fit_are_refused(settings, message):
    with pytest.raises(SettingsError, match=message):
        made(**settings)


def test_a_broken_description_is_named(tmp_path, write_vocab):
    path = write_vocab("[UNK]", "[CLS]", "[SEP]", "a", "##b")
    (tmp_path / "tokenizer_config.json").write_text('{"a": 1,\n]')
    with pytest.raises(ValueError, match=r"tokenizer_config\.json:2: expected JSON"):
        made(vocab_file=path)
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({}))
    assert made(vocab_file=path).kind == "wordpiece"
