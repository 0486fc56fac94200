import dataclasses
import json

import pytest

from runtime.errors import SettingsError, StorageError
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig

HUGGING_FACE = {
    "architectures": ["BertForMaskedLM"],
    "attention_probs_dropout_prob": 0.1,
    "hidden_act": "gelu",
    "hidden_dropout_prob": 0.1,
    "hidden_size": 768,
    "initializer_range": 0.02,
    "intermediate_size": 3072,
    "layer_norm_eps": 1e-12,
    "max_position_embeddings": 512,
    "model_type": "bert",
    "num_attention_heads": 12,
    "num_hidden_layers": 12,
    "pad_token_id": 0,
    "position_embedding_type": "absolute",
    "type_vocab_size": 2,
    "vocab_size": 32768,
}


def test_defaults_are_the_originals():
    assert BertConfig(vocab_size=1).to_dict() == {
        "vocab_size": 1,
        "hidden_size": 768,
        "num_hidden_layers": 12,
        "num_attention_heads": 12,
        "intermediate_size": 3072,
        "hidden_act": "gelu",
        "hidden_dropout_prob": 0.1,
        "attention_probs_dropout_prob": 0.1,
        "max_position_embeddings": 512,
        "type_vocab_size": 16,
        "initializer_range": 0.02,
        "layer_norm_eps": 1e-12,
    }


def test_bert_japanese_is_its_config_ini():
    expected = BertConfig.from_dict(
        {
            "attention_probs_dropout_prob": 0.1,
            "hidden_act": "gelu",
            "hidden_dropout_prob": 0.1,
            "hidden_size": 768,
            "initializer_range": 0.02,
            "intermediate_size": 3072,
            "max_position_embeddings": 512,
            "num_attention_heads": 12,
            "num_hidden_layers": 12,
            "type_vocab_size": 2,
            "vocab_size": 32000,
        }
    )
    assert expected == BertConfig.bert_japanese()


def test_json_round_trip(tmp_path):
    config = BertConfig(vocab_size=50, hidden_size=24, num_attention_heads=3)
    text = config.to_json_string()
    assert text.endswith("}\n")
    assert text == json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"
    path = tmp_path / "bert_config.json"
    path.write_text(text)
    assert BertConfig.from_json_file(str(path)) == config


def test_hugging_face_file_is_read_in_its_own_words():
    config = BertConfig.from_dict(HUGGING_FACE)
    assert config.hidden_act == "gelu_exact"
    assert config.vocab_size == 32768
    assert config.ignored_keys == (
        "architectures",
        "model_type",
        "pad_token_id",
        "position_embedding_type",
    )
    assert "ignored_keys" not in config.to_dict()


@pytest.mark.parametrize(
    ("written", "model_type", "meant"),
    [
        ("gelu", None, "gelu"),
        ("gelu_exact", None, "gelu_exact"),
        ("GELU", None, "gelu"),
        ("relu", None, "relu"),
        ("tanh", None, "tanh"),
        ("linear", None, "linear"),
        ("", None, "linear"),
        (None, None, "linear"),
        ("gelu", "bert", "gelu_exact"),
        ("gelu_new", "bert", "gelu"),
        ("gelu_pytorch_tanh", "bert", "gelu"),
        ("relu", "bert", "relu"),
    ],
)
def test_activation_names(written, model_type, meant):
    values = {"vocab_size": 9, "hidden_act": written}
    if model_type:
        values["model_type"] = model_type
    assert BertConfig.from_dict(values).hidden_act == meant


def test_all_problems_come_together():
    with pytest.raises(SettingsError) as caught:
        BertConfig(
            vocab_size=0,
            hidden_size=10,
            num_attention_heads=3,
            hidden_act="swish",
            hidden_dropout_prob=1.0,
            layer_norm_eps=-1,
            intermediate_size=True,
        )
    assert len(caught.value.problems) == 6
    text = str(caught.value)
    assert "vocab_size must be a whole number above 0, not 0" in text
    assert (
        "The hidden size (10) is not a multiple of the number of attention heads (3)"
        in text
    )
    assert "Unsupported activation: swish" in text
    assert "hidden_dropout_prob must be at least 0 and below 1, not 1.0" in text
    assert "layer_norm_eps must be a number above 0, not -1" in text
    assert "intermediate_size must be a whole number above 0, not True" in text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "roberta"}, "model_type is 'roberta'"),
        ({"position_embedding_type": "relative_key"}, "'relative_key'"),
        ({"is_decoder": True}, "is_decoder is True; only encoders"),
        ({"add_cross_attention": True}, "add_cross_attention is True"),
        ({"hidden_act": 7}, "Unsupported activation: 7"),
        ({"vocab_size": "768"}, "vocab_size must be a whole number above 0"),
    ],
)
def test_foreign_values_are_refused(change, said):
    with pytest.raises(SettingsError, match=said):
        BertConfig.from_dict(HUGGING_FACE | change)


def test_vocab_size_is_required():
    with pytest.raises(SettingsError, match="has no vocab_size"):
        BertConfig.from_dict({"hidden_size": 12})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            '{"vocab_size": 5,\n oops}',
            ":2: expected JSON: ",
        ),
        ("[1, 2]", "found a list"),
        ('{"vocab_size": -5}', "vocab_size must be"),
    ],
)
def test_damaged_files_are_named(tmp_path, text, said):
    path = tmp_path / "bert_config.json"
    path.write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        BertConfig.from_json_file(str(path))
    assert str(path) in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(StorageError, match="does not exist"):
        BertConfig.from_json_file(str(tmp_path / "nothing.json"))


def test_config_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        BertConfig.bert_japanese().vocab_size = 1


def test_sequence_length():
    configs.check_sequence_length(BertConfig.bert_japanese(), max_seq_length=512)
    with pytest.raises(
        SettingsError,
        match="Cannot use sequence length 513 because the BERT model was only trained "
        "up to sequence length 512",
    ):
        configs.check_sequence_length(BertConfig.bert_japanese(), max_seq_length=513)


def test_vocabulary():
    configs.check_vocabulary(BertConfig.bert_japanese(), tokenizer_vocab_size=32000)
    with pytest.raises(SettingsError, match=r"32001 tokens.*vocab_size is 32000"):
        configs.check_vocabulary(BertConfig.bert_japanese(), tokenizer_vocab_size=32001)


@pytest.mark.parametrize(
    ("folder", "lower"),
    [("uncased_L-12_H-768_A-12", False), ("multi_cased_L-12_H-768_A-12", True)],
)
def test_wrong_case_for_published_model(folder, lower):
    path = f"gs://models/{folder}/bert_model.ckpt"
    configs.validate_case_matches_checkpoint(
        do_lower_case=not lower, init_checkpoint=path
    )
    with pytest.raises(SettingsError, match=f"do_lower_case={not lower}"):
        configs.validate_case_matches_checkpoint(
            do_lower_case=lower, init_checkpoint=path
        )


@pytest.mark.parametrize(
    "path",
    [
        None,
        "",
        "bert_model.ckpt",
        "a/my_own_model/bert_model.ckpt",
        "uncased_L-12_H-768_A-12/model.ckpt-1400000",
    ],
)
def test_case_of_other_models_is_not_judged(path):
    for lower in (True, False):
        configs.validate_case_matches_checkpoint(
            do_lower_case=lower, init_checkpoint=path
        )
