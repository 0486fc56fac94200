import dataclasses

from runtime.files.tf_checkpoint import TensorBundle
from tf_bert.formats import variables
from tf_bert.model.config import BertConfig


def test_the_encoder_of_the_golden_checkpoint(golden_dir):
    config = BertConfig.from_json_file(f"{golden_dir}/bert_config.json")
    shapes = TensorBundle(f"{golden_dir}/bert_model.ckpt").shapes()
    expected = {n: shape for n, shape in shapes.items() if n.startswith("bert/")}
    assert variables.encoder_shapes(config, layers=3) == expected
    assert variables.sized(config, shapes) == expected


def test_a_strangers_billion_layers_are_not_counted_out(golden_dir):
    config = BertConfig(vocab_size=9, num_hidden_layers=10**9)
    assert len(variables.sized(config, {"bert/encoder/layer_1/x": (1,)})) == 7 + 3 * 16


def test_what_makes_two_models_compute_differently():
    one = BertConfig(vocab_size=9)
    other = dataclasses.replace(
        one, hidden_dropout_prob=0.5, initializer_range=1.0, ignored_keys=("x",)
    )
    assert variables.decided_otherwise(one, other) == []
    other = dataclasses.replace(one, num_attention_heads=6, hidden_act="relu")
    [heads, activation] = variables.decided_otherwise(one, other)
    assert heads == (
        "num_attention_heads is 6 in the checkpoint's configuration, 12 in the given "
        "one"
    )
    assert activation.startswith("hidden_act is relu")
