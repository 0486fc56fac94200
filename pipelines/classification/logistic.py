"""Logistic regression on vectors that are not trained, by scikit-learn."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from runtime.errors import DataError

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
_FOLDS = 3
_ASKED = 1000  # examples
_PRECISE = 1e-3  # half the steps of 1e-4
_MOST_STEPS = 2000
_NEVER = -1e4  # the score of a label that no example has


@dataclasses.dataclass(frozen=True, eq=False)
class Head:
    """A linear layer whose softmax is the regression.

    Attributes:
        weights: float32 `[num_labels, size]`.
        bias: float32 `[num_labels]`.
        strength: The regularisation that was chosen, scikit-learn's C.
    """

    weights: np.ndarray
    bias: np.ndarray
    strength: float

    def predicted(self, vectors: np.ndarray) -> np.ndarray:
        """The most probable label ids, int64 `[examples]`.

        Args:
            vectors: float32 `[examples, size]`.
        """
        best: np.ndarray = (vectors @ self.weights.T + self.bias).argmax(axis=1)
        return best


def fit(
    vectors: np.ndarray, label_ids: np.ndarray, *, num_labels: int, seed: int
) -> Head:
    """Fits a head; the regularisation is chosen by three-fold cross-validation.

    Of few examples one cross-validation says little: it is done again on other folds
    until a thousand examples were left out and asked.

    Args:
        vectors: float32 `[examples, size]`.
        label_ids: int32 `[examples]`.
        num_labels: Outputs of the head.
        seed: Of the folds.

    Raises:
        DataError: Fewer than two labels have as many examples as there are folds.
    """
    present, counts = np.unique(label_ids, return_counts=True)
    enough = int(np.sum(counts >= _FOLDS))
    if enough < 2:
        raise DataError(
            f"--train=head expects at least two labels with {_FOLDS} training examples "
            f"each; of {len(present)} labels {enough} have as many."
        )
    search = GridSearchCV(
        make_pipeline(
            StandardScaler(), LogisticRegression(tol=_PRECISE, max_iter=_MOST_STEPS)
        ),
        {"logisticregression__C": _STRENGTHS},
        cv=list(_splits(label_ids, seed=seed)),
    )
    with threadpool_limits(1):  # matrices are so small that threads take longer
        search.fit(vectors, label_ids)
    scaler, regression = (step for _, step in search.best_estimator_.steps)
    slopes, offsets = regression.coef_, regression.intercept_
    if len(present) == 2:  # one row, for the second label
        slopes = np.concatenate([np.zeros_like(slopes), slopes])
        offsets = np.concatenate([np.zeros_like(offsets), offsets])
    slopes = slopes / scaler.scale_
    weights = np.zeros((num_labels, vectors.shape[1]), np.float32)
    bias = np.full(num_labels, _NEVER, np.float32)
    weights[present] = slopes
    bias[present] = offsets - slopes @ scaler.mean_
    return Head(weights, bias, strength=float(regression.C))


def _splits(
    label_ids: np.ndarray, *, seed: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yields which examples are learned from and which are asked."""
    for repeat in range(max(_ASKED // len(label_ids), 1)):
        folds = StratifiedKFold(
            _FOLDS, shuffle=True, random_state=(seed + repeat) % 2**32
        )
        with warnings.catch_warnings():  # of labels that are rarer than folds
            warnings.filterwarnings("ignore", "The least populated class", UserWarning)
            yield from folds.split(label_ids, label_ids)
