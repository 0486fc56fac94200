import keras
import numpy as np
import pytest
from keras import ops

from runtime.engine.objectives import ClassificationObjective
from tests.tf_bert.pairs import golden
from tf_bert.pairs.ranking import RankedObjective, ranking_losses

PAIRS = golden.GOLDEN["ranking/pairs"].astype(np.int32)


def losses(pairs):
    found = ranking_losses(
        ops.convert_to_tensor(golden.GOLDEN["mean_vectors"]),
        text_a=ops.convert_to_tensor(pairs[:, 0]),
        text_b=ops.convert_to_tensor(pairs[:, 1]),
    )
    return keras.ops.convert_to_numpy(found)


def test_the_loss_is_that_of_the_independent_program():
    expected = golden.GOLDEN["ranking/loss_scale20"]
    np.testing.assert_allclose(losses(PAIRS).mean(), expected, rtol=1e-4)


def test_a_second_text_is_no_rival_of_itself():
    """Else a pair that stands twice in a batch could not be right."""
    twice = losses(np.concatenate([PAIRS, PAIRS[:1]]))
    np.testing.assert_allclose(twice[0], losses(PAIRS)[0], rtol=1e-5)
    np.testing.assert_allclose(twice[-1], losses(PAIRS)[0], rtol=1e-5)
    assert twice[1] > losses(PAIRS)[1]  # to which it is one rival more


class OfVectors:
    """A model whose vectors and logits are known."""

    def encode(self, block, training):
        assert training
        del block

        class Encoded:
            vectors = ops.convert_to_tensor(golden.GOLDEN["mean_vectors"])

        return Encoded

    def logits(self, encoded, block):
        del encoded, block
        return ops.zeros((len(PAIRS), 3))


@pytest.mark.parametrize("label_id", [0, 1])
def test_pairs_of_the_label_are_ranked_beside_their_labels(label_id):
    labels = np.array([0, 1, 0, 2, 1, 0], np.int32)
    weight = np.full(6, 1 / 6, np.float32)
    block = {
        "label_ids": ops.convert_to_tensor(labels),
        "loss_weight": ops.convert_to_tensor(weight),
        "text_a": ops.convert_to_tensor(PAIRS[:, 0]),
        "text_b": ops.convert_to_tensor(PAIRS[:, 1]),
    }
    objective = RankedObjective(
        labels=ClassificationObjective(), weight=0.5, label_id=label_id
    )
    found = float(keras.ops.convert_to_numpy(objective.loss(OfVectors(), block)))
    ranked = (losses(PAIRS) * (labels == label_id)).sum() / 6
    np.testing.assert_allclose(found, np.log(3) + 0.5 * ranked, rtol=1e-5)
