"""What a conversion does not carry over is named, and no more is lost."""

import json
import shutil

import numpy as np
import pytest
import safetensors.numpy

from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError
from tf_bert.formats import find, losses, tokenizer_files
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

# In bert-japanese's order: [PAD] is not 0.
TOKENS = ["[UNK]", "w1", "w2", "[PAD]", "[CLS]", "[SEP]", "[MASK]"]
IDS = {"unk": 0, "pad": 3, "cls": 4, "sep": 5, "mask": 6}
TOKENIZER = {
    "tokenizer_class": "BertTokenizer",
    "do_lower_case": False,
    "strip_accents": False,
    "model_max_length": 20,
}
# What another program, or its version, says by itself.
FREE = {"transformers_version", "dtype", "use_cache", "is_decoder"}


def carry(source, output, to, **settings):
    settings = {"allow_inexact": True} | settings
    return convert(Conversion(input=str(source), output=str(output), to=to, **settings))


@pytest.fixture
def folder(hugging_face_dir, tmp_path):
    """A Hugging Face classifier that says all that a folder can say."""
    path = tmp_path / "source"
    shutil.copytree(f"{hugging_face_dir}/classifier", path)
    words = [*TOKENS, *(f"x{number}" for number in range(50 - len(TOKENS)))]
    (path / "vocab.txt").write_text("\n".join(words) + "\n")
    (path / "tokenizer_config.json").write_text(json.dumps(TOKENIZER))
    change(path, pad_token_id=3, eos_token_id=5, classifier_dropout=0.25)
    return path


def change(path, **values):
    config = read(path)
    (path / "config.json").write_text(json.dumps({**config, **values}))


def read(path, name="config.json"):
    return json.loads((path / name).read_text())


@pytest.mark.parametrize(
    "by", [WeightsFormat.NATIVE, WeightsFormat.TF1, WeightsFormat.KERAS_HUB]
)
def test_a_round_trip_loses_nothing_unnamed(folder, tmp_path, by):
    reports = [
        carry(folder, tmp_path / "there", by),
        carry(tmp_path / "there", tmp_path / "back", WeightsFormat.HUGGING_FACE),
    ]
    named = " ".join(each for report in reports for each in report.left_out)
    named += " ".join(note for report in reports for note in report.notes)
    for name in ("config.json", "tokenizer_config.json"):
        before, after = read(folder, name), read(tmp_path / "back", name)
        for key, value in before.items():
            if key in {"id2label", "label2id"}:
                assert after.get(key) == value or "cold, mild, hot" in named
            elif value not in (None, False) and key not in FREE:
                assert after.get(key) == value or key in named, key
    assert read(tmp_path / "back")["pad_token_id"] == 3
    assert "classifier_dropout" in named


@pytest.mark.parametrize("by", WeightsFormat)
def test_the_ids_are_those_of_the_vocabulary(golden_dir, tmp_path, by):
    """A TensorFlow checkpoint does not say them."""
    words = [*TOKENS, *(f"x{number}" for number in range(1200 - len(TOKENS)))]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    carry(
        f"{golden_dir}/bert_model.ckpt",
        tmp_path / "there",
        by,
        vocab_file=str(tmp_path / "vocab.txt"),
        do_lower_case=True,
    )
    carry(tmp_path / "there", tmp_path / "back", WeightsFormat.HUGGING_FACE)
    source = find.open_source(str(tmp_path / "back"))
    assert source.special_ids == IDS


def test_an_id_that_nobody_says_is_none(golden_dir, tmp_path):
    report = carry(
        f"{golden_dir}/bert_model.ckpt", tmp_path / "a", WeightsFormat.HUGGING_FACE
    )
    assert read(tmp_path / "a")["pad_token_id"] is None
    assert any("says the id of [PAD]: none was written" in n for n in report.notes)


def test_a_configuration_that_contradicts_its_vocabulary(folder, tmp_path):
    change(folder, pad_token_id=0)
    report = carry(folder, tmp_path / "made", WeightsFormat.HUGGING_FACE)
    assert read(tmp_path / "made")["pad_token_id"] == 3
    [note] = [each for each in report.notes if "pad_token_id" in each]
    assert note == (
        f"{folder} says pad_token_id=0, and {folder}/vocab.txt has that token at 3, "
        "which was written."
    )


def test_ids_that_keras_hub_cannot_hold(folder, tmp_path):
    """It looks special tokens up in a vocabulary, and this folder has none."""
    (folder / "vocab.txt").unlink()
    (folder / "tokenizer_config.json").unlink()
    report = carry(folder, tmp_path / "made", WeightsFormat.KERAS_HUB)
    assert {"pad_token_id=3", "eos_token_id=5"} <= set(report.left_out)


def test_a_token_that_keras_hub_finds_elsewhere(folder, tmp_path):
    named = {**TOKENIZER, "pad_token": "w1"}
    (folder / "tokenizer_config.json").write_text(json.dumps(named))
    report = carry(folder, tmp_path / "made", WeightsFormat.KERAS_HUB)
    assert "pad_token_id=1" in report.left_out
    assert "sep_token_id=5" not in report.left_out


def test_a_run_with_another_kind_of_tokenizer(golden_dir, tmp_path):
    source = find.open_source(f"{golden_dir}/model.ckpt-20")
    made_by = {"kind": "sentencepiece", "model_sha256": "12"}
    checkpoints.save(
        str(tmp_path / "run/checkpoints"),
        step=3,
        weights={
            n: source.read(n) for n in source.shapes() if n.startswith(("bert", "out"))
        },
        slots={},
        state={
            "bert_config": source.config.to_dict(),
            "special_ids": IDS,
            "tokenizer": made_by,
        },
    )
    carry(tmp_path / "run", tmp_path / "native", WeightsFormat.NATIVE)
    copied = find.open_source(str(tmp_path / "native"))
    assert (copied.tokenizer, copied.special_ids) == (made_by, IDS)
    report = carry(tmp_path / "run", tmp_path / "made", WeightsFormat.HUGGING_FACE)
    assert "the fingerprint of its sentencepiece tokenizer" in report.left_out
    assert read(tmp_path / "made")["pad_token_id"] == 3
    assert read(tmp_path / "made")["mask_token_id"] == 6


def test_a_missing_pooler_is_named(hugging_face_dir, tmp_path):
    path = tmp_path / "masked"
    shutil.copytree(f"{hugging_face_dir}/pretraining", path)
    tensors = safetensors.numpy.load_file(path / "model.safetensors")
    kept = {name: value for name, value in tensors.items() if "pooler" not in name}
    safetensors.numpy.save_file(kept, path / "model.safetensors")
    report = carry(path, tmp_path / "made", WeightsFormat.TF1)
    assert "bert/pooler/dense/kernel (not in the source)" in report.left_out
    assert "bert/pooler/dense/bias (not in the source)" in report.left_out


# The vocabulary ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "to"),
    [
        (WeightsFormat.TF1, WeightsFormat.HUGGING_FACE),
        (WeightsFormat.HUGGING_FACE, WeightsFormat.TF1),
    ],
)
@pytest.mark.parametrize(
    ("size", "is_refused"), [(50, False), (51, True), (52, True), (49, False)]
)
def test_as_many_tokens_as_rows(folder, tmp_path, kind, to, size, is_refused):
    source = folder
    if kind is WeightsFormat.TF1:
        source = tmp_path / "tf1"
        carry(folder, source, WeightsFormat.TF1)
    words = [*TOKENS, *(f"x{number}" for number in range(size - len(TOKENS)))]
    (source / "vocab.txt").write_text("\n".join(words) + "\n")
    sizes = f"vocab.txt has {size} tokens, and the word embedding of .* has 50 rows"
    if is_refused:
        with pytest.raises(SettingsError, match=f"{sizes}: its last ids would be"):
            carry(source, tmp_path / "made", to)
        assert not (tmp_path / "made").exists()
        return
    report = carry(source, tmp_path / "made", to)
    padded = [note for note in report.notes if "have no token" in note]
    assert len(padded) == (size < 50)
    assert all("the last 1 have no token." in note for note in padded)


def test_tokens_are_counted_in_every_file(folder, tmp_path):
    """Also where a user added some, and where only the library's file is there."""
    (folder / "added_tokens.json").write_text('{"new": 50}')
    with pytest.raises(SettingsError, match=r"vocab\.txt has 51 tokens"):
        carry(folder, tmp_path / "made", WeightsFormat.NATIVE)
    (folder / "added_tokens.json").unlink()
    (folder / "vocab.txt").unlink()
    words = {f"w{number}": number for number in range(60)}
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"vocab": words}}))
    with pytest.raises(SettingsError, match=r"tokenizer\.json has 60 tokens"):
        carry(folder, tmp_path / "made", WeightsFormat.NATIVE)


def test_what_keras_hub_has_no_place_for(folder, tmp_path):
    (folder / "special_tokens_map.json").write_text("{}")
    files = tokenizer_files.find(str(folder), WeightsFormat.HUGGING_FACE)
    found = losses.named(
        find.open_source(str(folder)), files, to=WeightsFormat.KERAS_HUB, special=IDS
    )
    assert found == [
        "the setting classifier_dropout",
        "the labels (cold, mild, hot)",
        "special_tokens_map.json",
        "tokenizer_config.json: model_max_length",
    ]


def test_the_model_in_the_box_says_its_ids():
    """They are those of the SentencePiece model that it was trained with."""
    source = find.open_source("bundled:ja-mini")
    assert source.special_ids == IDS
    assert np.isfinite(source.read("bert/embeddings/word_embeddings")).all()
