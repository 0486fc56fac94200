"""Weights of either side: from any BERT, or from a trained pair."""

import json
import logging
import os
import shutil

import numpy as np
import pytest

from processors.tokenization import create as tokenizers
from processors.tokenization.settings import TokenizerSettings
from runtime.checkpoints import checkpoints
from runtime.engine import engine
from runtime.engine.optimizer_settings import OptimizerSettings
from runtime.errors import CheckpointError, SettingsError
from tests.tf_bert.seq2seq import pairs
from tf_bert.formats import find
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.sides import Side, shapes_of
from tf_bert.seq2seq import modeling, start
from tf_bert.seq2seq.objective import Seq2SeqObjective

BERTS = {
    "tf1": "tf1_bert_tiny/bert_model.ckpt",
    "huggingface": "huggingface_bert_tiny/pretraining",
    "kerashub": "kerashub_bert_tiny",
}


def bert(kind):
    return os.path.join(pairs.FOLDER, "..", BERTS[kind])


def make(opened, placement):
    config = start.find_config(opened, bert_config_file=None, model_file=None)
    made = engine.create(
        placement,
        build_model=lambda: modeling.build_encoder_decoder(config, dtype="float32"),
        objective=Seq2SeqObjective(),
        optimizer=OptimizerSettings(num_train_steps=1, num_warmup_steps=0),
        seed=1,
    )
    return made, start.initialise(opened, made)


@pytest.fixture(scope="module")
def tokenizer():
    folder = pairs.folder("equal")
    return tokenizers.create(TokenizerSettings(tokenizer_dir=folder))


def edited(tmp_path, file="config.json", **values):
    """The golden pair with other values in one of its files; None takes one out."""
    folder = tmp_path / "pair"
    shutil.copytree(pairs.folder("equal"), folder, dirs_exist_ok=True)
    path = folder / file
    content = json.loads(path.read_text()) | values
    path.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))
    return str(folder)


@pytest.mark.parametrize("kind", BERTS)
def test_one_bert_for_both_sides(place_on, kind):
    source = find.open_source(bert(kind))
    made, initial = make(start.open_start(init_checkpoint=bert(kind)), place_on())
    weights = made.state().weights
    for name, value in weights.items():
        _, _, theirs = name.partition("/")
        if theirs in source.shapes():
            assert np.array_equal(value, source.read(theirs)), name
        else:
            assert "crossattention" in name or "/cls/" in name, name
            if name.endswith("kernel"):
                assert 0.01 < np.std(value) < 0.06, name
    assert "decoder/bert/encoder/layer_*/crossattention" in initial.missing
    assert initial.step == 0


def test_two_berts_of_different_widths_and_what_is_left_over(place_on, caplog):
    caplog.set_level(logging.INFO)
    whole = find.open_any(pairs.folder("projected"))
    opened = start.Start(
        {side: start.SideSource(whole, side) for side in Side}, paths=("pair",)
    )
    made, initial = make(opened, place_on())
    assert initial.missing == ["enc_to_dec_proj/kernel", "enc_to_dec_proj/bias"]
    text = caplog.text
    assert "***** encoder *****" in text
    assert "***** decoder *****" in text
    assert "Not used from the checkpoint: bert/pooler/dense/" in text
    assert made.weight_shapes() == shapes_of(whole.encoder_decoder)


def test_nothing_given_is_random(place_on, tmp_path):
    sizes = tmp_path / "bert_config.json"
    sizes.write_text(find.find_config(bert("tf1")).to_json_string())
    config = start.find_config(
        start.open_start(), bert_config_file=str(sizes), model_file=None
    )
    assert config.encoder == config.decoder == find.find_config(bert("tf1"))


def test_a_file_that_contradicts_the_weights(tmp_path):
    sizes = tmp_path / "bert_config.json"
    sizes.write_text(find.find_config(bert("tf1")).to_json_string())
    opened = start.open_start(init_checkpoint=bert("huggingface"))
    with pytest.raises(SettingsError, match=r"hidden_size|vocab_size"):
        start.find_config(opened, bert_config_file=str(sizes), model_file=None)


def test_different_vocabularies_are_refused():
    opened = start.open_start(
        encoder_checkpoint=bert("tf1"), decoder_checkpoint="bundled:ja-mini"
    )
    with pytest.raises(SettingsError, match=r"vocabulary of \d+ tokens and the decod"):
        start.find_config(opened, bert_config_file=None, model_file=None)


def test_both_kinds_of_flags_are_refused():
    with pytest.raises(SettingsError, match="names the weights of both sides"):
        start.open_start(init_checkpoint=bert("tf1"), encoder_checkpoint=bert("tf1"))


def test_a_pair_is_no_bert():
    with pytest.raises(CheckpointError, match="encoder-decoder, and one BERT was exp"):
        find.open_source(pairs.folder("equal"))


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "t5"}, "T5"),
        ({"decoder": {"model_type": "gpt2", "vocab_size": 600}}, "decoder: .*GPT-2"),
        ({"encoder": None}, "under 'encoder'"),
        ({"eos_token_id": 7}, "eos_token_id is 7 in config.json and 3 in generation"),
    ],
)
def test_other_models_are_refused(tmp_path, values, said):
    with pytest.raises(SettingsError, match=said):
        find.open_any(edited(tmp_path, **values))


def test_other_special_tokens_are_refused(tmp_path, tokenizer):
    folder = edited(tmp_path, decoder_start_token_id=5)
    edited_generation = {"decoder_start_token_id": 5}
    path = os.path.join(folder, "generation_config.json")
    with open(path, "w") as file:
        json.dump(edited_generation, file)
    opened = start.open_start(init_checkpoint=folder)
    with pytest.raises(SettingsError, match=r"decoder_start_token_id is 5, .*\[CLS\]"):
        check(opened, tokenizer)


def check(opened, tokenizer):
    config = start.find_config(opened, bert_config_file=None, model_file=None)
    start.check(opened, config=config, tokenizer=tokenizer)


def test_ids_that_a_folder_does_not_say_are_the_tokenizers(tmp_path, tokenizer, caplog):
    caplog.set_level(logging.INFO)
    missing = dict.fromkeys(("decoder_start_token_id", "eos_token_id"))
    folder = edited(tmp_path, **missing)
    os.remove(os.path.join(folder, "generation_config.json"))
    check(start.open_start(init_checkpoint=folder), tokenizer)
    assert "decoder_start_token_id: it is taken from the tokenizer, [CLS], 2" in (
        caplog.text
    )
    assert "eos_token_id: it is taken from the tokenizer, [SEP], 3" in caplog.text
    assert "pad_token_id" not in caplog.text


# Conversion --------------------------------------------------------------------------


@pytest.mark.parametrize("name", pairs.NAMES)
def test_to_ours_and_back_is_identical(tmp_path, name):
    ours, back = str(tmp_path / "ours"), str(tmp_path / "back")
    carry(pairs.folder(name), ours, WeightsFormat.NATIVE)
    carry(ours, back, WeightsFormat.HUGGING_FACE, vocab_file=True)
    one, other = (find.open_any(path) for path in (pairs.folder(name), back))
    assert one.shapes() == other.shapes()
    for each in one.shapes():
        assert one.read(each).tobytes() == other.read(each).tobytes()
    assert one.encoder_decoder == other.encoder_decoder
    with open(os.path.join(back, "config.json")) as file:
        written = json.load(file)
    assert written["decoder"]["is_decoder"] is True
    assert written["decoder"]["add_cross_attention"] is True
    keys = ("decoder_start_token_id", "eos_token_id", "pad_token_id")
    assert [written[key] for key in keys] == [2, 3, 0]
    with open(os.path.join(back, "generation_config.json")) as file:
        assert [json.load(file)[key] for key in keys[:1]] == [2]


def carry(source, output, to, *, vocab_file=False):
    vocabulary = os.path.join(pairs.folder("equal"), "vocab.txt")
    return convert(
        Conversion(
            input=source,
            output=output,
            to=to,
            vocab_file=vocabulary if vocab_file else None,
            do_lower_case=False if vocab_file else None,
        )
    )


@pytest.mark.parametrize("to", [WeightsFormat.TF1, WeightsFormat.KERAS_HUB])
def test_formats_without_a_place_for_it(tmp_path, to):
    with pytest.raises(CheckpointError, match="has no place"):
        carry(pairs.folder("equal"), str(tmp_path / "made"), to)


def test_a_pooler_that_nobody_trained_is_written_as_zeros(tmp_path):
    whole = find.open_any(pairs.folder("equal"))
    weights = {n: whole.read(n) for n in shapes_of(whole.encoder_decoder)}
    checkpoints.save(
        str(tmp_path / "run" / "checkpoints"),
        step=7,
        weights=weights,
        slots={},
        state={
            "encoder_decoder_config": whole.encoder_decoder.to_dict(),
            "special_ids": {"cls": 2, "sep": 3, "pad": 0},
        },
    )
    carry(str(tmp_path / "run"), str(tmp_path / "made"), WeightsFormat.HUGGING_FACE)
    made = find.open_any(str(tmp_path / "made"))
    assert not made.read("encoder/bert/pooler/dense/kernel").any()
    assert np.array_equal(
        made.read("decoder/cls/predictions/output_bias"),
        weights["decoder/cls/predictions/output_bias"],
    )


def test_a_pair_with_a_part_missing_is_not_converted(tmp_path):
    whole = find.open_any(pairs.folder("equal"))
    weights = {n: whole.read(n) for n in shapes_of(whole.encoder_decoder)}
    del weights["decoder/bert/encoder/layer_1/crossattention/self/query/kernel"]
    checkpoints.save(
        str(tmp_path / "run" / "checkpoints"),
        step=7,
        weights=weights,
        slots={},
        state={"encoder_decoder_config": whole.encoder_decoder.to_dict()},
    )
    with pytest.raises(CheckpointError, match=r"lacks 1 of .*crossattention"):
        carry(str(tmp_path / "run"), str(tmp_path / "m"), WeightsFormat.HUGGING_FACE)


def test_float16_is_read_into_float32():
    opened = start.open_start(init_checkpoint="bundled:ja-mini")
    source = opened.sources[Side.DECODER]
    assert source.read("bert/embeddings/word_embeddings").dtype == np.float32
