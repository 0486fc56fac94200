"""A whole experiment of very small models."""

import json
import os
import shutil

import pytest

from lstm_pretrain.experiment import cell_training
from lstm_pretrain.experiment import run as experiment
from lstm_pretrain.experiment.cells import Results, Start
from lstm_pretrain.experiment.preparation import prepare
from lstm_pretrain.experiment.settings import ExperimentSettings
from lstm_pretrain.model.config import Trained, Transfer
from runtime.devices.placement import Accelerator
from runtime.errors import DataError, SettingsError, StorageError
from runtime.training import run_lock


@pytest.fixture(scope="module")
def run(words_task, place_on, backend):
    def run(output_dir, **others):
        values = {
            **words_task,
            "accelerator": Accelerator.CPU,
            "backend": backend,
            "output_dir": str(output_dir),
            "lm_epochs": 1.0,
            "lm_batch_size": 8,
            "num_train_epochs": 2.0,
            "train_sizes": ("all", "20"),
            "seeds": 2,
            **others,
        }
        experiment.run(prepare(ExperimentSettings(**values)), placement=place_on())
        return str(output_dir)

    return run


@pytest.fixture(scope="module")
def finished(run, tmp_path_factory):
    """The folder of a finished experiment; not to be changed."""
    return run(tmp_path_factory.mktemp("experiment") / "out")


def results_of(folder):
    return Results(f"{folder}/results.jsonl").read()


def test_every_cell_is_there_once(finished):
    cells = [result.cell for result in results_of(finished)]
    assert {(c.size, c.seed, c.start) for c in cells} == {
        (size, seed, start) for size in (60, 20) for seed in (0, 1) for start in Start
    }
    assert len(cells) == 8
    for result in results_of(finished):
        assert len(result.dev_accuracies) == len(result.train_losses) == 2
        assert 0 <= result.test_accuracy <= 1


def test_it_leaves_its_reports(finished):
    assert {
        "experiment.json",
        "results.jsonl",
        "summary.txt",
        "learning_curve.png",
        "data_size_curve.png",
        "language_model",
    } <= set(os.listdir(finished))
    for name in ("learning_curve.png", "data_size_curve.png"):
        with open(f"{finished}/{name}", "rb") as file:
            assert file.read(8) == b"\x89PNG\r\n\x1a\n"


@pytest.mark.slow
def test_an_interrupted_experiment_goes_on_with_the_missing_cells(
    run, finished, tmp_path, monkeypatch
):
    folder = shutil.copytree(finished, str(tmp_path / "copy"))
    path = f"{folder}/results.jsonl"
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(lines[:5])
    trained = []
    build = cell_training.build_engine

    def counted(*args, **options):
        trained.append(options["total"])
        return build(*args, **options)

    monkeypatch.setattr(cell_training, "build_engine", counted)
    run(folder, seeds=2)
    assert len(trained) == 3
    for ours, theirs in zip(results_of(folder), results_of(finished), strict=True):
        assert ours.cell == theirs.cell
        assert ours.dev_losses == theirs.dev_losses
        assert ours.test_accuracy == theirs.test_accuracy


def test_several_processes_come_to_the_same(run, finished, tmp_path):
    folder = shutil.copytree(finished, str(tmp_path / "copy"))
    os.remove(f"{folder}/results.jsonl")
    run(folder, train_sizes=("20",), seeds=1, workers=2)
    alone = {result.cell: result for result in results_of(finished)}
    together = results_of(folder)
    assert [result.cell.start for result in together] == [*Start]
    for result in together:
        same = alone[result.cell]
        assert result.dev_losses == same.dev_losses
        assert result.test_accuracy == same.test_accuracy


def test_a_head_alone_stands_beside_the_same_random_starts(run, finished, tmp_path):
    told = {"train": Trained.HEAD, "patience": 3}
    folder = run(tmp_path / "out", train_sizes=("20",), seeds=1, **told)
    pretrained, scratch = results_of(folder)
    assert len(pretrained.dev_accuracies) == len(pretrained.train_losses) == 1
    assert pretrained.test_accuracy == pretrained.last_test_accuracy
    [same] = [each for each in results_of(finished) if each.cell == scratch.cell]
    assert scratch.dev_losses == same.dev_losses
    assert scratch.test_accuracy == same.test_accuracy


@pytest.mark.slow
def test_a_language_model_that_gets_no_better_ends_early(run, tmp_path):
    told = {"lm_epochs": 9.0, "min_improvement": 5.0, "patience": 2}
    folder = run(tmp_path / "out", train_sizes=("20",), seeds=1, **told)
    with open(f"{folder}/language_model/metrics.jsonl", encoding="utf-8") as file:
        evaluations = [line for line in file if "eval_loss" in line]
    assert len(evaluations) == 3
    assert len(results_of(folder)) == 2


def test_another_experiments_folder_is_refused(run, finished, tmp_path):
    folder = shutil.copytree(finished, str(tmp_path / "copy"))
    with pytest.raises(SettingsError, match=r"dropout: 0\.5 there, 0\.25 here"):
        run(folder, dropout=0.25)


def test_its_data_are_reported_on(finished):
    for folder in ("language_model", "classifiers"):
        with open(f"{finished}/{folder}/data_report.txt", encoding="utf-8") as file:
            assert file.read().startswith("Data report\n")


def test_two_processes_do_not_share_an_experiment(run, tmp_path):
    with (
        run_lock.hold(str(tmp_path)),
        pytest.raises(StorageError, match="is in use by process"),
    ):
        run(tmp_path)


def test_a_test_split_that_is_not_labelled(run, finished, tmp_path):
    with open(f"{finished}/experiment.json", encoding="utf-8") as file:
        there = file.read()
    data, folder = tmp_path / "data", tmp_path / "copy"
    shutil.copytree(json.loads(there)["data_dir"], data)
    (data / "test.tsv").write_text("text\tlabel\nhot w1\thot\nhot w2\thot\n")
    shutil.copytree(finished, folder)
    there = there.replace(json.loads(there)["data_dir"], str(data))
    (folder / "experiment.json").write_text(there)
    with pytest.raises(
        DataError, match=r"accuracy on the test split, which is not labelled\. The only"
    ):
        run(folder, data_dir=str(data))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"train_sizes": ("some",)}, "--train_sizes: expected all or a number"),
        ({"lm_epochs": 0.0}, "--lm_epochs must be above 0"),
        ({"tuning_epochs": 2.0}, "name the first one's by --lm_task_name"),
        ({"seeds": 0}, "--seeds must be at least 1"),
        ({"workers": 0}, "--workers must be at least 1"),
        ({"patience": 0}, "--patience must be at least 1"),
        ({"lm_dropout": 1.0}, r"--lm_dropout must lie in \[0, 1\)"),
        ({"lm_learning_rate": -1.0}, "--lm_learning_rate must be at least 0"),
        (
            {"train": Trained.HEAD, "transfer": Transfer.EMBEDDING},
            "--transfer=embedding takes over none",
        ),
    ],
)
def test_settings(words_task, values, problem):
    with pytest.raises(SettingsError, match=problem):
        ExperimentSettings(**words_task, output_dir="out", **values)


def test_the_stages_of_the_language_model(words_task):
    settings = ExperimentSettings(
        **words_task,
        output_dir="out",
        lm_task_name="lines",
        lm_data_dir="texts",
        lm_dropout=0.2,
        tuning_epochs=3.0,
        score_test=True,
    )
    first, second = settings.language_model(), settings.tuning()
    assert (first.task_name, first.data_dir) == ("lines", "texts")
    assert first.dropout == second.dropout == 0.2
    assert second.task_name == "tsv"
    assert second.init_checkpoint == first.output_dir
    assert second.num_train_epochs == 3.0


def test_the_classifiers_read_the_vocabulary_of_the_language_model(words_task):
    settings = ExperimentSettings(
        **words_task, output_dir="out", vocab_size=50, tie_weights=True
    )
    assert settings.language_model().vocab_size == 50
    classifier = settings.classifier(init_checkpoint="out/language_model")
    assert classifier.vocab_size is classifier.tie_weights is None
    assert classifier.output_dir == "out/classifiers"
    assert classifier.units is settings.units
