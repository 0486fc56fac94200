import dataclasses
import math

import keras
import numpy as np
import pytest

from runtime.files.tf_checkpoint import TensorBundle
from runtime.kernels import dropout
from tests import rounding
from tf_bert.classifier.heads import BertClassifier
from tf_bert.model.config import ACTIVATIONS, BertConfig
from tf_bert.model.modeling import (
    TOKEN_INPUTS,
    Bert,
    activation_function,
    attention_bias,
)

CONFIG = BertConfig(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=24,
    max_position_embeddings=20,
    type_vocab_size=2,
    initializer_range=0.3,
)
LENGTHS = (7, 3, 5)


def make_bert(config=CONFIG, *, seed=0, **settings):
    keras.utils.set_random_seed(seed)
    bert = Bert(config, name="bert", **settings)
    two = np.zeros((1, 2), np.int32)
    bert({**dict.fromkeys(TOKEN_INPUTS, two), "first_positions": two[0, :1]})
    return bert


def make_examples(lengths=LENGTHS, *, seed=0):
    random = np.random.default_rng(seed)
    return [
        {
            "input_ids": random.integers(1, CONFIG.vocab_size, length),
            "segment_ids": np.sort(random.integers(0, 2, length)),
        }
        for length in lengths
    ]


def rows_of(examples, placed, *, row_length):
    """Lays example i at (row, offset) placed[i]."""
    rows = max(row for row, _ in placed) + 1
    inputs = {name: np.zeros((rows, row_length), np.int32) for name in TOKEN_INPUTS}
    numbers = dict.fromkeys(range(rows), 0)
    for example, (row, offset) in zip(examples, placed, strict=True):
        length = len(example["input_ids"])
        numbers[row] += 1
        cells = np.s_[row, offset : offset + length]
        inputs["input_ids"][cells] = example["input_ids"]
        inputs["segment_ids"][cells] = example["segment_ids"]
        inputs["position_ids"][cells] = np.arange(length)
        inputs["example_ids"][cells] = numbers[row]
    starts = [row * row_length + offset for row, offset in placed]
    inputs["first_positions"] = np.array(starts, np.int32)
    return inputs


def encode(bert, inputs, **settings):
    outputs = bert(inputs, **settings)
    return {
        name: keras.ops.convert_to_numpy(outputs[name])
        for name in ("sequence_output", "pooled_output")
    }


def test_variables_bear_the_originals_names_and_shapes(golden_dir):
    config = BertConfig.from_json_file(f"{golden_dir}/bert_config.json")
    model = BertClassifier(config, num_labels=9)
    model.build_variables()
    ours = {
        variable.path.removeprefix("classifier/"): tuple(variable.shape)
        for variable in model.trainable_variables
    }
    theirs = TensorBundle(f"{golden_dir}/model.ckpt-20").shapes()
    expected = {
        name: shape
        for name, shape in theirs.items()
        if not name.startswith("cls/")
        and not name.endswith(("/adam_m", "/adam_v"))
        and name != "global_step"
    }
    assert ours == expected


def test_packed_examples_do_not_see_each_other():
    bert = make_bert()
    examples = make_examples()
    apart = encode(bert, rows_of(examples, [(0, 0), (1, 0), (2, 0)], row_length=8))
    packed = encode(bert, rows_of(examples, [(0, 0), (0, 7), (1, 2)], row_length=10))
    operations = rounding.of_encoder(CONFIG, 10)
    rounding.assert_near(
        packed["pooled_output"], apart["pooled_output"], operations=operations
    )
    for i, (row, offset) in enumerate([(0, 0), (0, 7), (1, 2)]):
        length = LENGTHS[i]
        rounding.assert_near(
            packed["sequence_output"][row, offset : offset + length],
            apart["sequence_output"][i, :length],
            operations=operations,
        )


def test_a_change_in_one_example_changes_no_other():
    bert = make_bert()
    examples = make_examples()
    placed = [(0, 0), (0, 7), (1, 0)]
    before = encode(bert, rows_of(examples, placed, row_length=10))["pooled_output"]
    examples[1]["input_ids"] = examples[1]["input_ids"] % 50 + 5
    after = encode(bert, rows_of(examples, placed, row_length=10))["pooled_output"]
    np.testing.assert_array_equal(after[[0, 2]], before[[0, 2]])
    assert np.abs(after[1] - before[1]).max() > 1e-3


@pytest.mark.parametrize("row_length", [7, 12, 20])
def test_padding_changes_nothing(row_length):
    bert = make_bert()
    [example, *_] = make_examples()
    exact = encode(bert, rows_of([example], [(0, 0)], row_length=7))
    padded = encode(bert, rows_of([example], [(0, 0)], row_length=row_length))
    rounding.assert_near(
        padded["sequence_output"][:, :7],
        exact["sequence_output"],
        operations=rounding.of_encoder(CONFIG, row_length),
    )


def test_position_segment_and_word_all_count():
    bert = make_bert()
    inputs = rows_of(make_examples(), [(0, 0), (1, 0), (2, 0)], row_length=8)
    before = encode(bert, inputs)["pooled_output"]
    for name in ("input_ids", "segment_ids", "position_ids"):
        changed = dict(inputs)
        changed[name] = inputs[name].copy()
        changed[name][:, 1] = 1 - np.minimum(inputs[name][:, 1], 1)
        after = encode(bert, changed)["pooled_output"]
        assert (np.abs(after - before).max(axis=1) > 1e-5).all(), name


def test_attention_bias():
    bias = attention_bias(np.array([[1, 1, 2, 0]], np.int32), dtype="float32")
    allowed = keras.ops.convert_to_numpy(bias)[0, 0] == 0
    np.testing.assert_array_equal(
        allowed,
        [
            [True, True, False, False],
            [True, True, False, False],
            [False, False, True, False],
            [True, True, True, False],  # padding sees what is real, as in the original
        ],
    )
    assert set(np.unique(keras.ops.convert_to_numpy(bias))) == {-10000.0, 0.0}


def tanh_gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


LITERAL = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "tanh": np.tanh,
    "gelu": tanh_gelu,
    "gelu_exact": lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / np.sqrt(2))),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations(name):
    x = np.linspace(-4, 4, 41)
    layer = keras.layers.Activation(activation_function(name))
    found = keras.ops.convert_to_numpy(layer(x.astype(np.float32)))
    rounding.assert_near(found, LITERAL[name](x), operations=rounding.ELEMENTARY)


def test_every_layers_output_is_returned():
    outputs = make_bert()(
        rows_of(make_examples(), [(0, 0), (1, 0), (2, 0)], row_length=8)
    )
    layers = outputs["encoder_outputs"]
    assert [tuple(layer.shape) for layer in layers] == [(3, 8, 16)] * 2
    last, sequence = map(
        keras.ops.convert_to_numpy, (layers[-1], outputs["sequence_output"])
    )
    np.testing.assert_array_equal(last, sequence)


def test_fresh_weights_are_as_the_originals():
    config = dataclasses.replace(CONFIG, vocab_size=4000, initializer_range=0.02)
    model = BertClassifier(config, num_labels=3)
    model.build_variables()
    for variable in model.trainable_variables:
        value = keras.ops.convert_to_numpy(variable.value)
        if variable.path.endswith(("bias", "beta")):
            assert not value.any()
        elif variable.path.endswith("gamma"):
            assert (value == 1).all()
        else:  # cut off at two standard deviations
            allowed = rounding.bound(rounding.ELEMENTARY, size=0.04)
            assert 0 < np.abs(value).max() <= 0.04 + allowed
    words = keras.ops.convert_to_numpy(model.bert.embeddings.word_embeddings.value)
    # A normal distribution cut off at 2 sigma has 0.88 of its standard deviation.
    assert words.std() == pytest.approx(0.02 * 0.88, rel=0.02)


def test_dropout_is_drawn_in_training_only():
    bert = make_bert()
    inputs = rows_of(make_examples(), [(0, 0), (1, 0), (2, 0)], row_length=8)
    seed = np.array([1, 2], np.int32)
    with dropout.stream(seed):
        first = encode(bert, inputs, training=True)["sequence_output"]
    with dropout.stream(seed):
        again = encode(bert, inputs, training=True)["sequence_output"]
    np.testing.assert_array_equal(first, again)
    calm = encode(bert, inputs)["sequence_output"]
    assert np.abs(first - calm).max() > 1e-2
    np.testing.assert_array_equal(calm, encode(bert, inputs)["sequence_output"])


def test_bfloat16_computes_in_it_and_stays_near():
    exact, rough = make_bert(), make_bert(dtype="mixed_bfloat16")
    inputs = rows_of(make_examples(), [(0, 0), (1, 0), (2, 0)], row_length=8)
    output = rough(inputs)["sequence_output"]
    assert keras.backend.standardize_dtype(output.dtype) == "bfloat16"
    assert {each.dtype for each in rough.trainable_variables} == {"float32"}
    near = keras.ops.convert_to_numpy(keras.ops.cast(output, "float32"))
    np.testing.assert_allclose(near, encode(exact, inputs)["sequence_output"], atol=0.1)
