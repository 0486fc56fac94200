"""Folders as runs leave them, written by what writes them in a run."""

import json

import numpy as np
import pytest

from pipelines.reports import label_sets, report
from processors.example import InputExample

LABELS = ("hot", "cold", "<b>mild</b>")
TEXTS = (
    "<script>alert(1)</script>",
    "",
    "長い" * 5000,
    "\u202eright to left\tand a tab",
    "=1+1",
    "plain & simple",
)


def write_predictions(path, *, gold, predicted, probabilities, texts=TEXTS):
    """A table of one label a text; the texts again and again."""
    examples = [
        InputExample(f"test-{n}", texts[n % len(texts)], label=LABELS[label])
        for n, label in enumerate(gold)
    ]
    report.write_predictions(
        str(path),
        examples=examples,
        predicted=np.array(predicted),
        probabilities=np.asarray(probabilities, np.float32),
        labels=LABELS,
    )


@pytest.fixture
def make_run(tmp_path):
    """Makes a run's folder; returns it with gold and predicted label ids."""

    def make(name="run", *, seed=0, wrong=0.3, count=60, dev=True):
        folder = tmp_path / name
        folder.mkdir()
        gold = np.random.default_rng(7).integers(0, 3, count)
        random = np.random.default_rng(seed)
        predicted = np.where(random.random(count) < wrong, (gold + 1) % 3, gold)
        probabilities = random.dirichlet([1, 1, 1], count)
        told = {"gold": gold, "predicted": predicted, "probabilities": probabilities}
        write_predictions(folder / "predictions.tsv", **told)
        if dev:
            write_predictions(folder / "eval_predictions.tsv", **told)
        report.write_labels(f"{folder}/labels.txt", LABELS)
        report.write_confusion_matrix(
            f"{folder}/confusion_matrix.txt",
            gold=gold,
            predicted=predicted,
            labels=LABELS,
        )
        accuracy = np.float32(np.mean(gold == predicted))
        results = {"eval_accuracy": accuracy, "eval_loss": 0.5, "global_step": 20}
        report.write_eval_results(f"{folder}/eval_results.txt", results)
        record = {
            "command_line": ["run"],
            "fingerprints": {"labels": LABELS},
            "settings": {
                "task_name": "weather <i>",
                "multi_label": False,
                "objective": "classification",
                "seed": seed,
                "output_dir": str(folder),
            },
            "versions": {"python": "3"},
        }
        (folder / "run.json").write_text(json.dumps(record))
        metrics = [{"step": n, "loss": 1 / n} for n in range(1, 21)]
        metrics += [{"step": 20, "eval_loss": None, "eval_accuracy": float(accuracy)}]
        lines = "".join(json.dumps(line) + "\n" for line in metrics)
        (folder / "metrics.jsonl").write_text(lines)
        (folder / "compare.txt").write_text(
            "accuracy                      dev   test\n"
            "majority                    0.333  0.333\n"
            "this run, --train=full      0.700  0.700\n"
        )
        (folder / "data_report.txt").write_text("Data report\n\n<train> & <dev>\n")
        return str(folder), gold, predicted

    return make


@pytest.fixture
def several_labels(tmp_path):
    """A table of any number of labels a text; returns it with gold and predicted."""
    random = np.random.default_rng(3)
    gold, predicted = random.random((2, 40, 3)) < 0.4
    examples = [
        InputExample(f"t-{n}", "text", labels=tuple(np.array(LABELS)[has].tolist()))
        for n, has in enumerate(gold)
    ]
    path = f"{tmp_path}/predictions.tsv"
    label_sets.write_label_predictions(
        path,
        examples=examples,
        predicted=predicted,
        probabilities=random.random((40, 3)),
        labels=LABELS,
    )
    return path, gold, predicted


@pytest.fixture
def numbers(tmp_path):
    """A table of numbers; returns it with gold and predicted."""
    random = np.random.default_rng(3)
    gold = random.integers(0, 6, 50).astype(float)
    predicted = (gold + random.normal(size=50)).round(1)
    examples = [InputExample(f"t-{n}", "text", number=x) for n, x in enumerate(gold)]
    path = f"{tmp_path}/predictions.tsv"
    report.write_answers(
        path,
        examples=examples,
        answers=[(str(a), str(b)) for a, b in zip(gold, predicted, strict=True)],
        columns=("gold", "predicted"),
    )
    return path, gold, predicted
