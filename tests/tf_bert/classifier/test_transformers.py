"""Agreement with transformers on several labels a text and on numbers.

Needs `pip install -e '.[test-parity]'`; everything is made here, nothing downloaded.
"""

import keras
import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches, stack
from processors.batches.features import Features
from processors.batches.token_dataset import TokenDataset
from processors.labels.targets import Targets
from runtime.engine import engine, objectives
from runtime.engine.optimizer_settings import (
    OptimizerName,
    OptimizerSettings,
    Schedule,
)
from tf_bert.classifier.heads import BertClassifier
from tf_bert.formats import find

pytestmark = [
    pytest.mark.slow,
    # transformers warns of its own dependencies.
    pytest.mark.filterwarnings("default"),
]

UPDATES, BATCH, LENGTH, VOCABULARY = 20, 8, 16, 60
RATE, EPSILON, DECAY = 1e-3, 1e-8, 0.01
CLOSE = 1e-4  # relative
PROBLEMS = {
    Targets.LABELS: ("multi_label_classification", 4),
    Targets.NUMBER: ("regression", 1),
}


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture(params=PROBLEMS)
def targets(request):
    return request.param


@pytest.fixture
def theirs(torch, transformers, targets):
    """A very small model without dropout, by the problem's name."""
    problem_type, outputs = PROBLEMS[targets]
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=LENGTH,
        initializer_range=0.2,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
        classifier_dropout=0.0,
        problem_type=problem_type,
        num_labels=outputs,
        attn_implementation="eager",
    )
    return transformers.BertForSequenceClassification(config)


@pytest.fixture
def ours(theirs, targets, place_on, tmp_path):
    """An engine with the same weights, read from a folder of theirs."""
    theirs.save_pretrained(tmp_path)
    source = find.open_source(str(tmp_path))
    assert source.targets is targets

    def build_model():
        _, outputs = PROBLEMS[targets]
        model = BertClassifier(source.config, num_labels=outputs)
        model.dropout.rate = 0
        model.build_variables()
        return model

    made = engine.create(
        place_on(),
        build_model=build_model,
        objective=objectives.of_targets(source.targets.value),
        optimizer=OptimizerSettings(
            name=OptimizerName.ADAMW,
            schedule=Schedule.CONSTANT,
            learning_rate=RATE,
            num_train_steps=UPDATES,
            weight_decay=DECAY,
            adam_epsilon=EPSILON,
            max_grad_norm=0.0,
        ),
        seed=0,
    )
    made.load_weights({name: source.read(name) for name in made.weight_shapes()})
    return made


@pytest.fixture
def batches(targets):
    """Texts of many lengths; each eighth has no label, or the number 0."""
    random = np.random.default_rng(5)
    _, outputs = PROBLEMS[targets]
    rows = []
    for number, length in enumerate(random.integers(3, LENGTH, UPDATES * BATCH)):
        target = random.integers(2, size=outputs) * (number % 8 > 0)
        if targets is Targets.NUMBER:
            target = target[0] * random.normal(2, 3)
        rows.append(
            Features(
                random.integers(1, VOCABULARY, length).astype(np.int32),
                (np.arange(length) > length // 2).astype(np.int32),
                0,
                np.asarray(target, np.float32),
            )
        )
    shape = BatchShape(per_replica_batch=BATCH, max_seq_length=LENGTH, pad_to=PadTo.MAX)
    return list(EvalBatches(TokenDataset.from_features(rows), shape=shape))


def asked(torch, batch):
    """A batch as transformers takes it."""
    arrays = {name: batch.arrays[name][0, 0] for name in batch.arrays}
    names = ("input_ids", "segment_ids", "example_ids")
    ids, segments, mask = (
        torch.tensor(arrays[name].astype(np.int64)) for name in names
    )
    labels = torch.tensor(arrays["targets"])
    given = {"input_ids": ids, "token_type_ids": segments, "attention_mask": mask}
    return {**given, "labels": labels}


def train_theirs(torch, model, batches):
    decayed, others = [], []
    for name, value in model.named_parameters():
        plain = "LayerNorm" in name or "bias" in name
        (others if plain else decayed).append(value)
    groups = [
        {"params": decayed, "weight_decay": DECAY},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=EPSILON)
    losses = []
    for batch in batches:
        optimizer.zero_grad()
        loss = model(**asked(torch, batch)).loss
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return np.array(losses)


def assert_close(found, expected):
    assert np.abs(found - expected).max() <= CLOSE * np.abs(expected).max()


def test_losses_updates_and_logits_are_theirs(torch, theirs, ours, batches):
    def logits_of_both():
        first = {name: array[0] for name, array in batches[0].arrays.items()}
        with torch.no_grad():
            expected = theirs.eval()(**asked(torch, batches[0])).logits.numpy()
        return ours.predict(first)["logits"], expected

    before, expected = logits_of_both()
    assert_close(before, expected)
    losses = ours.train(stack(batches)).losses
    np.testing.assert_allclose(
        losses, train_theirs(torch, theirs.train(), batches), rtol=CLOSE
    )
    after, expected = logits_of_both()
    assert_close(after, expected)
    assert np.abs(after - before).max() > 100 * CLOSE
    assert keras.backend.floatx() == "float32"
