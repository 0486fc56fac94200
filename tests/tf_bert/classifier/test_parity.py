"""Agreement with google-research/bert under TensorFlow 1.15, number by number.

What ran there, and how, is in golden/tf1_bert_tiny/README.txt.
"""

import keras
import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from runtime import storage
from runtime.engine.engine import EngineState
from runtime.files.tf_checkpoint import TensorBundle
from tests.runtime.engine import engine_runs
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats.weights import read_weights
from tf_bert.model.config import BertConfig

UPDATES, BATCH, LENGTH, LABELS = 20, 16, 48, 9
OUTPUT, TRACE, WEIGHT = 2e-5, 1e-4, 1e-4  # absolute, relative, absolute


def make_engine(placement, golden_dir):
    config = BertConfig.from_json_file(f"{golden_dir}/bert_config.json")
    return engine_runs.classifier(
        engine_runs.without_dropout(config), placement, labels=LABELS
    )


def initial_state(made, golden, golden_dir):
    initial = read_weights(
        f"{golden_dir}/bert_model.ckpt", expected=made.weight_shapes()
    )
    made.load_weights(initial.values)
    made.load_weights(
        {name: golden[f"init/{name}"] for name in ("output_weights", "output_bias")}
    )
    return made.state()


@pytest.fixture(scope="module")
def made(place_on, golden_dir):
    return make_engine(place_on(), golden_dir)


@pytest.fixture(scope="module")
def start(made, golden, golden_dir):
    return initial_state(made, golden, golden_dir)


@pytest.fixture(scope="module")
def dataset(golden):
    """The golden rows without their padding, in order."""
    rows = zip(
        *(
            golden[name].reshape(UPDATES * BATCH, LENGTH)
            for name in ("input_ids", "segment_ids", "input_mask")
        ),
        golden["label_ids"].ravel(),
        strict=True,
    )
    return TokenDataset.from_features(
        [
            Features(ids[mask > 0], segments[mask > 0], int(label))
            for ids, segments, mask, label in rows
        ]
    )


def make_batches(dataset, pad_to, *, replicas=1, parts=1):
    shape = BatchShape(
        per_replica_batch=BATCH // replicas // parts,
        replicas=replicas,
        accumulation=parts,
        max_seq_length=LENGTH,
        pad_to=pad_to,
    )
    return list(EvalBatches(dataset, shape=shape))


def train(made, batches, *, per_call):
    losses = [
        made.train(stack(batches[first : first + per_call])).losses
        for first in range(0, UPDATES, per_call)
    ]
    return np.concatenate(losses)


def deviation(found, expected):
    return float(np.abs(found - expected).max())


def final_weights(golden_dir, names):
    bundle = TensorBundle(f"{golden_dir}/model.ckpt-20")
    return {name: bundle.read(name) for name in names}


def assert_trained_alike(losses, state, golden, golden_dir):
    trace = golden["loss_trace_clf"]
    assert deviation(losses / trace, 1) <= TRACE
    expected = final_weights(golden_dir, state.weights)
    worst = max(deviation(state.weights[name], expected[name]) for name in expected)
    assert worst <= WEIGHT
    checked = 0
    for name, value in state.weights.items():
        if f"final_clf/{name}" in golden:
            assert deviation(value, golden[f"final_clf/{name}"]) <= WEIGHT
            checked += 1
    assert checked == sum(name.startswith("final_clf/") for name in golden)
    bundle = TensorBundle(f"{golden_dir}/model.ckpt-20")
    for name, slot in state.slots.items():
        theirs = bundle.read(name)
        # A bias of the keys changes no attention: its gradient is rounding error.
        assert deviation(slot, theirs) <= 1e-4 * np.abs(theirs).max() + 1e-10, name


def test_encoder_outputs(made, start, golden):
    made.load_state(start)
    rows = {name: golden[name][0] for name in ("input_ids", "segment_ids")}
    places = np.broadcast_to(np.arange(LENGTH, dtype=np.int32), (BATCH, LENGTH))
    outputs = made.model.bert(
        {
            **{name: value.astype(np.int32) for name, value in rows.items()},
            "position_ids": places,
            "example_ids": golden["input_mask"][0].astype(np.int32),
            "first_positions": np.arange(BATCH, dtype=np.int32) * LENGTH,
        }
    )
    found = {
        name: keras.ops.convert_to_numpy(outputs[name])
        for name in ("sequence_output", "pooled_output")
    }
    for index, layer in enumerate(outputs["encoder_outputs"]):
        found[f"encoder_layer_{index}"] = keras.ops.convert_to_numpy(layer)[:4]
    layers = [name for name in golden if name.startswith("encoder_layer_")]
    assert set(layers) < set(found)
    deviations = {name: deviation(found[name], golden[name]) for name in found}
    assert max(deviations.values()) <= OUTPUT


@pytest.mark.parametrize("pad_to", PadTo)
def test_logits_and_loss(made, start, golden, dataset, pad_to):
    made.load_state(start)
    batch = make_batches(dataset, pad_to)[0]
    rows = batch.arrays["input_ids"].shape[2]
    assert (rows < BATCH) == (pad_to is PadTo.PACK)
    outputs = made.predict({name: value[0] for name, value in batch.arrays.items()})
    assert deviation(outputs["logits"][0], golden["logits"]) <= OUTPUT
    loss = outputs["losses"].mean(dtype=np.float64)
    assert abs(loss - golden["classifier_loss"]) <= OUTPUT


@pytest.mark.parametrize(
    "pad_to",
    [PadTo.MAX, PadTo.PACK, pytest.param(PadTo.BUCKET, marks=pytest.mark.slow)],
)
def test_twenty_updates(made, start, golden, golden_dir, dataset, pad_to):
    made.load_state(start)
    losses = train(made, make_batches(dataset, pad_to), per_call=4)
    assert_trained_alike(losses, made.state(), golden, golden_dir)


def test_the_trained_checkpoint_pools_alike(made, golden, golden_dir, dataset):
    trained = read_weights(f"{golden_dir}/model.ckpt-20", expected=made.weight_shapes())
    assert trained.report.missing == ()
    made.load_weights(trained.values)
    batch = make_batches(dataset, PadTo.MAX)[0]
    block = {name: value[0, 0] for name, value in batch.arrays.items()}
    pooled = keras.ops.convert_to_numpy(made.model.bert(block)["pooled_output"])
    assert deviation(pooled, golden["final_pooled_clf"]) <= WEIGHT


def test_the_originals_training_can_be_gone_on_with(made, golden_dir, dataset):
    state = made.state()
    bundle = TensorBundle(f"{golden_dir}/model.ckpt-20")
    weights, slots = (
        {name: bundle.read(name) for name in names}
        for names in (state.weights, state.slots)
    )
    made.load_state(EngineState(int(bundle.read("global_step")), weights, slots))
    assert made.step == UPDATES
    [batch, *_] = make_batches(dataset, PadTo.MAX)
    assert np.isfinite(made.train(stack([batch])).losses).all()


def literal_bert(bundle, ids, *, layers, heads):
    """Probabilities of rows of equal length without padding, in plain numpy."""
    weights = {name: bundle.read(name) for name in bundle.shapes()}

    def norm(x, name):
        x = x - x.mean(axis=-1, keepdims=True)
        x = x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-12)
        return (
            x * weights[f"{name}/LayerNorm/gamma"] + weights[f"{name}/LayerNorm/beta"]
        )

    def dense(x, name):
        return x @ weights[f"{name}/kernel"] + weights[f"{name}/bias"]

    def softmax(x):
        x = np.exp(x - x.max(axis=-1, keepdims=True))
        return x / x.sum(axis=-1, keepdims=True)

    def gelu(x):
        return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))

    top = "bert/embeddings"
    ids = np.array(ids)
    x = weights[f"{top}/word_embeddings"][ids].astype(np.float64)
    x = x + weights[f"{top}/token_type_embeddings"][0]
    x = norm(x + weights[f"{top}/position_embeddings"][: ids.shape[1]], top)
    for number in range(layers):
        layer = f"bert/encoder/layer_{number}"
        query, key, value = (
            dense(x, f"{layer}/attention/self/{name}")
            .reshape(*ids.shape, heads, -1)
            .transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        scores = query @ key.transpose(0, 1, 3, 2) / np.sqrt(query.shape[-1])
        context = (softmax(scores) @ value).transpose(0, 2, 1, 3).reshape(x.shape)
        attended = f"{layer}/attention/output"
        x = norm(dense(context, f"{attended}/dense") + x, attended)
        wide = gelu(dense(x, f"{layer}/intermediate/dense"))
        x = norm(dense(wide, f"{layer}/output/dense") + x, f"{layer}/output")
    pooled = np.tanh(dense(x[:, 0], "bert/pooler/dense"))
    return softmax(pooled @ weights["output_weights"].T + weights["output_bias"])


WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(1195))]
ROWS = 20


@pytest.fixture
def job(tmp_path, golden_dir):
    """Evaluates and predicts with model.ckpt-20 on texts of two words."""
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    rows = [f"w{7 * n} w{11 * n + 3}\tlabel{n % LABELS}" for n in range(ROWS)]
    for split in ("dev", "test"):
        text = "\n".join(["text\tlabel", *rows]) + "\n"
        (tmp_path / f"{split}.tsv").write_text(text)
    settings = ClassifierSettings(
        task_name="tsv",
        data_dir=str(tmp_path),
        labels=tuple(f"label{number}" for number in range(LABELS)),
        output_dir=str(tmp_path / "out"),
        vocab_file=str(tmp_path / "vocab.txt"),
        init_checkpoint=f"{golden_dir}/model.ckpt-20",
        max_seq_length=LENGTH,
        do_eval=True,
        do_predict=True,
    )
    return prepare(settings)


def test_a_fine_tuned_checkpoint_evaluates_and_predicts(job, place_on, golden_dir):
    classify.run(job, placement=place_on())
    lines = storage.read_text(f"{job.output_dir}/test_results.tsv").splitlines()
    found = np.array([line.split("\t") for line in lines], np.float32)
    expected = literal_bert(
        TensorBundle(f"{golden_dir}/model.ckpt-20"),
        [[2, 5 + 7 * n, 5 + 11 * n + 3, 3] for n in range(ROWS)],
        layers=3,
        heads=4,
    )
    assert deviation(found, expected) <= OUTPUT
    gold = np.arange(ROWS) % LABELS
    lines = storage.read_text(f"{job.output_dir}/eval_results.txt").splitlines()
    results = {key: float(value) for key, value in (x.split(" = ") for x in lines)}
    accuracy = (expected.argmax(axis=1) == gold).mean()
    loss = -np.log(expected[np.arange(ROWS), gold]).mean()
    assert results["eval_accuracy"] == pytest.approx(accuracy)
    assert results["eval_loss"] == pytest.approx(loss, abs=OUTPUT)
    assert results["global_step"] == 20


@pytest.mark.slow
@pytest.mark.parametrize(("parts", "per_call"), [(1, 1), (2, 4)])
def test_eight_replicas(place_on, golden, golden_dir, dataset, parts, per_call):
    made = make_engine(place_on(8), golden_dir)
    initial_state(made, golden, golden_dir)
    batches = make_batches(dataset, PadTo.PACK, replicas=8, parts=parts)
    losses = train(made, batches, per_call=per_call)
    assert_trained_alike(losses, made.state(), golden, golden_dir)
