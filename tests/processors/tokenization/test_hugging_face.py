import json
import os
import shutil

import pytest

from processors.tokenization import hugging_face
from processors.tokenization.mecab import MecabTokenizer, Subwords
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime import storage
from runtime.errors import DataError, SettingsError, StorageError

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
JAPANESE = {
    "tokenizer_class": "BertJapaneseTokenizer",
    "word_tokenizer_type": "mecab",
    "subword_tokenizer_type": "wordpiece",
    "mecab_kwargs": {"mecab_dic": "unidic_lite"},
}


@pytest.fixture
def write_folder(tmp_path):
    """Writes a folder as save_pretrained does."""

    def write(config, *, tokens=(*SPECIAL, "a", "##b"), library=None) -> str:
        folder = tmp_path / "tokenizer"
        folder.mkdir(exist_ok=True)
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
        if tokens:
            (folder / "vocab.txt").write_text("\n".join(tokens) + "\n")
        if library:
            (folder / "tokenizer.json").write_text(json.dumps(library))
        return str(folder)

    return write


def test_the_third_tohoku_bert(tohoku_v3_vocab_file, golden_lines):
    tokenizer = hugging_face.read(os.path.dirname(tohoku_v3_vocab_file))
    assert tokenizer.fingerprint() == MecabTokenizer(tohoku_v3_vocab_file).fingerprint()
    line = golden_lines("mecab.jsonl")[0]
    assert tokenizer.encode(line["text"]) == line["ids"]


def test_its_characters(tohoku_v3_vocab_file, write_folder):
    folder = write_folder({**JAPANESE, "subword_tokenizer_type": "character"})
    shutil.copy(tohoku_v3_vocab_file, folder)
    expected = MecabTokenizer(tohoku_v3_vocab_file, subwords=Subwords.CHARACTER)
    assert hugging_face.read(folder).fingerprint() == expected.fingerprint()


@pytest.mark.parametrize(
    ("setting", "text", "tokens"),
    [
        ({}, "A走\u00e9が", ["a", "走", "[UNK]"]),
        ({"do_lower_case": False}, "aA", ["[UNK]"]),
        ({"tokenize_chinese_chars": False}, "a走 [MASK]a", ["[UNK]", "[MASK]", "a"]),
        ({"strip_accents": False}, "É", ["é"]),
        ({"do_lower_case": False, "strip_accents": True}, "é", ["e"]),
        ({"do_lower_case": True, "strip_accents": None}, "É", ["e"]),
    ],
)
def test_the_settings_of_bert(write_folder, setting, text, tokens):
    vocabulary = (*SPECIAL, "a", "走", "e", "é")
    for name in ("BertTokenizer", "BertTokenizerFast", "DistilBertTokenizer"):
        folder = write_folder({"tokenizer_class": name, **setting}, tokens=vocabulary)
        assert hugging_face.read(folder).tokenize(text) == tokens


def test_the_ids_of_the_library(golden_lines, write_folder, tohoku_vocab_file):
    """Ids that the `tokenizers` library gave, for every pair of settings."""
    for line in golden_lines("library.jsonl"):
        folder = write_folder({"tokenizer_class": "BertTokenizer", **line["settings"]})
        shutil.copy(tohoku_vocab_file, folder)
        assert hugging_face.read(folder).encode_batch(line["texts"]) == line["ids"]


def library(**changes):
    parts = {
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            "vocab": {t: i for i, t in enumerate((*SPECIAL, "a", "##b", "A"))},
        },
        "normalizer": {
            "type": "BertNormalizer",
            "clean_text": True,
            "handle_chinese_chars": True,
            "strip_accents": None,
            "lowercase": False,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
    }
    return {k: {**v, **changes.get(k, {})} for k, v in parts.items()}


def test_a_folder_with_the_librarys_file_alone(write_folder):
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    folder = write_folder(config, tokens=(), library=library())
    tokenizer = hugging_face.read(folder)
    assert tokenizer.tokenize("abA a A") == ["[UNK]", "a", "A"]
    listed = write_folder(config, tokens=(*SPECIAL, "a", "##b", "A"), library=library())
    assert hugging_face.read(listed).fingerprint() == tokenizer.fingerprint()


@pytest.mark.parametrize("name", ["PreTrainedTokenizerFast", "TokenizersBackend", ""])
@pytest.mark.parametrize("kind", ["bpe", "bytes", "unigram"])
def test_other_models_of_the_library_are_opened_by_it(kind, name, library_file):
    path = library_file(kind)
    folder = os.path.dirname(path)
    storage.write_text(
        f"{folder}/tokenizer_config.json", f'{{"tokenizer_class": "{name}"}}'
    )
    tokenizer = hugging_face.read(folder)
    assert tokenizer.kind == "library"
    assert tokenizer.fingerprint() == hugging_face.read_by_library(folder).fingerprint()


@pytest.mark.parametrize(
    "changes",
    [
        {"model": {"max_input_chars_per_word": 10}},
        {"normalizer": {"lowercase": True, "clean_text": False}},
        {"pre_tokenizer": {"type": "Whitespace"}},
    ],
)
def test_a_word_piece_that_is_not_split_as_berts_is_opened_by_the_library(
    write_folder, changes
):
    pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    folder = write_folder(config, tokens=(), library=library(**changes))
    assert hugging_face.read(folder).kind == "library"
    with pytest.raises(SettingsError, match="which has no MeCab"):
        hugging_face.read(folder, dictionary="unidic_lite")


def test_a_file_for_the_library_that_it_cannot_read(write_folder):
    pytest.importorskip("tokenizers", reason="the extra [tokenizers]")
    config = {"tokenizer_class": "PreTrainedTokenizerFast"}
    broken = library(model={"type": "BPE"})
    folder = write_folder(config, tokens=(), library=broken)
    with pytest.raises(DataError, match=r"tokenizer.json: expected a tokenizer\.json"):
        hugging_face.read(folder)


def test_special_tokens_are_those_that_the_folder_names(library_file):
    path = library_file("unigram", ("<pad>", "<unk>", "<s>", "</s>", "<mask>"))
    folder = os.path.dirname(path)
    with pytest.raises(DataError, match=r"lacks \[CLS\], \[SEP\]"):
        hugging_face.read_by_library(folder)
    config = {
        "tokenizer_class": "XLMRobertaTokenizer",
        "cls_token": "<s>",
        "sep_token": {"content": "</s>"},
        "mask_token": "<mask>",
    }
    storage.write_text(f"{folder}/tokenizer_config.json", json.dumps(config))
    with pytest.raises(SettingsError, match="--tokenizer=library takes the folder"):
        hugging_face.read(folder)
    tokenizer = hugging_face.read_by_library(folder)
    names = ("<pad>", "<unk>", "<s>", "</s>", "<mask>")
    known = tokenizer.special.known()
    assert tokenizer.convert_ids_to_tokens([*known.values()]) == list(names)
    config["added_tokens_decoder"] = {"9999": {"content": "<name>"}}
    storage.write_text(f"{folder}/tokenizer_config.json", json.dumps(config))
    with pytest.raises(SettingsError, match="the added token '<name>' cannot be"):
        hugging_face.read_by_library(folder)


def test_a_vocabulary_with_gaps_is_refused(write_folder):
    changes = {"model": {"vocab": {"[UNK]": 0, "[CLS]": 1, "[SEP]": 3}}}
    config = {"tokenizer_class": "BertTokenizer"}
    folder = write_folder(config, tokens=(), library=library(**changes))
    with pytest.raises(DataError, match="without a gap"):
        hugging_face.read(folder)


def test_a_byte_order_mark_is_no_part_of_a_configuration(write_folder):
    folder = write_folder({"tokenizer_class": "BertTokenizer"})
    for name in ("tokenizer_config.json", "vocab.txt"):
        path = storage.join(folder, name)
        storage.write_bytes(path, b"\xef\xbb\xbf" + storage.read_bytes(path))
    tokenizer = hugging_face.read(folder)
    assert tokenizer.vocabulary.tokens[0] == SPECIAL[0]


def test_words_of_the_basic_kind(write_folder):
    config = {"tokenizer_class": "BertJapaneseTokenizer"}
    folder = write_folder(config, tokens=(*SPECIAL, "走る", "、", "A"))
    tokens = hugging_face.read(folder).tokenize("走る、A a\ue000")
    assert tokens == ["走る", "、", "A", "[UNK]"]


def test_characters_without_words(write_folder):
    config = {
        **JAPANESE,
        "do_word_tokenize": False,
        "subword_tokenizer_type": "character",
    }
    folder = write_folder(config, tokens=(*SPECIAL, "走", " "))
    assert hugging_face.read(folder).tokenize("走 り") == ["走", " ", "[UNK]"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"word_tokenizer_type": "sudachi"},
            "word_tokenizer_type=sudachi .* needs SudachiPy",
        ),
        ({"word_tokenizer_type": "jumanpp"}, r"needs the program Juman\+\+"),
        ({"subword_tokenizer_type": "sentencepiece"}, "subword_tokenizer_type=sente"),
        ({"do_subword_tokenize": False}, "do_subword_tokenize=False cannot be"),
        ({"never_split": ["走る"]}, r"never_split=\['走る'\] cannot be"),
        ({"mecab_kwargs": {"mecab_option": "-u x"}}, "mecab_option='-u x' cannot be"),
        ({"mecab_kwargs": None}, "say with --mecab_dic"),
        ({"cls_token": "<s>"}, "cls_token='<s>'"),
        (
            {"added_tokens_decoder": {"7": {"content": "<name>"}}},
            "the added token '<name>' cannot be",
        ),
        ({"additional_special_tokens": ["<x>"]}, "the added token '<x>' cannot be"),
        ({"tokenizer_class": "T5Tokenizer"}, "the tokenizer T5Tokenizer cannot be"),
    ],
)
def test_what_cannot_be_honoured_is_refused_by_name(write_folder, change, message):
    with pytest.raises(SettingsError, match=message):
        hugging_face.read(write_folder({**JAPANESE, **change}))


def test_a_dictionary_can_be_given_but_not_contradicted(write_folder):
    named = write_folder(JAPANESE)
    assert hugging_face.read(named, dictionary="unidic_lite").kind == "mecab"
    with pytest.raises(SettingsError, match="says mecab_dic=unidic_lite"):
        hugging_face.read(named, dictionary="ipadic")
    unnamed = write_folder({**JAPANESE, "mecab_kwargs": {}})
    tokenizer = hugging_face.read(unnamed, dictionary="unidic_lite")
    assert tokenizer.fingerprint()["dictionary"] == "unidic_lite"
    bert = write_folder({"tokenizer_class": "BertTokenizer"})
    with pytest.raises(SettingsError, match="a BertTokenizer, which has no MeCab"):
        hugging_face.read(bert, dictionary="unidic_lite")


def test_the_models_file_is_named_where_it_could_serve(write_folder):
    folder = write_folder({"tokenizer_class": "AlbertTokenizer"}, tokens=())
    with open(os.path.join(folder, "spiece.model"), "wb"):
        pass
    with pytest.raises(SettingsError, match=r"--model_file=.*spiece\.model takes"):
        hugging_face.read(folder)


def test_a_folder_without_a_description_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"tokenizer_config\.json"):
        hugging_face.read(str(tmp_path))


@pytest.mark.parametrize("text", ["[]", "", '"x"'])
def test_what_is_no_description_is_refused(tmp_path, text):
    (tmp_path / "tokenizer_config.json").write_text(text)
    with pytest.raises(DataError, match="expected"):
        hugging_face.read(str(tmp_path))


def test_the_vocabulary_of_a_plain_bert_is_that_of_the_file(write_folder):
    folder = write_folder({"tokenizer_class": "BertTokenizer"})
    tokenizer = hugging_face.read(folder)
    assert isinstance(tokenizer, WordPieceTokenizer)
    assert tokenizer.vocab_size == 7
