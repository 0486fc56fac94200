"""Agreement of the encoder-decoder with transformers; golden/bert2bert/README.txt."""

import keras
import numpy as np
import pytest

from processors.batches import predicted_tokens
from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, stack
from tests.tf_bert.seq2seq import pairs
from tf_bert.formats import encoder_decoder
from tf_bert.seq2seq.objective import Seq2SeqObjective

ENCODER, LOGITS = 2e-5, 5e-5  # absolute
LOSS, TRACE = 1e-5, 1e-4  # relative
NORM = 1e-3  # relative: of one norm among 40, 4.5e-4 was seen; of the others, 6e-5
WEIGHT = 5e-4  # absolute


@pytest.fixture(scope="module", params=pairs.BOTH)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def golden(name):
    return pairs.golden(name)


@pytest.fixture(scope="module")
def made(name, place_on):
    return pairs.make_engine(name, place_on())


@pytest.fixture(scope="module")
def start(made):
    return made.state()


@pytest.fixture
def fresh(made, start):
    made.load_state(start)
    return made


def test_encoder(fresh, golden):
    texts = pairs.sources(golden["forward/input_ids"], golden["forward/attention_mask"])
    found = keras.ops.convert_to_numpy(weighted(fresh).encoder(texts))
    mask = golden["forward/attention_mask"] > 0
    assert np.abs(found - golden["forward/encoder_output"])[mask].max() <= ENCODER


def weighted(made):
    """The model with the engine's weights: on JAX, they are apart from it."""
    for variable_name, value in made.state().weights.items():
        variables = {v.path.partition("/")[2]: v for v in made.model.variables}
        variables[variable_name].assign(value)
    return made.model


def test_logits(fresh, golden):
    arrays = {name: value[0, 0, 0] for name, value in pairs.forward(golden).items()}
    found = keras.ops.convert_to_numpy(weighted(fresh)(arrays)["logits"])
    mask = golden["forward/labels"][:4] != pairs.PADDING
    expected = golden["forward/logits_first4"][mask]
    assert np.abs(found[: len(expected)] - expected).max() <= LOGITS


def test_losses_of_tokens(fresh, golden):
    arrays = {name: value[0, 0] for name, value in pairs.forward(golden).items()}
    found = fresh.predict(arrays)
    expected = golden["forward/target_nll"][golden["forward/labels"] != pairs.PADDING]
    difference = found["target_losses"][0, : len(expected)] - expected
    assert np.abs(difference).max() <= LOGITS


@pytest.fixture(scope="module", params=[0.0, 0.1])
def unclipped(request, name, place_on):
    objective = Seq2SeqObjective(label_smoothing=request.param)
    return request.param, pairs.make_engine(
        name, place_on(), objective=objective, clip_norm=0.0
    )


def test_loss_and_gradients(unclipped, golden):
    share, made = unclipped
    report = made.train(pairs.forward(golden))
    kind = "loss_label_smoothing_0.1" if share else "loss"
    assert abs(report.losses[0] / golden[f"forward/{kind}"] - 1) <= LOSS
    if share:
        return
    norm = golden["forward/gradient_global_norm"]
    assert abs(report.gradient_norms[0] / norm - 1) <= LOSS
    slots = made.state().slots
    norms = zip(
        golden["forward/gradient_names"], golden["forward/gradient_norms"], strict=True
    )
    for theirs, expected in norms:
        ours = encoder_decoder.known_as(str(theirs)).name
        if "pooler" in ours:
            assert expected == 0
            continue
        found = np.linalg.norm(slots[f"{ours}/adam_m"]) / 0.1
        assert abs(found - expected) <= LOSS * max(expected, norm), ours


@pytest.mark.parametrize(
    ("pad_to", "slices"),
    [
        pytest.param(PadTo.PACK, 1, marks=pytest.mark.slow),
        (PadTo.PACK, 4),
        pytest.param(PadTo.BUCKET, 2, marks=pytest.mark.slow),
    ],
)
def test_layout_and_slices_change_nothing(fresh, golden, pad_to, slices):
    shape = BatchShape(
        per_replica_batch=16 // slices,
        accumulation=slices,
        max_seq_length=60,
        max_target_length=30,
        pad_to=pad_to,
    )
    batches = list(EvalBatches(pairs.dataset(golden), shape=shape))
    arrays = predicted_tokens.of_decoder(stack(batches), start_id=2, max_row_shapes=8)
    assert (arrays["example_ids"].max() > 1) == (pad_to is PadTo.PACK)
    report = fresh.train(arrays)
    assert abs(report.losses[0] / golden["forward/loss"] - 1) <= LOSS
    norm = golden["forward/gradient_global_norm"]
    assert abs(report.gradient_norms[0] / norm - 1) <= LOSS


@pytest.mark.parametrize("slices", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_trace_of_training(fresh, golden, slices):
    calls = [updates(golden, number, slices=slices) for number in range(20)]
    reports = [fresh.train(call) for call in calls]
    for kind, close, found in (
        ("loss", TRACE, [report.losses[0] for report in reports]),
        ("gradient_norm", NORM, [report.gradient_norms[0] for report in reports]),
    ):
        expected = golden[f"train/tokens/{kind}"]
        assert np.abs(np.array(found) / expected - 1).max() <= close
    rates = [report.learning_rates[0] for report in reports]
    assert np.allclose(rates, golden["train/learning_rate"], rtol=1e-5, atol=1e-10)
    assert_weights(fresh.state().weights, golden)
    arrays = {name: value[0, 0] for name, value in pairs.forward(golden).items()}
    losses = fresh.predict(arrays)["target_losses"][0] * arrays["target_weight"][0]
    expected = golden["train/tokens/final_loss_of_forward"]
    assert abs(losses.sum(dtype=np.float64) / expected - 1) <= TRACE


def updates(golden, number, *, slices):
    names = ("input_ids", "attention_mask", "labels")
    values = (golden[f"train/{name}"][number] for name in names)
    return pairs.update(
        *(value.reshape(slices, -1, value.shape[-1]) for value in values)
    )


def assert_weights(weights, golden):
    compared = 0
    for key, expected in golden.items():
        kind, _, theirs = key.removeprefix("train/tokens/").partition("/")
        if key.startswith("train/tokens/") and kind in {"final", "final_first16"}:
            known = encoder_decoder.known_as(theirs)
            found = weights[known.name]
            value = known.layout.to_ours(expected)
            rows = slice(16) if kind == "final_first16" else slice(None)
            assert np.abs(found[rows] - value).max() <= WEIGHT, theirs
            compared += 1
    assert compared >= 9
