import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from pipelines.classification import logistic
from runtime.errors import DataError


def make_data(labels, *, seed=0):
    random = np.random.RandomState(seed)
    label_ids = np.repeat(labels, 30)
    centres = random.normal(0, 3, (max(labels) + 1, 4))
    vectors = centres[label_ids] + random.normal(5, 1.5, (len(label_ids), 4))
    return vectors.astype(np.float32), label_ids.astype(np.int32)


def softmax(scores):
    shares = np.exp(scores - scores.max(axis=1, keepdims=True))
    return shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, 2, 3]])
def test_the_head_says_what_the_regression_says(labels):
    vectors, label_ids = make_data(labels)
    head = logistic.fit(vectors, label_ids, num_labels=4, seed=0)
    assert head.weights.shape == (4, 4)
    found = softmax(vectors @ head.weights.T + head.bias)
    scaled = StandardScaler().fit_transform(vectors)
    expected = LogisticRegression(C=head.strength, max_iter=2000)
    expected = expected.fit(scaled, label_ids).predict_proba(scaled)
    np.testing.assert_allclose(found[:, labels], expected, atol=2e-3)
    absent = [n for n in range(4) if n not in labels]
    assert found[:, absent].max() < 1e-6
    assert (found.argmax(axis=1) == label_ids).mean() > 0.9


def test_a_label_that_is_rarer_than_folds_is_learned_too(recwarn):
    vectors, label_ids = make_data([0, 1, 2])
    kept = np.r_[0:60, 60:62]  # two examples of the last
    head = logistic.fit(vectors[kept], label_ids[kept], num_labels=3, seed=0)
    assert (head.predicted(vectors) == label_ids)[:60].mean() > 0.9
    assert head.bias.min() > -100
    assert not recwarn.list


@pytest.mark.parametrize("label_ids", [[0] * 20, [0] * 20 + [1] * 2])
def test_too_few_examples(label_ids):
    vectors = np.zeros((len(label_ids), 2), np.float32)
    with pytest.raises(DataError, match="at least two labels"):
        logistic.fit(vectors, np.array(label_ids), num_labels=2, seed=0)
