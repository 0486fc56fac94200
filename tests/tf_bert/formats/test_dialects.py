import dataclasses

import pytest

from runtime.errors import SettingsError
from tf_bert.formats import dialects
from tf_bert.model.config import ACTIVATIONS, BertConfig

CONFIG = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=4,
    intermediate_size=24,
    max_position_embeddings=20,
    type_vocab_size=3,
)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hugging_face_there_and_back(activation):
    config = dataclasses.replace(CONFIG, hidden_act=activation, layer_norm_eps=1e-5)
    assert dialects.from_hugging_face(dialects.to_hugging_face(config)) == config


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("gelu", "gelu_exact"),
        ("gelu_python", "gelu_exact"),
        ("gelu_new", "gelu"),
        ("gelu_fast", "gelu"),
        ("gelu_pytorch_tanh", "gelu"),
        ("relu", "relu"),
    ],
)
def test_activations_are_read_in_hugging_faces_words(theirs, ours):
    """Also from files of 2019, which do not say model_type."""
    assert dialects.from_hugging_face({"hidden_act": theirs}).hidden_act == ours


def test_what_hugging_face_leaves_out():
    config = dialects.from_hugging_face({})
    assert (config.vocab_size, config.type_vocab_size) == (30522, 2)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"model_type": "roberta"}, "'roberta'"),
        ({"position_embedding_type": "relative_key_query"}, "'relative_key_query'"),
        ({"is_decoder": True}, "is_decoder is True"),
        ({"add_cross_attention": True}, "add_cross_attention"),
        ({"hidden_act": "silu"}, "Unsupported activation: silu"),
        ({"vocab_size": "9"}, "vocab_size must be"),
    ],
)
def test_what_is_no_bert_of_ours(values, said):
    with pytest.raises(SettingsError, match=said):
        dialects.from_hugging_face(values)


def test_keras_hub_there_and_back():
    assert dialects.from_keras_hub(dialects.to_keras_hub(CONFIG)) == CONFIG
    dropped = dataclasses.replace(CONFIG, hidden_dropout_prob=0.0)
    found = dialects.from_keras_hub(dialects.to_keras_hub(dropped))
    assert found.hidden_dropout_prob == found.attention_probs_dropout_prob == 0


def test_a_backbone_without_sizes():
    with pytest.raises(SettingsError, match="no vocabulary_size, num_layers, num_h"):
        dialects.from_keras_hub({"dropout": 0.1})


def test_what_other_programs_compute_otherwise():
    assert dialects.not_in_keras_hub(CONFIG) == []
    assert dialects.not_in_google_bert(CONFIG) == []
    other = dataclasses.replace(CONFIG, hidden_act="relu", layer_norm_eps=1e-5)
    assert len(dialects.not_in_keras_hub(other)) == 2
    [epsilon] = dialects.not_in_google_bert(other)
    assert "layer_norm_eps=1e-12, this model with 1e-05" in epsilon
