import json
import os

import pytest

from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError, SettingsError, StorageError
from tf_bert.formats import tokenizer_files
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.tokenizer_files import TokenizerFiles

WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a")
JAPANESE = {
    "tokenizer_class": "BertJapaneseTokenizer",
    "word_tokenizer_type": "mecab",
    "do_lower_case": False,
}


@pytest.fixture
def folder(tmp_path):
    """A Hugging Face folder's tokenizer."""
    for name, text in (
        ("vocab.txt", "[PAD]\n東京\n"),
        ("tokenizer_config.json", json.dumps(JAPANESE)),
        ("special_tokens_map.json", "{}"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


@pytest.fixture
def vocabulary(tmp_path):
    """Writes a vocabulary."""

    def write(*words):
        (tmp_path / "words.txt").write_text("\n".join(words or WORDS) + "\n")
        return str(tmp_path / "words.txt")

    return write


@pytest.mark.parametrize(
    "to", [WeightsFormat.TF1, WeightsFormat.HUGGING_FACE, WeightsFormat.NATIVE]
)
def test_what_is_kept_as_it_is(folder, tmp_path, to):
    files = tokenizer_files.find(str(folder), WeightsFormat.HUGGING_FACE)
    assert tokenizer_files.write(str(tmp_path / "new"), files, to=to) == []
    assert tokenizer_files.find(str(tmp_path / "new"), to).config == JAPANESE
    for name in ("vocab.txt", "special_tokens_map.json"):
        assert (tmp_path / "new" / name).read_bytes() == (folder / name).read_bytes()


def test_a_tokenizer_that_keras_hub_does_not_have(folder, tmp_path):
    """It would split every Chinese character and know no words."""
    files = tokenizer_files.find(str(folder), WeightsFormat.HUGGING_FACE)
    [note] = tokenizer_files.write(
        str(tmp_path / "new"), files, to=WeightsFormat.KERAS_HUB
    )
    assert "KerasHub has no tokenizer that splits as this model's does" in note
    assert not (tmp_path / "new").exists()


def test_what_keras_hub_would_not_find(vocabulary):
    whole = TokenizerFiles(vocabulary(), {"tokenize_chinese_chars": True})
    assert tokenizer_files.keras_hub_tokenizer(whole) is not None
    uncut = TokenizerFiles(vocabulary(), {"tokenize_chinese_chars": False})
    assert tokenizer_files.keras_hub_tokenizer(uncut) is None
    renamed = TokenizerFiles(vocabulary("<pad>", *WORDS[1:]), {})
    assert tokenizer_files.keras_hub_tokenizer(renamed) is None


def test_the_ids_that_files_give(vocabulary, tmp_path):
    turned = ("[UNK]", "a", "[CLS]", "[PAD]", "[SEP]", "[MASK]", "</s>")
    expected = {"unk": 0, "cls": 2, "pad": 3, "sep": 4, "mask": 5}
    files = TokenizerFiles(vocabulary(*turned), None)
    assert tokenizer_files.special_ids_of(files) == expected
    named = TokenizerFiles(
        files.vocabulary, {"eos_token": {"content": "</s>"}, "pad_token": "a"}
    )
    assert tokenizer_files.special_ids_of(named) == {**expected, "eos": 6, "pad": 1}
    (tmp_path / "added.json").write_text('{"[PAD]": 9}')
    more = TokenizerFiles(
        vocabulary("[UNK]", "[CLS]", "[SEP]"),
        others={"added_tokens.json": str(tmp_path / "added.json")},
    )
    assert tokenizer_files.special_ids_of(more)["pad"] == 9
    assert tokenizer_files.vocabulary_of(more).size == 10
    assert tokenizer_files.special_ids_of(TokenizerFiles()) == {}


@pytest.mark.parametrize(
    ("content", "size"),
    [
        ({"model": {"vocab": {"[PAD]": 1, "a": 0}}}, 2),
        (
            {
                "model": {"vocab": {"[PAD]": 1, "a": 0}},
                "added_tokens": [
                    {"content": "[PAD]", "id": 1},
                    {"content": "new", "id": 4},
                ],
            },
            5,
        ),
        ({"model": {"vocab": [["a", 0.5]]}}, None),
        ({}, None),
    ],
)
def test_the_ids_of_the_library(tmp_path, content, size):
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    files = tokenizer_files.find(str(tmp_path), WeightsFormat.HUGGING_FACE)
    found = tokenizer_files.vocabulary_of(files)
    assert (found and found.size) == size
    expected = {"pad": 1} if size else {}
    assert tokenizer_files.special_ids_of(files) == expected


@pytest.mark.parametrize(
    "content",
    [
        {"model": {"vocab": {"a": "0"}}},
        {"model": {"vocab": {"a": 0}}, "added_tokens": [{"content": "b"}]},
        {"model": {"vocab": {"a": 0}}, "added_tokens": [7]},
    ],
)
def test_what_is_no_vocabulary(tmp_path, content):
    (tmp_path / "tokenizer.json").write_text(json.dumps(content))
    files = tokenizer_files.find(str(tmp_path), WeightsFormat.HUGGING_FACE)
    with pytest.raises(DataError, match=r"tokenizer\.json: expected"):
        tokenizer_files.vocabulary_of(files)


def test_tokens_of_unusual_names_are_said(vocabulary):
    path = vocabulary("<unk>", "<pad>", "[CLS]", "[SEP]")
    config = tokenizer_files.given(path, do_lower_case=True).config
    assert config == {
        "tokenizer_class": "BertTokenizer",
        "do_lower_case": True,
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }


@pytest.mark.parametrize(
    ("config", "lowercase", "strip_accents"),
    [
        ({}, True, True),
        ({"do_lower_case": False}, False, False),
        ({"do_lower_case": True, "strip_accents": False}, True, False),
        ({"do_lower_case": False, "strip_accents": True}, False, True),
        ({"do_lower_case": True, "strip_accents": None}, True, True),
    ],
)
def test_accents_go_with_the_case_where_nothing_is_said(
    config, lowercase, strip_accents, vocabulary
):
    files = TokenizerFiles(vocabulary(), config)
    made = tokenizer_files.keras_hub_tokenizer(files)["config"]
    assert (made["lowercase"], made["strip_accents"]) == (lowercase, strip_accents)


def test_no_tokenizer(tmp_path):
    files = tokenizer_files.find(str(tmp_path), WeightsFormat.TF1)
    tokenizer_files.refuse_unknown_case(files)
    [note] = tokenizer_files.write(
        str(tmp_path / "new"), files, to=WeightsFormat.HUGGING_FACE
    )
    assert "give --vocab_file" in note
    assert not (tmp_path / "new").exists()


def test_a_vocabulary_whose_case_nobody_says(folder):
    os.remove(folder / "tokenizer_config.json")
    files = tokenizer_files.find(str(folder), WeightsFormat.TF1)
    with pytest.raises(SettingsError, match=r"vocab.txt: nothing beside it says"):
        tokenizer_files.refuse_unknown_case(files)


def test_the_tokenizer_of_a_run(tmp_path):
    path = str(tmp_path / "vocab.txt")
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    for keep in (True, False):
        trained_with = WordPieceTokenizer(
            path, do_lower_case=True, keep_voicing_marks=keep
        ).fingerprint()
        files = tokenizer_files.of_run(path, trained_with)
        assert files.vocabulary == path
        assert files.config["do_lower_case"] is True
        assert files.config.get("strip_accents") == (False if keep else None)
    (tmp_path / "vocab.txt").write_text("\n".join([*WORDS, "b"]) + "\n")
    with pytest.raises(SettingsError, match="is not the vocabulary the weights were"):
        tokenizer_files.of_run(path, trained_with)
    with pytest.raises(SettingsError, match="trained with a sentencepiece tokenizer"):
        tokenizer_files.of_run(path, {"kind": "sentencepiece"})


def test_a_link_is_not_copied(folder, tmp_path_factory):
    """A stranger's folder must not publish what lies elsewhere on this disk."""
    secret = tmp_path_factory.mktemp("home") / "id_rsa"
    secret.write_text("secret")
    os.remove(folder / "vocab.txt")
    os.symlink(secret, folder / "vocab.txt")
    with pytest.raises(StorageError, match="it is a link to"):
        tokenizer_files.find(str(folder), WeightsFormat.HUGGING_FACE)
