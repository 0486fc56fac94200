"""The models beside plain Keras, and rows laid out in different ways."""

import keras
import numpy as np
import pytest
from keras import ops

from lstm_pretrain import data
from lstm_pretrain.model.config import Dropouts, LstmConfig, StatePooling
from lstm_pretrain.model.heads import (
    LanguageModel,
    LanguageModelObjective,
    LstmClassifier,
)
from lstm_pretrain.model.modeling import RowLayout
from processors.batches.batch_shape import PadTo
from runtime.engine import engine
from runtime.engine.engine import named_variables
from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings, Schedule
from tests import rounding
from tests.lstm_pretrain.conftest import VOCABULARY

SIZES = LstmConfig(vocab_size=VOCABULARY, embedding_size=5, hidden_size=6)
STATES = 2 * rounding.of_lstm(9, size=6, units=6)  # of two layers at most
LOGITS = STATES + SIZES.hidden_size
FORWARD = LOGITS + rounding.of_cross_entropy(VOCABULARY) + 12 * 9  # a mean over tokens
WAYS = {"max": PadTo.MAX, "bucket": PadTo.BUCKET, "pack": PadTo.PACK}


def seeded(model):
    """Random weights by name, the same for all layouts."""
    model.build_variables()
    random = np.random.default_rng(0)
    for _, variable in sorted(named_variables(model).items()):
        variable.assign(random.normal(0, 0.5, variable.shape))
    return model


def language_model(pad_to, **sizes):
    config = LstmConfig(**(SIZES.to_dict() | sizes))
    return seeded(LanguageModel(config, layout=RowLayout(packed=pad_to is PadTo.PACK)))


def assert_gradients_near(found, expected):
    """Checks a loss and its gradients, which add up over all tokens."""
    (one, ours), (other, theirs) = found, expected
    rounding.assert_near(one, other, operations=FORWARD)
    size = max(np.abs(gradient).max() for gradient in theirs.values())
    for name, gradient in theirs.items():
        rounding.assert_near(
            ours[name], gradient, operations=2 * FORWARD, size=size, err_msg=name
        )


def block_of(arrays):
    return {name: value[0, 0, 0] for name, value in arrays.items()}


def targets_of(arrays_of, pad_to):
    return block_of(data.add_targets(arrays_of(pad_to), max_row_shapes=32))


def loss_and_gradients(model, block, gradients, *, objective):
    """By name; computed with given weights in place of the variables."""
    variables = named_variables(model)
    names = sorted(variables)

    def loss(*values):
        if keras.config.backend() == "jax":
            pairs = [(variables[n], v) for n, v in zip(names, values, strict=True)]
            with keras.StatelessScope(pairs):
                return objective(model, block)
        return objective(model, block)

    if keras.config.backend() == "jax":
        values = [np.asarray(variables[name].value) for name in names]
        found = gradients(loss, *values)
        return float(loss(*values)), dict(zip(names, found, strict=True))
    return tensorflow_gradients(variables, loss)


def tensorflow_gradients(variables, loss):
    import tensorflow as tf

    with tf.GradientTape() as tape:
        value = loss()
    names = sorted(variables)
    found = tape.gradient(value, [variables[name].value for name in names])
    return float(value), {
        name: tf.convert_to_tensor(each).numpy()
        for name, each in zip(names, found, strict=True)
    }


@pytest.fixture(scope="module")
def plain_loss(texts):
    """Mean loss a token, text by text, of logits at every position."""
    model = language_model(PadTo.MAX)
    total, tokens = 0.0, 0
    for number in range(len(texts)):
        ids = texts.example(number).input_ids[None]
        embedded = model.encoder.embedding(ids)
        states = keras_lstm(model.encoder.stacks[0][0])(embedded)
        logits = states @ model.output_kernel + model.output_bias
        each = keras.losses.sparse_categorical_crossentropy(
            ids[:, 1:], logits[:, :-1], from_logits=True
        )
        total += float(ops.sum(each))
        tokens += ids.shape[1] - 1
    return total / tokens


class TestLanguageModel:
    @pytest.mark.parametrize("pad_to", WAYS.values(), ids=WAYS)
    def test_loss_is_that_of_plain_keras(self, arrays_of, plain_loss, pad_to):
        found = LanguageModelObjective().loss(
            language_model(pad_to), targets_of(arrays_of, pad_to)
        )
        rounding.assert_near(float(found), plain_loss, operations=FORWARD)

    @pytest.mark.parametrize("bidirectional", [False, True])
    def test_packed_rows_have_the_gradients_of_padded_ones(
        self, arrays_of, gradients, bidirectional
    ):
        (one, ours), (other, theirs) = (
            loss_and_gradients(
                language_model(pad_to, bidirectional=bidirectional, num_layers=2),
                targets_of(arrays_of, pad_to),
                gradients,
                objective=LanguageModelObjective().loss,
            )
            for pad_to in (PadTo.PACK, PadTo.MAX)
        )
        assert_gradients_near((one, ours), (other, theirs))

    @pytest.mark.parametrize("pad_to", WAYS.values(), ids=WAYS)
    def test_bfloat16_stays_near(self, arrays_of, pad_to):
        config = LstmConfig(**(SIZES.to_dict() | {"bidirectional": True}))
        losses = []
        for dtype in ("mixed_bfloat16", "float32"):
            layout = RowLayout(packed=pad_to is PadTo.PACK)
            model = seeded(LanguageModel(config, layout=layout, dtype=dtype))
            block = targets_of(arrays_of, pad_to)
            losses.append(float(LanguageModelObjective().loss(model, block)))
        assert losses[0] == pytest.approx(losses[1], rel=0.02)

    def test_logits_at_the_targets_only_change_nothing(self, arrays_of, gradients):
        """The gather beside logits at every position, padding and all."""
        block = targets_of(arrays_of, PadTo.MAX)

        def everywhere(model, block):
            rows = {name: block[name] for name in ("input_ids", "example_ids")}
            states = model.encoder(rows, training=False)[0]
            logits = states @ model.kernel() + model.output_bias
            owners = block["example_ids"]
            real = (owners[:, 1:] == owners[:, :-1]) & (owners[:, 1:] > 0)
            each = keras.losses.sparse_categorical_crossentropy(
                block["input_ids"][:, 1:], logits[:, :-1], from_logits=True
            )
            return ops.sum(each * (real / real.sum()).astype(np.float32))

        model = language_model(PadTo.MAX)
        one, ours = loss_and_gradients(
            model, block, gradients, objective=LanguageModelObjective().loss
        )
        other, theirs = loss_and_gradients(
            model, block, gradients, objective=everywhere
        )
        assert_gradients_near((one, ours), (other, theirs))

    def test_the_backward_stack_predicts_the_token_before(self, arrays_of, texts):
        model = language_model(PadTo.PACK, bidirectional=True)
        block = targets_of(arrays_of, PadTo.PACK)
        forward, backward = model.states(block, training=False)
        del forward
        ids = texts.example(0).input_ids
        embedded = model.encoder.embedding(ids[None, ::-1].copy())
        alone = keras_lstm(model.encoder.stacks[1][0])(embedded)[0, ::-1]
        place = int(arrays_of(PadTo.PACK)["first_positions"][0, 0, 0, 0])
        at = np.flatnonzero(block["target_positions"] == place)[0]
        # The target's position predicts from the one after it.
        rounding.assert_near(
            ops.convert_to_numpy(backward)[at],
            ops.convert_to_numpy(alone)[1],
            operations=STATES,
            size=1,
        )

    @pytest.mark.parametrize("embedding_size", [6, 5])
    def test_tied_weights_are_one_variable(self, arrays_of, embedding_size):
        model = language_model(
            PadTo.MAX, tie_weights=True, embedding_size=embedding_size
        )
        assert "output_kernel" not in named_variables(model)
        block = targets_of(arrays_of, PadTo.MAX)
        logits = ops.convert_to_numpy(model(block))
        [states] = model.states(block, training=False)
        table = ops.convert_to_numpy(model.encoder.embedding.embeddings)
        expected = ops.convert_to_numpy(states) @ table.T
        expected += ops.convert_to_numpy(model.output_bias)
        rounding.assert_near(logits, expected, operations=LOGITS)


def keras_lstm(layer):
    """Keras' own layer with the weights of ours."""
    made = keras.layers.LSTM(layer.units, return_sequences=True, use_cudnn=False)
    made.build((None, None, layer.cell.kernel.shape[0]))
    made.set_weights([ops.convert_to_numpy(each) for each in layer.cell.weights])
    return made


def test_where_cudnn_may_be_the_layer_is_keras_own(texts):
    """On a CPU Keras falls back to its plain loop: the numbers must not change."""
    random = np.random.default_rng(0)
    inputs = random.normal(0, 1, (3, 7, 5)).astype(np.float32)
    outputs = []
    for cudnn in (False, True):
        config = SIZES
        model = seeded(LanguageModel(config, layout=RowLayout(cudnn=cudnn)))
        outputs.append(ops.convert_to_numpy(model.encoder.stacks[0][0](inputs)))
    rounding.assert_near(*outputs, operations=STATES, size=1)


def classifier(pad_to, *, num_labels=3, **options):
    sizes = options.pop("sizes", {})
    config = LstmConfig(**(SIZES.to_dict() | sizes))
    return seeded(
        LstmClassifier(
            config,
            num_labels=num_labels,
            layout=RowLayout(packed=pad_to is PadTo.PACK),
            **options,
        )
    )


class TestClassifier:
    @pytest.mark.parametrize("pad_to", WAYS.values(), ids=WAYS)
    @pytest.mark.parametrize("pooling", StatePooling)
    def test_logits_are_those_of_each_text_alone(
        self, arrays_of, texts, pad_to, pooling
    ):
        model = classifier(pad_to, pooling=pooling, sizes={"bidirectional": True})
        found = ops.convert_to_numpy(model(block_of(arrays_of(pad_to))))
        for number in range(len(texts)):
            ids = texts.example(number).input_ids[None]
            ahead, back = (
                ops.convert_to_numpy(
                    keras_lstm(stack[0])(model.encoder.embedding(ids[:, ::way].copy()))
                )[0, ::way]
                for stack, way in zip(model.encoder.stacks, (1, -1), strict=True)
            )
            states = np.concatenate([ahead, back], axis=-1)
            pooled = states.mean(axis=0)
            if pooling is StatePooling.CONCAT:
                pooled = np.concatenate([states[-1], states.max(axis=0), pooled])
            kernel, bias = map(ops.convert_to_numpy, model.head.weights)
            expected = pooled @ kernel + bias
            size = max(1, *np.abs(expected))
            rounding.assert_near(found[number], expected, operations=LOGITS, size=size)

    def test_two_classes_are_one_sigmoid(self, arrays_of):
        model = classifier(PadTo.MAX, num_labels=2)
        assert model.head.units == 1
        logits = ops.convert_to_numpy(model(block_of(arrays_of(PadTo.MAX))))
        assert (logits[:, 0] == 0).all()
        share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        rounding.assert_near(
            share[:, 1],
            1 / (1 + np.exp(-logits[:, 1])),
            operations=3 * rounding.ELEMENTARY,
        )

    @pytest.mark.parametrize("pooling", StatePooling)
    def test_a_slice_of_filler_is_finite(self, arrays_of, pooling):
        block = {
            name: np.zeros_like(value)
            for name, value in block_of(arrays_of(PadTo.PACK)).items()
        }
        model = classifier(PadTo.PACK, pooling=pooling)
        assert np.isfinite(ops.convert_to_numpy(model(block))).all()


# Through the engines -----------------------------------------------------------------


def deal(array, *, replicas):
    """Rows to replicas, filled up with empty ones."""
    rows = array.reshape(-1, array.shape[-1])
    rows = np.pad(rows, [(0, -len(rows) % replicas), (0, 0)])
    return rows.reshape(1, 1, replicas, -1, array.shape[-1])


def trained(place_on, arrays_of, pad_to, *, replicas=1):
    def build_model():
        keras.utils.set_random_seed(0)
        return language_model(pad_to)

    made = engine.create(
        place_on(replicas),
        build_model=build_model,
        objective=LanguageModelObjective(),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAM,
            schedule=Schedule.CONSTANT,
            learning_rate=1e-2,
            num_train_steps=6,
        ),
        seed=0,
    )
    arrays = arrays_of(pad_to)
    wanted = ("input_ids", "example_ids")
    dealt = {name: deal(arrays[name], replicas=replicas) for name in wanted}
    block = data.add_targets(dealt, max_row_shapes=32)
    losses = [made.train(block).losses[0] for _ in range(6)]
    return np.array(losses), made.state().weights


@pytest.mark.parametrize("replicas", [1, pytest.param(8, marks=pytest.mark.slow)])
def test_updates_are_the_same_however_rows_are_laid_out(place_on, arrays_of, replicas):
    losses, weights = trained(place_on, arrays_of, PadTo.MAX, replicas=replicas)
    assert losses[-1] < losses[0]
    others, packed = trained(place_on, arrays_of, PadTo.PACK)
    np.testing.assert_allclose(losses, others, rtol=1e-4)
    for name, value in packed.items():
        np.testing.assert_allclose(weights[name], value, atol=1e-4, err_msg=name)


def test_dropout_is_drawn_anew_for_each_update(place_on, arrays_of):
    model = seeded(LanguageModel(SIZES, dropouts=Dropouts(inputs=0.5, outputs=0.5)))
    block = targets_of(arrays_of, PadTo.MAX)
    keras.utils.set_random_seed(0)
    [one], [other] = (model.states(block, training=True) for _ in range(2))
    assert not np.array_equal(ops.convert_to_numpy(one), ops.convert_to_numpy(other))


def test_variational_dropout_has_one_mask_for_a_row(arrays_of):
    dropouts = Dropouts(outputs=0.5, variational=True)
    model = seeded(LanguageModel(SIZES, dropouts=dropouts))
    block = targets_of(arrays_of, PadTo.MAX)
    [states] = model.states(block, training=True)
    states = ops.convert_to_numpy(states)[block["target_weight"] > 0]
    rows = (block["target_positions"] // 16)[block["target_weight"] > 0]
    for row in np.unique(rows):
        dropped = states[rows == row] == 0
        assert (dropped == dropped[0]).all()
    assert 0.2 < (states == 0).mean() < 0.8
