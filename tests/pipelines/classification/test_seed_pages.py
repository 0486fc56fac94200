import numpy as np
import pytest
import scipy.stats

from pipelines.classification import seed_pages
from pipelines.classification.seed_results import SeedResult

DEV = {0: 0.61, 4: 0.58, 7: 0.64}
SIMPLE = {0: 0.5, 4: 0.55, 7: 0.52}


@pytest.fixture
def results():
    return [
        SeedResult(
            seed=seed,
            scores={"eval_accuracy": DEV[seed], "test_accuracy": 0.7},
            measure="accuracy",
            accuracies={
                "TF-IDF": {"dev": SIMPLE[seed], "test": 0.25},
                "this run": {"dev": DEV[seed], "test": 0.7},
            },
        )
        for seed in DEV
    ]


def lines_of(page, *, label):
    """The numbers of the lines that begin with a label."""
    found = [line for line in page.splitlines() if line.startswith(label + "  ")]
    return [[float(cell) for cell in line[len(label) :].split()] for line in found]


def test_scores_of_each_seed_and_what_they_say_together(results):
    page = seed_pages.scores(results, task="livedoor", drawn=("which examples",))
    values = np.array(list(DEV.values()))
    low, high = scipy.stats.t.interval(
        0.95, 2, loc=values.mean(), scale=scipy.stats.sem(values)
    )
    expected = [values.mean(), np.std(values, ddof=1), low, high, *values]
    assert lines_of(page, label="eval_accuracy") == [pytest.approx(expected, abs=5e-5)]
    assert lines_of(page, label="test_accuracy") == [[0.7, 0, 0.7, 0.7, *[0.7] * 3]]
    heading = ["mean", "deviation", "from", "to", "seed", "0", "seed", "4", "seed", "7"]
    assert heading in [line.split() for line in page.splitlines()]
    assert "3 runs on the task livedoor" in page
    assert "- dropout\n- which examples\n" in page


def test_differences_are_paired(results):
    page = seed_pages.comparison(results)
    own, simple = np.array(list(DEV.values())), np.array(list(SIMPLE.values()))
    paired = scipy.stats.ttest_rel(own, simple)
    low, high = paired.confidence_interval(0.95)
    expected = [simple.mean(), simple.std(ddof=1), (own - simple).mean(), low, high]
    on_dev, on_test = lines_of(page, label="TF-IDF")
    assert on_dev == pytest.approx(expected, abs=5e-5)
    assert on_test == pytest.approx([0.25, 0, 0.45, 0.45, 0.45])
    assert lines_of(page, label="this run")[1] == [0.7, 0]
    assert page.startswith("Means over the seeds 0, 4, 7.\n")


def test_one_sentence_says_who_is_ahead(results):
    """0.087 ahead by the mean, and between -0.03 and 0.2 for other seeds."""
    assert seed_pages.comparison(results).splitlines()[-1] == (
        "In one sentence: this run is 0.087 ahead of TF-IDF on dev, less than other"
        " seeds may change and 0.450 ahead of TF-IDF on test."
    )


def test_the_best_of_the_others_is_named(results):
    for result in results:
        result.accuracies["frozen"] = {"dev": 0.9, "test": 0.1}
        result.accuracies["this run"] = result.accuracies.pop("this run")
    last = seed_pages.comparison(results).splitlines()[-1]
    assert last.startswith("In one sentence: this run is 0.290 behind frozen on dev")
    assert last.endswith("0.450 ahead of TF-IDF on test.")
