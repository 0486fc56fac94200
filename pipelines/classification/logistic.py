"""Logistic regression on vectors that are not trained, by scikit-learn."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from runtime.errors import DataError

_STRENGTHS = (0.001, 0.01, 0.1, 1.0)
_FOLDS = 3
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
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed),
    )
    with warnings.catch_warnings():  # of labels that are rarer than folds
        warnings.filterwarnings("ignore", "The least populated class", UserWarning)
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
