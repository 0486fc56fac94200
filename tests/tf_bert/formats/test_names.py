import numpy as np
import pytest

from tf_bert.formats import names
from tf_bert.formats.names import NameTable, WeightLayout, WeightsFormat

HEADS = (
    "output_weights",
    "output_bias",
    "cls/predictions/output_bias",
    "cls/predictions/transform/dense/kernel",
    "cls/predictions/transform/dense/bias",
    "cls/predictions/transform/LayerNorm/gamma",
    "cls/predictions/transform/LayerNorm/beta",
)
ONLY_HUGGING_FACE = (
    "cls/seq_relationship/output_weights",
    "cls/seq_relationship/output_bias",
    "cls/squad/output_weights",
    "cls/squad/output_bias",
)


@pytest.mark.parametrize("kind", [WeightsFormat.HUGGING_FACE, WeightsFormat.KERAS_HUB])
def test_there_and_back(kind):
    table = NameTable(kind)
    ours = [*names.encoder_names(13), *HEADS]
    ours += ONLY_HUGGING_FACE if kind is WeightsFormat.HUGGING_FACE else ()
    theirs = [table.theirs(name) for name in ours]
    assert None not in theirs
    assert len({each.name for each in theirs}) == len(ours)
    back = [table.ours(each.name) for each in theirs]
    assert [each.name for each in back] == ours
    assert [each.layout for each in back] == [each.layout for each in theirs]


def test_known_names():
    ours = "bert/encoder/layer_11/attention/output/dense/kernel"
    assert NameTable(WeightsFormat.HUGGING_FACE).theirs(ours) == names.Name(
        "bert.encoder.layer.11.attention.output.dense.weight", WeightLayout.TRANSPOSED
    )
    attention = "_self_attention_layer/output_dense/vars/0"
    for number, counted in ((0, ""), (1, "_1"), (11, "_11")):
        found = NameTable(WeightsFormat.KERAS_HUB).theirs(
            ours.replace("11", str(number))
        )
        layer = f"model/layers/transformer_encoder{counted}"
        assert found == names.Name(f"{layer}/{attention}", WeightLayout.HEADS_FIRST)


@pytest.mark.parametrize("kind", [WeightsFormat.HUGGING_FACE, WeightsFormat.KERAS_HUB])
@pytest.mark.parametrize(
    "name",
    [
        "",
        "global_step",
        "bert/encoder/layer_x/output/dense/kernel",
        "bert/encoder/layer_01/output/dense/kernel",
        "bert/encoder/layer_1000000000/output/dense/kernel",
        "bert/encoder/layer_1/output/dense/kernel/adam_m",
        "module/bert/pooler/dense/kernel",
    ],
)
def test_names_that_nobody_has(kind, name):
    table = NameTable(kind)
    assert table.theirs(name) is None
    assert table.ours(name) is None


def test_keras_hub_has_no_next_sentence():
    assert all(
        NameTable(WeightsFormat.KERAS_HUB).theirs(n) is None for n in ONLY_HUGGING_FACE
    )


def test_layers_are_counted_by_the_highest():
    assert names.layer_count([]) == 0
    assert names.layer_count(names.encoder_names(3)) == 3
    assert names.layer_count(["bert/encoder/layer_7/x", "layer_9/x"]) == 8


@pytest.mark.parametrize(
    ("layout", "ours", "theirs"),
    [
        (WeightLayout.SAME, (6,), (6,)),
        (WeightLayout.TRANSPOSED, (6, 4), (4, 6)),
        (WeightLayout.HEADS_LAST, (5, 6), (5, 2, 3)),
        (WeightLayout.HEADS_LAST, (6,), (2, 3)),
        (WeightLayout.HEADS_FIRST, (6, 5), (2, 3, 5)),
    ],
)
def test_layouts_there_and_back(layout, ours, theirs):
    value = np.arange(np.prod(ours), dtype=np.float32).reshape(ours)
    there = layout.to_theirs(value, heads=2)
    assert there.shape == theirs
    assert layout.shape_in_ours(theirs) == ours
    np.testing.assert_array_equal(layout.to_ours(there), value)


@pytest.mark.parametrize("layout", set(WeightLayout) - {WeightLayout.SAME})
def test_too_few_axes(layout):
    with pytest.raises(ValueError, match=r"at least 2 axes, found the shape \(3,\)"):
        layout.shape_in_ours((3,))
