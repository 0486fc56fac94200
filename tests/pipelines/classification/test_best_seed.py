import json
import logging

import pytest

from pipelines.classification import best_seed


@pytest.fixture
def folder(tmp_path):
    """Makes the folder of some seeds: their dev scores, and what they watched."""

    def make(scores, **settings):
        (tmp_path / "seeds.txt").write_text("means")
        for seed, found in scores.items():
            run = tmp_path / f"seed-{seed}"
            run.mkdir()
            asked = {"multi_label": False, "objective": "classification", **settings}
            record = {"settings": asked, "fingerprints": {}}
            (run / "run.json").write_text(json.dumps(record))
            if found is not None:
                content = {"scores": found, "accuracies": [], "measure": "accuracy"}
                (run / "result.json").write_text(json.dumps(content))
        return str(tmp_path)

    return make


def of(accuracy, loss=1.0):
    return {"eval_accuracy": accuracy, "eval_loss": loss}


def test_the_best_answers_for_all_and_that_is_said(folder, caplog):
    caplog.set_level(logging.INFO)
    path = folder({0: of(0.8), 1: of(0.9), 2: of(0.7)})
    assert best_seed.folder_meant(path) == f"{path}/seed-1"
    assert caplog.messages == [
        f"{path} holds 3 runs: seed-1 answers, whose eval_accuracy of 0.9 is the best."
    ]


def test_of_equal_ones_the_first(folder):
    path = folder({0: of(0.8), 1: of(0.9), 2: of(0.9)})
    assert best_seed.folder_meant(path) == f"{path}/seed-1"


def test_what_the_runs_watched_decides(folder):
    path = folder({0: of(0.8, loss=0.2), 1: of(0.9, loss=0.3)}, best_by="eval_loss")
    assert best_seed.folder_meant(path) == f"{path}/seed-0"


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"multi_label": True}, "eval_micro_f1"),
        ({"objective": "regression"}, "eval_pearson"),
    ],
)
def test_targets_of_other_kinds_have_scores_of_their_own(folder, settings, name):
    path = folder({0: {name: 0.1}, 1: {name: 0.2}}, **settings)
    assert best_seed.folder_meant(path) == f"{path}/seed-1"


def test_one_that_is_not_done_does_not_answer(folder):
    path = folder({0: None, 1: of(0.5)})
    assert best_seed.folder_meant(path) == f"{path}/seed-1"


@pytest.mark.parametrize("scores", [{}, {0: None}, {0: {"test_accuracy": 1.0}}])
def test_without_scores_of_dev_none_is_chosen(folder, scores):
    path = folder(scores)
    assert best_seed.folder_meant(path) == path


def test_a_run_by_itself_is_left_alone(tmp_path):
    (tmp_path / "seed-1").mkdir()
    assert best_seed.folder_meant(str(tmp_path)) == str(tmp_path)
    assert best_seed.folder_meant("bundled:ja-mini") == "bundled:ja-mini"
