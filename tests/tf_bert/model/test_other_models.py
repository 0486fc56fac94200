import pytest

from runtime.errors import SettingsError
from tf_bert.formats import names
from tf_bert.model import other_models
from tf_bert.model.config import BertConfig

SIZES = {"vocab_size": 100, "hidden_size": 16}


@pytest.mark.parametrize(
    ("values", "model"),
    [
        ({"model_type": "albert"}, "ALBERT"),
        ({"model_type": "xlm-roberta"}, "XLM-RoBERTa"),
        ({"model_type": "deberta-v2"}, "DeBERTa"),
        ({"model_type": "modernbert"}, "ModernBERT"),
        ({"model_type": "mt5"}, "T5"),
        ({"model_type": "gpt2"}, "GPT-2"),
        ({"model_type": "xlnet"}, "XLNet"),
        ({"architectures": ["RobertaForMaskedLM"]}, "RoBERTa"),
        ({"architectures": ["XLMRobertaModel"]}, "XLM-RoBERTa"),
        ({"architectures": ["DistilBertForMaskedLM"]}, "DistilBERT"),
        ({"architectures": ["TFElectraForPreTraining"]}, "ELECTRA"),
        ({"architectures": ["GPT2LMHeadModel"]}, "GPT-2"),
        ({"embedding_size": 8, "num_hidden_groups": 1}, "ALBERT"),
        ({"dim": 8, "n_layers": 1, "n_heads": 1}, "DistilBERT"),
        ({"n_embd": 8, "n_ctx": 9}, "GPT-2"),
        ({"intra_bottleneck_size": 4}, "MobileBERT"),
        ({"model_type": "bert"}, None),
        ({"model_type": "bert", "architectures": ["BertForMaskedLM"]}, None),
        ({"architectures": ["BertForMaskedLM"], "embedding_size": 8}, None),
        ({"architectures": 7, "model_type": None}, None),
        ({"model_type": "not known"}, None),
    ],
)
def test_configurations(values, model):
    assert other_models.of_settings({**SIZES, **values}) == model


@pytest.mark.parametrize(
    ("variable", "model"),
    [
        ("bert/encoder/transformer/group_0/inner_group_0/ffn_1/kernel", "ALBERT"),
        ("albert.encoder.albert_layer_groups.0.albert_layers.0.ffn.bias", "ALBERT"),
        ("encoder.albert_layer_groups.0.albert_layers.0.ffn.bias", "ALBERT"),
        ("roberta.encoder.layer.0.output.dense.bias", "RoBERTa"),
        ("encoder.sentence_encoder.layers.0.fc1.weight", "RoBERTa"),
        ("distilbert.transformer.layer.0.ffn.lin1.bias", "DistilBERT"),
        ("transformer.layer.0.attention.q_lin.weight", "DistilBERT"),
        ("electra/encoder/layer_0/output/dense/bias", "ELECTRA"),
        ("discriminator_predictions.dense.bias", "ELECTRA"),
        ("bert/encoder/layer_0/bottleneck/input/dense/bias", "MobileBERT"),
        ("deberta.encoder.layer.0.output.dense.bias", "DeBERTa"),
        ("model.layers.0.attn.Wqkv.weight", "ModernBERT"),
        ("encoder.block.0.layer.0.SelfAttention.q.weight", "T5"),
        ("encoder/block_000/layer_000/SelfAttention/q", "T5"),
        ("h.0.attn.c_attn.weight", "GPT-2"),
        ("model/h0/attn/c_attn/w", "GPT-2"),
        ("model/transformer/layer_0/rel_attn/q/kernel", "XLNet"),
        ("model.decoder.layers.0.self_attn.k_proj.weight", "BART"),
        ("model.layers.0.self_attn.q_proj.weight", "Llama or a kin of it"),
    ],
)
def test_variables(variable, model):
    assert other_models.of_variables(["something/else", variable]) == model


def test_the_variables_of_a_bert():
    ours = [*names.encoder_names(2), "output_weights", "cls/squad/output_bias"]
    theirs = names.NameTable(names.WeightsFormat.HUGGING_FACE).theirs
    for some in (ours, [theirs(name).name for name in ours]):
        assert other_models.of_variables(some) is None


def test_it_is_said_before_what_follows_from_it():
    with pytest.raises(SettingsError) as caught:
        BertConfig.from_dict({"embedding_size": 128, "num_hidden_groups": 1})
    assert str(caught.value) == (
        "The configuration's keys are no BERT's: the model is an ALBERT, which "
        "computes otherwise than BERT and is not read. Give the weights of a BERT "
        "(model_type 'bert'), or use that model's own program."
    )
