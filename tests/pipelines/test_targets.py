"""Whole runs on tasks of several labels a text, and of numbers, by either model."""

import json
import os
import shutil
from unittest import mock

import numpy as np
import pytest
import scipy.stats
import sklearn.metrics

from lstm_pretrain.classifier import run as lstm
from lstm_pretrain.classifier.preparation import prepare as prepare_lstm
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from pipelines.classification import conversion, splits
from pipelines.classification.conversion import ConversionSettings
from pipelines.reports.page import run_files, scoring
from processors.batches.batch_shape import PadTo
from processors.labels.targets import Objective
from processors.tasks.lists import ListsProcessor
from processors.tokenization.units import Units
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import DataError, SettingsError
from runtime.files import json_file
from tf_bert.classifier import run as bert
from tf_bert.classifier.preparation import prepare as prepare_bert
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat

MODELS = ("bert", "lstm")
LABELS = ("cold", "hot", "wet")
SEVERAL = {
    "multi_label": True,
    "label": "labels",
    "threshold": "best",
    "best_by": "eval_micro_f1",
}
NUMBER = {
    "objective": Objective.REGRESSION,
    "label": "number",
    "best_by": "eval_pearson",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, small_task):
    """A `tsv` task; `labels` are which of three words a text has, `number` how many.

    Its test split is its dev split, so that the files of a prediction say how an
    evaluation came about.
    """
    folder = tmp_path_factory.mktemp("words")
    random = np.random.default_rng(0)
    for split, count in {"train": 64, "dev": 37}.items():
        lines = ["text\tlabels\tnumber\tone"]
        for _ in range(count):
            has = [label for label in LABELS if random.random() < 0.4]
            words = random.permutation([*has, *random.choice(small_task.words, 3)])
            cells = (" ".join(words), ",".join(has), str(len(has) / 2), "ab"[bool(has)])
            lines.append("\t".join(cells))
        (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *LABELS, *small_task.words]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    return folder


@pytest.fixture(scope="module")
def run(folder, small_task, place_on):
    """Trains, evaluates and predicts by the model of that name."""
    own = {
        "bert": {
            "bert_config_file": f"{small_task.folder}/bert_config.json",
            "vocab_file": str(folder / "vocab.txt"),
            "learning_rate": 3e-3,
        },
        "lstm": {
            "units": Units.WHITESPACE,
            "embedding_size": 6,
            "hidden_size": 8,
            "learning_rate": 0.03,
        },
    }

    def run(model, output_dir, **others):
        values = {
            "task_name": "tsv",
            "data_dir": str(folder),
            "test_file": "dev.tsv",
            "output_dir": str(output_dir),
            "max_seq_length": 10,
            "train_batch_size": 16,
            "eval_batch_size": 16,
            "predict_batch_size": 16,
            "pad_to": PadTo.MAX,  # one shape, one compilation
            "max_steps": 12,
            "do_train": True,
            "do_eval": True,
            "do_predict": True,
            **own[model],
            **others,
        }
        processor = values.pop("processor", None)
        if model == "bert":
            job = prepare_bert(ClassifierSettings(**values), processor=processor)
            return bert.run(job, placement=place_on(1))
        job = prepare_lstm(LstmClassifierSettings(**values))
        return lstm.run(job, placement=place_on(1))

    return run


@pytest.fixture(scope="module", params=MODELS)
def several(request, run, tmp_path_factory):
    """Model, folder and results of a run on several labels; not to be changed."""
    out = tmp_path_factory.mktemp("several") / "out"
    return request.param, out, run(request.param, out, compare=True, **SEVERAL)


@pytest.fixture(scope="module", params=MODELS)
def number(request, run, tmp_path_factory):
    """Model, folder and results of a run on numbers; not to be changed."""
    out = tmp_path_factory.mktemp("number") / "out"
    return request.param, out, run(request.param, out, compare=True, **NUMBER)


def results_of(out):
    lines = storage.read_text(f"{out}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def column(out, name):
    head, *rows = storage.read_text(f"{out}/predictions.tsv").splitlines()
    place = head.split("\t").index(name)
    return [row.split("\t")[place] for row in rows]


def values_of(out):
    return np.loadtxt(f"{out}/test_results.tsv", dtype=np.float32, ndmin=2)


def held(cells):
    """What a column of labels says, bool `[examples, labels]`."""
    return np.array([[label in cell.split(",") for label in LABELS] for cell in cells])


# Several labels ----------------------------------------------------------------------


def test_scikit_learn_gives_every_score_of_several_labels(several):
    _, out, results = several
    gold, predicted = (held(column(out, name)) for name in ("gold", "predicted"))
    values = values_of(out).astype(np.float64)
    likely = np.where(gold, values, 1 - values)
    assert gold.any(axis=1).sum() < len(gold)  # an example without labels counts, too
    metrics, given = sklearn.metrics, {"zero_division": 0}
    expected = {
        "eval_average_precision": metrics.average_precision_score(gold, values),
        "eval_loss": -np.log(likely).mean(),
        "eval_macro_f1": metrics.f1_score(gold, predicted, average="macro", **given),
        "eval_micro_f1": metrics.f1_score(gold, predicted, average="micro", **given),
        "eval_subset_accuracy": metrics.accuracy_score(gold, predicted),
    }
    found = results_of(out)
    assert set(found) == {*expected, "global_step", "loss"}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name
        assert results.scores[name.replace("eval_", "test_")] == pytest.approx(
            value, rel=1e-5
        )


def test_a_label_is_predicted_from_its_threshold_on(several):
    _, out, _ = several
    thresholds = json_file.read_object(f"{out}/thresholds.json")
    assert list(thresholds) == list(LABELS)
    assert all(0 < value < 1 for value in thresholds.values())
    expected = values_of(out) >= list(thresholds.values())
    np.testing.assert_array_equal(held(column(out, "predicted")), expected)
    told = [cell.split(",") if cell else [] for cell in column(out, "probability")]
    assert [list(map(np.float32, cells)) for cells in told] == [
        list(values[has]) for values, has in zip(values_of(out), expected, strict=True)
    ]


def test_a_run_on_several_labels_leaves_its_files(several):
    _, out, _ = several
    assert {
        "classification_report.txt",
        "compare.png",
        "compare.txt",
        "confusion_matrix.txt",
        "data_report.txt",
        "eval_predictions.tsv",
        "labels.txt",
        "learning_curve.png",
        "test_classification_report.txt",
    } <= set(os.listdir(out))
    best = checkpoints.best(f"{out}/checkpoints")
    assert best is not None
    assert best.by == "eval_micro_f1"


def test_the_page_of_a_run_scores_as_the_run(several, number):
    for _, out, results in (several, number):
        scores_as_the_run(out, results)


def scores_as_the_run(out, results):
    for split in run_files.read(str(out)).splits:
        told = {"dev": "eval_", "test": "test_"}[split.name]
        for score in scoring.of_split(split):
            expected = results.scores[f"{told}{score.name}"]
            assert score.value == pytest.approx(expected, rel=1e-5), score.name
    page = storage.read_text(f"{out}/report.html")
    assert "Answers, dev" in page
    assert "Mistakes, test" in page


def test_simple_classifiers_answer_each_label_by_itself(several):
    _, out, results = several
    head, *rows = storage.read_text(f"{out}/compare.txt").splitlines()
    assert head.split() == ["micro", "F1", "dev", "test"]
    assert [row.split("  ")[0] for row in rows][:2] == [
        "majority",
        "TF-IDF + logistic regression",
    ]
    own = next(n for n in results.accuracies if n.startswith("this run"))
    assert results.accuracies[own]["dev"] == pytest.approx(
        results.scores["eval_micro_f1"]
    )


def test_a_later_prediction_takes_the_thresholds_of_the_run(run, several, tmp_path):
    model, out, _ = several
    for folder, start in ((out, {}), (tmp_path, {"init_checkpoint": str(out)})):
        before = storage.read_text(f"{out}/predictions.tsv")
        alone = SEVERAL | {"do_train": False, "do_eval": False, "best_by": None}
        run(model, folder, **alone, **start)
        assert storage.read_text(f"{folder}/predictions.tsv") == before


def test_thresholds_that_nobody_has_chosen_are_missed(run, several, tmp_path):
    model, out, _ = several
    given = SEVERAL | {"do_train": False, "do_eval": False, "best_by": None}
    started = {"init_checkpoint": f"{out}/checkpoints"}
    with pytest.raises(SettingsError, match="no evaluation has done so"):
        run(model, tmp_path, **given, **started)


# Numbers -----------------------------------------------------------------------------


def test_scipy_gives_every_score_of_numbers(number):
    _, out, results = number
    gold, predicted = (
        np.array(column(out, name), np.float64) for name in ("gold", "predicted")
    )
    np.testing.assert_array_equal(predicted.astype(np.float32), values_of(out)[:, 0])
    mse = sklearn.metrics.mean_squared_error(gold, predicted)
    expected = {
        "eval_loss": mse,
        "eval_mse": mse,
        "eval_pearson": scipy.stats.pearsonr(gold, predicted).statistic,
        "eval_spearman": scipy.stats.spearmanr(gold, predicted).statistic,
    }
    found = results_of(out)
    assert set(found) == {*expected, "global_step", "loss"}
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-5), name
        assert results.scores[name.replace("eval_", "test_")] == pytest.approx(
            value, rel=1e-5
        )


def test_a_run_on_numbers_leaves_its_files(number):
    _, out, results = number
    files = set(os.listdir(out))
    assert {"scatter_plot.png", "test_scatter_plot.png", "compare.txt"} <= files
    assert not {"confusion_matrix.png", "classification_report.txt"} & files
    head, *rows = storage.read_text(f"{out}/compare.txt").splitlines()
    assert head.split() == ["Pearson", "dev", "test"]
    assert [row.split("  ")[0] for row in rows][:2] == [
        "mean",
        "TF-IDF + ridge regression",
    ]
    assert results.predicted("test") == values_of(out)[:, 0].tolist()


def test_numbers_are_predicted_by_a_trained_run_elsewhere(run, number, tmp_path):
    model, out, _ = number
    alone = NUMBER | {"do_train": False, "do_eval": False, "best_by": None}
    run(model, tmp_path, **alone, init_checkpoint=str(out))
    assert values_of(tmp_path).tobytes() == values_of(out).tobytes()


# What the runs learn from ------------------------------------------------------------


KINDS = {"several": SEVERAL, "number": NUMBER}
EITHER_KIND = pytest.mark.parametrize(
    "kind", ["several", pytest.param("number", marks=pytest.mark.slow)]
)
WHOLE = {"max_steps": 3, "best_by": None, "compare": False}


@pytest.fixture
def convert_texts(folder):
    """Writes the records of the task, or of another with the same vocabulary."""

    def convert_texts(output_dir, kind, **others):
        names = ("multi_label", "objective", "label")
        values = {
            "task_name": "tsv",
            "data_dir": str(folder),
            "output_dir": str(output_dir),
            "vocab_file": str(folder / "vocab.txt"),
            "max_seq_length": 10,
            **{name: KINDS[kind][name] for name in names if name in KINDS[kind]},
            **others,
        }
        conversion.run(ConversionSettings(**values))

    return convert_texts


@EITHER_KIND
def test_a_run_on_records_is_that_on_texts(convert_texts, run, folder, tmp_path, kind):
    """The test split is wholly unlabelled."""
    data = shutil.copytree(folder, tmp_path / "data")
    rows = (folder / "dev.tsv").read_text().splitlines()
    texts = [row.split("\t")[0] for row in rows]
    (data / "test.tsv").write_text("\n".join(texts) + "\n")
    records = str(tmp_path / "records")
    convert_texts(records, kind, data_dir=str(data), record_shards=2)
    given = {**KINDS[kind], **WHOLE, "data_dir": str(data), "test_file": None}
    first, second, third = (str(tmp_path / name) for name in ("1", "2", "3"))
    results = run("bert", first, **given)
    assert "eval_loss" in results.scores
    assert "test_loss" not in results.scores
    with mock.patch.object(splits, "tokenise", side_effect=AssertionError):
        again = run("bert", second, **given, records_dir=records)
    alone = {"task_name": "records", "data_dir": records, "label": "label"}
    last = run("bert", third, **(given | alone))
    assert results.scores == again.scores == last.scores
    for out in (second, third):
        assert values_of(out).tobytes() == values_of(first).tobytes()
        assert column(out, "gold") == [""] * len(texts[1:])


@pytest.mark.parametrize(
    ("kind", "others", "words"),
    [
        ("several", {}, "expected .* one label each; these have any number of 3 "),
        ("several", NUMBER, "expected .* a number, or .* these have any number of 3"),
        ("number", {"multi_label": True, "labels": LABELS}, "with the labels cold"),
    ],
)
def test_records_of_one_kind_are_not_taken_for_another(
    convert_texts, run, tmp_path, kind, others, words
):
    convert_texts(tmp_path, kind, splits=("train", "dev"))
    given = {"task_name": "records", "data_dir": str(tmp_path), "test_file": None}
    asked = {**WHOLE, **others, **given, "label": "label", "do_predict": False}
    with pytest.raises(DataError, match=words):
        run("bert", tmp_path / "out", **asked | {"best_by": None})


def test_one_label_alone_is_a_question_of_its_own(run, folder, tmp_path):
    """Is a text wet; both engines and the simple classifiers answer that."""
    data = shutil.copytree(folder, tmp_path / "data")
    for split in ("train", "dev"):
        rows = (folder / f"{split}.tsv").read_text().splitlines()[1:]
        cells = [(row.split("\t")[0], ("", "wet")["wet" in row]) for row in rows]
        lines = ["text\tlabels", *map("\t".join, cells)]
        (data / f"{split}.tsv").write_text("\n".join(lines) + "\n")
    given = {**SEVERAL, **WHOLE, "data_dir": str(data), "compare": True}
    results = run("bert", tmp_path / "out", **given)
    assert values_of(tmp_path / "out").shape == (37, 1)
    assert results.scores["eval_macro_f1"] == results.scores["eval_micro_f1"]
    assert results.accuracies["TF-IDF + logistic regression"]["dev"] > 0.9
    again = run("bert", tmp_path / "again", **given, records_dir=str(tmp_path / "out"))
    assert again.scores == results.scores


def test_lists_hold_what_the_settings_say(folder, run, tmp_path):
    train = [(f"w{n} hot", ["hot"]) for n in range(8)]
    train += [(f"w{n} cold", ["cold", "wet"]) for n in range(8)]
    made = ListsProcessor(train=train, dev=train[::3], test=["w1 hot"])
    given = {**SEVERAL, **WHOLE, "label": "label", "test_file": None}
    results = run("bert", tmp_path, **given, task_name="mine", processor=made)
    assert results.answers.labels == ("cold", "hot", "wet")
    assert len(results.predicted("test")) == 1


def test_dealt_splits_of_several_labels(run, folder, tmp_path):
    given = {**SEVERAL, **WHOLE, "split": ("train:0.6", "dev:0.2", "test:0.2")}
    results = run("lstm", tmp_path, **given)
    assert 12 <= len(results.predicted("test")) <= 13
    assert "eval_micro_f1" in results.scores


@EITHER_KIND
def test_a_converted_run_says_what_it_answers(run, tmp_path, kind):
    """In Hugging Face's format and in our own, to those who predict alone."""
    out = tmp_path / "out"
    run("bert", out, **KINDS[kind] | WHOLE | {"threshold": "0.5"})
    source = str(out)
    for to in (WeightsFormat.HUGGING_FACE, WeightsFormat.NATIVE):
        folder = str(tmp_path / to.value)
        convert(Conversion(input=source, output=folder, to=to))
        alone = {"do_train": False, "do_eval": False, "label": KINDS[kind]["label"]}
        run("bert", tmp_path / f"by_{to.value}", **alone, init_checkpoint=folder)
        expected = values_of(out).tobytes()
        assert values_of(tmp_path / f"by_{to.value}").tobytes() == expected
        source = folder


def test_what_a_trained_run_answers_is_asked_of_it_alone(run, several, tmp_path):
    model, out, _ = several
    alone = NUMBER | {"do_train": False, "do_eval": False, "best_by": None}
    with pytest.raises(SettingsError, match="answers by any number of labels: say"):
        run(model, tmp_path, **alone, init_checkpoint=str(out))


@pytest.mark.parametrize("of_what", [SEVERAL, NUMBER])
def test_an_lstm_learns_from_drawn_examples(run, tmp_path, of_what):
    given = {"train_examples": 20, "max_steps": 1, "threshold": "0.5"}
    alone = {"do_eval": False, "do_predict": False, "best_by": None}
    run("lstm", tmp_path, **(of_what | alone | given))
    manifest = json_file.read_object(f"{tmp_path}/train.tf_record.manifest.json")
    assert manifest["examples"] == 20


PLAIN = {"label": "one", "do_eval": False, "test_file": "train.tsv"}


@pytest.mark.parametrize(
    ("asked", "weights", "smoothing"),
    [
        ({"class_weights": ("balanced",)}, None, 0.0),
        ({"class_weights": ("a:3", "b:0.5")}, {"a": 3.0, "b": 0.5}, 0.0),
        ({"label_smoothing": 0.2}, {"a": 1.0, "b": 1.0}, 0.2),
    ],
)
def test_the_loss_of_an_update_is_what_the_formula_says(
    run, tmp_path, asked, weights, smoothing
):
    """The batch is the whole split, nothing is dropped and nothing learned."""
    given = {"max_steps": 1, "train_batch_size": 64, "learning_rate": 0.0}
    whole = {"dropout": 0.0, "input_dropout": 0.0}
    run("lstm", tmp_path, **PLAIN, **given, **whole, **asked)
    gold = column(tmp_path, "gold")
    if weights is None:  # all classes weigh alike
        weights = {label: 1 / gold.count(label) for label in "ab"}
    log = np.log(values_of(tmp_path).astype(np.float64))
    targets = np.array([[label == name for name in "ab"] for label in gold])
    losses = -(log * (targets * (1 - smoothing) + smoothing / 2)).sum(axis=1)
    expected = np.average(losses, weights=[weights[label] for label in gold])
    first = storage.read_text(f"{tmp_path}/metrics.jsonl").splitlines()[0]
    assert json.loads(first)["loss"] == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(-log[targets].mean(), rel=1e-4)
