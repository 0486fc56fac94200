"""What a classifier buys: its accuracy beside simpler ones, on the same splits."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline

from pipelines.classification.answers import Answers
from pipelines.classification.outputs import Outputs
from pipelines.classification.splits import Split
from pipelines.reports import plots
from processors.batches.token_dataset import UNLABELLED
from processors.data_check import text_table
from processors.example import InputExample
from runtime import storage
from runtime.training.training import RunContext

Accuracies = dict[str, dict[str, float]]
"""Classifier to split to accuracy."""

Baselines = Callable[[Split, Mapping[str, Split], RunContext], Accuracies]
"""From the training split and labelled ones: what stands beside a model."""

_log = logging.getLogger(__name__)

MAJORITY, TF_IDF = "majority", "TF-IDF + logistic regression"
MEAN, TF_IDF_RIDGE = "mean", "TF-IDF + ridge regression"
_NGRAMS = (2, 3)  # characters: no words need be known
_STRENGTH = 10.0
_CELLS = 6  # of a column, at least


def compare(
    splits: Mapping[str, Split],
    outputs: Mapping[str, Outputs],
    *,
    answers: Answers,
    name: str,
    baselines: Baselines,
    context: RunContext,
) -> Accuracies:
    """Writes compare.txt and compare.png of the labelled splits that were read.

    Args:
        splits: All of them; the others learn from train.
        outputs: What the run's model says of dev and test.
        answers: What that means.
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
    found = simple(splits["train"], others, answers=answers)
    found |= baselines(splits["train"], others, context)
    found[name] = {
        split: answers.agreement(
            answers.gold(examples), answers.predicted(outputs[split])
        )
        for split, examples in others.items()
    }
    measure = answers.agreement_name
    write(context.path("compare.txt"), found, measure=measure)
    plots.plot_accuracies(context.path("compare.png"), found, measure=measure)
    for line in table(found, measure=measure):
        _log.info("%s", line)
    return found


def simple(
    train: Split, others: Mapping[str, Split], *, answers: Answers
) -> Accuracies:
    """How right simple models are that read no more than counted characters.

    Args:
        train: What they learn from.
        others: Labelled splits.
        answers: What is to be answered.

    Returns:
        Model to split to agreement: always the most frequent answer, or the mean; and
        a linear model of TF-IDF of runs of 2 and 3 characters.
    """
    gold, texts = answers.gold(train), _texts(train.examples)
    return {
        name: {
            split: answers.agreement(
                answers.gold(other), fitted.predict(_texts(other.examples))
            )
            for split, other in others.items()
        }
        for name, model in _simple_models(gold).items()
        for fitted in [model.fit(texts, gold)]
    }


def _simple_models(gold: np.ndarray) -> dict[str, Any]:
    """Name to an untrained model, by the form of what it is to answer."""
    if gold.dtype.kind == "f":
        return {MEAN: DummyRegressor(), TF_IDF_RIDGE: _on_characters(Ridge())}
    models: dict[str, Any] = {MAJORITY: DummyClassifier(strategy="most_frequent")}
    # With a million runs of characters this solver takes a tenth of the time.
    regression = LogisticRegression(
        C=_STRENGTH, solver="newton-cg", tol=1e-3, max_iter=1000
    )
    if gold.ndim == 2:
        models[TF_IDF] = _on_characters(OneVsRestClassifier(regression))
    elif len(np.unique(gold)) > 1:
        models[TF_IDF] = _on_characters(regression)
    return models


def _on_characters(model: Any) -> Any:
    """The model on TF-IDF of runs of characters."""
    return make_pipeline(
        TfidfVectorizer(
            analyzer="char", ngram_range=_NGRAMS, sublinear_tf=True, dtype=np.float32
        ),
        model,
    )


def write(
    path: str, accuracies: Mapping[str, Mapping[str, float]], *, measure: str
) -> None:
    """Writes the accuracies as a table.

    Args:
        path: The text file.
        accuracies: Classifier to split to accuracy.
        measure: What these numbers are called.
    """
    storage.write_text(path, "\n".join(table(accuracies, measure=measure)) + "\n")


def table(accuracies: Mapping[str, Mapping[str, float]], *, measure: str) -> list[str]:
    """The accuracies as lines: a classifier a row, a split a column."""
    splits = list(dict.fromkeys(s for row in accuracies.values() for s in row))
    rows = [
        [name, *(f"{row[split]:.3f}" for split in splits)]
        for name, row in accuracies.items()
    ]
    head = [measure, *splits]
    return text_table.aligned([head, *rows], least=[_CELLS] * len(head)).splitlines()


def _texts(examples: Sequence[InputExample]) -> list[str]:
    """Both texts of a pair, with a mark between that is in neither."""
    return [
        example.text_a
        if example.text_b is None
        else f"{example.text_a}\x1f{example.text_b}"
        for example in examples
    ]
