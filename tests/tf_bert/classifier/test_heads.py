import keras
import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime.engine import engine
from runtime.engine.objectives import ClassificationObjective
from runtime.engine.optimizer_settings import OptimizerSettings
from tests import rounding
from tf_bert.classifier.heads import BertClassifier
from tf_bert.model.config import BertConfig

CONFIG = BertConfig(
    vocab_size=60,
    hidden_size=16,
    num_hidden_layers=1,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=64,
    type_vocab_size=2,
    hidden_dropout_prob=0.0,
    attention_probs_dropout_prob=0.0,
    initializer_range=0.3,
)
LABELS = 3
FORWARD = (
    rounding.of_encoder(CONFIG, 64)
    + CONFIG.hidden_size
    + rounding.of_cross_entropy(LABELS)
    + 12  # examples of a batch
)
GRADIENT = 2 * FORWARD + 12 * 64  # a weight's is a sum over all places


def make_dataset(examples, *, pairs=False, longest=30):
    random = np.random.default_rng(examples)
    rows = []
    for number in range(examples):
        length = int(random.integers(3, longest + 1))
        second = random.integers(1, length) if pairs else length
        rows.append(
            Features(
                random.integers(1, CONFIG.vocab_size, length).astype(np.int32),
                (np.arange(length) >= second).astype(np.int32),
                number % LABELS,
            )
        )
    return TokenDataset.from_features(rows)


def make_batch(dataset, pad_to, *, examples=12):
    shape = BatchShape(per_replica_batch=examples, max_seq_length=64, pad_to=pad_to)
    [batch] = EvalBatches(dataset, shape=shape)
    return batch.arrays


def make_model():
    keras.utils.set_random_seed(0)
    model = BertClassifier(CONFIG, num_labels=LABELS)
    model.dropout.rate = 0
    model.build_variables()
    return model


@pytest.fixture(scope="module")
def made(place_on):
    return engine.create(
        place_on(),
        build_model=make_model,
        objective=ClassificationObjective(),
        optimizer=OptimizerSettings(num_train_steps=100, learning_rate=1e-3),
        seed=0,
    )


@pytest.fixture(scope="module")
def start(made):
    return made.state()


def update(made, start, arrays):
    made.load_state(start)
    report = made.train({name: value[np.newaxis] for name, value in arrays.items()})
    return report, made.state()


def log_softmax(logits):
    logits = logits.astype(np.float64)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def test_logits_are_a_projection_of_the_pooled_output():
    model = make_model()
    model.output_bias.assign([0.5, -1, 2])
    arrays = make_batch(make_dataset(12), PadTo.PACK)
    block = {name: value[0, 0] for name, value in arrays.items()}
    pooled = keras.ops.convert_to_numpy(model.bert(block)["pooled_output"])
    expected = pooled @ keras.ops.convert_to_numpy(model.output_weights.value).T + [
        0.5,
        -1,
        2,
    ]
    found = keras.ops.convert_to_numpy(model(block))
    rounding.assert_near(found, expected, operations=FORWARD)


def test_the_head_starts_as_the_originals():
    keras.utils.set_random_seed(1)
    wide = BertClassifier(CONFIG, num_labels=400)
    wide.build_variables()
    weights = keras.ops.convert_to_numpy(wide.output_weights.value)
    assert weights.shape == (400, 16)
    assert weights.std() == pytest.approx(0.02 * 0.88, rel=0.05)  # cut off at 2 sigma
    allowed = rounding.bound(rounding.ELEMENTARY, size=0.04)
    assert np.abs(weights).max() <= 0.04 + allowed
    assert not keras.ops.convert_to_numpy(wide.output_bias.value).any()
    assert wide.dropout.rate == 0.1


def test_the_loss_is_the_mean_over_real_examples(made, start):
    dataset = make_dataset(7)
    filled = make_batch(dataset, PadTo.PACK, examples=12)  # five slots of filler
    exact = make_batch(dataset, PadTo.PACK, examples=7)
    report, state = update(made, start, filled)
    made.load_state(start)
    losses = made.predict({name: value[0] for name, value in exact.items()})["losses"]
    rounding.assert_near(report.losses[0], losses.mean(), operations=FORWARD)
    other, expected = update(made, start, exact)
    rounding.assert_near(other.losses[0], report.losses[0], operations=FORWARD)
    for name, value in gradients(expected).items():
        rounding.assert_near(
            gradients(state)[name],
            value,
            operations=GRADIENT,
            size=largest(expected),
            err_msg=name,
        )


@pytest.mark.parametrize("pairs", [False, True])
def test_packed_bucketed_and_padded_updates_are_equal(made, start, pairs):
    dataset = make_dataset(12, pairs=pairs)
    batches = {pad_to: make_batch(dataset, pad_to) for pad_to in PadTo}
    shapes = {pad_to: batch["input_ids"].shape for pad_to, batch in batches.items()}
    assert shapes[PadTo.PACK][2] < shapes[PadTo.MAX][2] == 12
    assert shapes[PadTo.BUCKET][3] < shapes[PadTo.MAX][3] == 64
    padded, expected = update(made, start, batches[PadTo.MAX])
    for pad_to in (PadTo.PACK, PadTo.BUCKET):
        report, state = update(made, start, batches[pad_to])
        rounding.assert_near(report.losses, padded.losses, operations=FORWARD)
        rounding.assert_near(
            report.gradient_norms, padded.gradient_norms, operations=GRADIENT
        )
        for name, value in gradients(expected).items():
            rounding.assert_near(
                gradients(state)[name],
                value,
                operations=GRADIENT,
                size=largest(expected),
                err_msg=name,
            )


def gradients(state):
    """After the first update the first moment is the clipped gradient times 0.1."""
    return {
        name: value for name, value in state.slots.items() if name.endswith("adam_m")
    }


def largest(state):
    return max(np.abs(value).max() for value in gradients(state).values())


def test_outputs_are_logits_and_losses_of_each_example(made, start):
    made.load_state(start)
    arrays = make_batch(make_dataset(12), PadTo.BUCKET)
    outputs = made.predict({name: value[0] for name, value in arrays.items()})
    assert outputs["logits"].shape == (1, 12, LABELS)
    labels = arrays["label_ids"][0, 0]
    expected = -log_softmax(outputs["logits"][0])[np.arange(12), labels]
    rounding.assert_near(
        outputs["losses"][0], expected, operations=rounding.of_cross_entropy(LABELS)
    )
