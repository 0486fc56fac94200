"""What a classifier buys: its accuracy beside simpler ones, on the same splits."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import plots
from processors.batches.token_dataset import UNLABELLED
from processors.example import InputExample
from runtime import storage
from runtime.training.training import RunContext

Accuracies = dict[str, dict[str, float]]
"""Classifier to split to accuracy."""

Baselines = Callable[[Split, Mapping[str, Split], RunContext], Accuracies]
"""From the training split and labelled ones: what stands beside a model."""

_log = logging.getLogger(__name__)

MAJORITY, TF_IDF = "majority", "TF-IDF + logistic regression"
_NGRAMS = (2, 3)  # characters: no words need be known
_STRENGTH = 10.0


def compare(
    splits: Mapping[str, Split],
    outputs: Mapping[str, Outputs],
    *,
    name: str,
    baselines: Baselines,
    context: RunContext,
) -> Accuracies:
    """Writes compare.txt and compare.png of the labelled splits that were read.

    Args:
        splits: All of them; the others learn from train.
        outputs: What the run's model says of dev and test.
        name: What the model is called there.
        baselines: What else stands beside it.
        context: Where the run writes.

    Returns:
        The accuracies; none where no split is labelled.
    """
    others = {
        split: splits[split]
        for split in outputs
        if splits[split].dataset.label_ids.min() != UNLABELLED
    }
    if not others:
        _log.warning("No split is labelled: there is nothing to compare.")
        return {}
    found = simple(splits["train"], others)
    found |= baselines(splits["train"], others, context)
    found[name] = {
        split: float(np.mean(outputs[split].predicted == examples.dataset.label_ids))
        for split, examples in others.items()
    }
    write(context.path("compare.txt"), found)
    plots.plot_accuracies(context.path("compare.png"), found)
    for line in table(found):
        _log.info("%s", line)
    return found


def simple(train: Split, others: Mapping[str, Split]) -> Accuracies:
    """Accuracies of the most frequent label and of counted characters.

    Args:
        train: What they learn from.
        others: Labelled splits.
    """
    predictions = _remembered(
        tuple(train.examples),
        tuple((name, tuple(split.examples)) for name, split in others.items()),
    )
    return {
        classifier: {
            name: accuracy(others[name].examples, predicted)
            for name, predicted in by_split.items()
        }
        for classifier, by_split in predictions.items()
    }


@functools.lru_cache(maxsize=1)
def _remembered(
    train: tuple[InputExample, ...],
    others: tuple[tuple[str, tuple[InputExample, ...]], ...],
) -> dict[str, dict[str, list[str]]]:
    """`simple_predictions`, kept: the runs of several seeds ask for the same."""
    return simple_predictions(train, dict(others))


def simple_predictions(
    train: Sequence[InputExample], others: Mapping[str, Sequence[InputExample]]
) -> dict[str, dict[str, list[str]]]:
    """What two simple classifiers say.

    Args:
        train: Labelled examples.
        others: Splits to label.

    Returns:
        Classifier to split to labels: the most frequent label of the training split;
        and a logistic regression on TF-IDF of runs of 2 and 3 characters.
    """
    gold = [str(example.label) for example in train]
    names, counts = np.unique(gold, return_counts=True)
    most = str(names[counts.argmax()])
    found: dict[str, dict[str, list[str]]] = {
        MAJORITY: {split: [most] * len(rows) for split, rows in others.items()}
    }
    if len(names) > 1:
        model = make_pipeline(
            TfidfVectorizer(
                analyzer="char",
                ngram_range=_NGRAMS,
                sublinear_tf=True,
                dtype=np.float32,
            ),
            # With a million runs of characters this solver takes a tenth of the time.
            LogisticRegression(
                C=_STRENGTH, solver="newton-cg", tol=1e-3, max_iter=1000
            ),
        ).fit(_texts(train), gold)
        found[TF_IDF] = {
            split: model.predict(_texts(rows)).tolist()
            for split, rows in others.items()
        }
    return found


def accuracy(examples: Sequence[InputExample], predicted: Sequence[str]) -> float:
    """Share of the examples whose label is predicted."""
    return float(
        np.mean([e.label == p for e, p in zip(examples, predicted, strict=True)])
    )


def write(path: str, accuracies: Mapping[str, Mapping[str, float]]) -> None:
    """Writes the accuracies as a table.

    Args:
        path: The text file.
        accuracies: Classifier to split to accuracy.
    """
    storage.write_text(path, "\n".join(table(accuracies)) + "\n")


def table(accuracies: Mapping[str, Mapping[str, float]]) -> list[str]:
    """The accuracies as lines: a classifier a row, a split a column."""
    splits = list(dict.fromkeys(s for row in accuracies.values() for s in row))
    width = max(map(len, accuracies))
    lines = [f"{'accuracy':<{width}}" + "".join(f"{split:>8}" for split in splits)]
    return lines + [
        f"{name:<{width}}" + "".join(f"{row[split]:8.3f}" for split in splits)
        for name, row in accuracies.items()
    ]


def _texts(examples: Sequence[InputExample]) -> list[str]:
    """Both texts of a pair, with a mark between that is in neither."""
    return [
        example.text_a
        if example.text_b is None
        else f"{example.text_a}\x1f{example.text_b}"
        for example in examples
    ]
