import keras
import numpy as np
import pytest

from processors.batches.batch_shape import PadTo
from runtime.engine import engine
from runtime.engine.objectives import ClassificationObjective
from runtime.engine.optimizer_settings import OptimizerName, OptimizerSettings, Schedule
from tests.tf_bert.pairs import golden
from tf_bert.classifier.trained_part import TrainedPart
from tf_bert.formats import find, weights
from tf_bert.pairs.modeling import build_bi_encoder
from tf_bert.pairs.settings import TextPooling

QUICK = ("vectors/additive", "tokens/reduced")  # of the seven ways; the others are slow
LOGITS = 2e-5
RELATIVE = 1e-4
# Keras adds epsilon before the correction of the bias, torch after it: gradients about
# as small as it move weights by another amount. The updates move logits by 0.1 to 0.9.
AFTER = 5e-4
OPTIMIZER = OptimizerSettings(
    name=OptimizerName.ADAMW,
    schedule=Schedule.CONSTANT,
    weight_decay=0.0,
    adam_epsilon=1e-8,
    max_grad_norm=1.0,
    learning_rate=1e-3,
    num_train_steps=10,
    num_warmup_steps=0,
)


def build(way, *, train="full", pooling=TextPooling.MEAN):
    source = find.open_source(golden.ENCODER)
    return build_bi_encoder(
        source.config,
        head=golden.head(way),
        pooling=pooling,
        num_labels=golden.LABELS,
        trained_part=TrainedPart.parse(train),
        dtype="float32",
    )


def make_engine(place_on, way, **kind):
    made = engine.create(
        place_on(),
        build_model=lambda: build(way, **kind),
        objective=ClassificationObjective(),
        optimizer=OPTIMIZER,
        seed=0,
    )
    source = find.open_source(golden.ENCODER)
    encoder = {n: s for n, s in made.weight_shapes().items() if n.startswith("bert/")}
    made.load_weights(weights.take_weights(source, expected=encoder).values)
    made.load_weights(named(golden.head_weights(way)))
    return made


def named(head_weights):
    """As checkpoints name them."""
    return {f"pair_{name}": value for name, value in head_weights.items()}


def predict(made, **layout):
    arrays = {name: value[0] for name, value in golden.batch(**layout).items()}
    return {name: value[0] for name, value in made.predict(arrays).items()}


def train(made, updates):
    arrays = golden.batch()
    repeated = {name: np.stack([value] * updates) for name, value in arrays.items()}
    return made.train(repeated)


@pytest.mark.parametrize(
    "way",
    [
        pytest.param(way, marks=() if way in QUICK else pytest.mark.slow)
        for way in golden.WAYS
    ],
)
def test_all_ways_compute_and_learn_as_the_independent_program(place_on, way):
    expected = {
        name.removeprefix(f"{way}/"): value
        for name, value in golden.GOLDEN.items()
        if name.startswith(f"{way}/")
    }
    made = make_engine(place_on, way)
    found = predict(made)
    np.testing.assert_allclose(found["logits"], expected["logits"], atol=LOGITS)
    np.testing.assert_allclose(found["losses"].mean(), expected["loss"], rtol=RELATIVE)
    report = train(made, 10)
    norm = np.hypot(expected["gradient_norm_head"], expected["gradient_norm_encoder"])
    np.testing.assert_allclose(report.gradient_norms[0], norm, rtol=RELATIVE)
    np.testing.assert_allclose(report.losses, expected["loss_trace"], rtol=RELATIVE)
    after = predict(made)["logits"]
    np.testing.assert_allclose(after, expected["logits_after"], atol=AFTER)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["tokens/dot"])
def test_a_frozen_encoder_has_the_gradient_of_the_head_alone(place_on, way):
    made = make_engine(place_on, way, train="head")
    before = made.state().weights
    report = train(made, 1)
    norm = golden.GOLDEN[f"{way}/gradient_norm_head"]
    np.testing.assert_allclose(report.gradient_norms[0], norm, rtol=RELATIVE)
    after = made.state().weights
    changed = {n for n in before if not np.array_equal(before[n], after[n])}
    assert changed == set(named(golden.head_weights(way)))


@pytest.mark.parametrize("way", ["tokens/reduced"])
def test_layouts_give_equal_logits(place_on, way):
    made = make_engine(place_on, way)
    expected = golden.GOLDEN[f"{way}/logits"]
    for pad_to in PadTo:
        found = predict(made, pad_to=pad_to)["logits"]
        np.testing.assert_allclose(found, expected, atol=LOGITS, err_msg=pad_to.value)


def test_filler_changes_nothing_and_is_finite(place_on):
    made = make_engine(place_on, "tokens/additive")
    found = predict(made, examples=20)
    expected = golden.GOLDEN["tokens/additive/logits"]
    np.testing.assert_allclose(found["logits"][:16], expected, atol=LOGITS)
    assert np.isfinite(found["logits"]).all()


@pytest.mark.parametrize("pooling", list(TextPooling))
def test_the_vector_of_a_text_is_what_was_asked_for(pooling):
    model = build("vectors/dot", pooling=pooling)
    found = weights.take_weights(
        find.open_source(golden.ENCODER), expected=shapes_of(model)
    )
    for name, variable in engine.named_variables(model).items():
        if name in found.values:
            variable.assign(found.values[name])
    block = {name: value[0, 0] for name, value in golden.batch().items()}
    vectors = keras.ops.convert_to_numpy(model.encode(block).vectors)[block["text_a"]]
    expected = {
        TextPooling.MEAN: golden.GOLDEN["mean_vectors"],
        TextPooling.CLS: golden.GOLDEN["token_vectors"][:, 0],
        TextPooling.POOLED: golden.GOLDEN["pooled_vectors"],
    }[pooling][golden.GOLDEN["pairs"][:, 0]]
    np.testing.assert_allclose(vectors, expected, atol=LOGITS)


def shapes_of(model):
    found = {n: tuple(v.shape) for n, v in engine.named_variables(model).items()}
    return {name: shape for name, shape in found.items() if name.startswith("bert/")}


def test_the_head_starts_as_a_classifiers_does():
    model = build("tokens/additive")
    for name, variable in model.head_weights.items():
        values = keras.ops.convert_to_numpy(variable.value)
        assert np.abs(values).max() <= 0.04 + 1e-6
        assert bool(values.any()) == (not name.endswith("bias"))
