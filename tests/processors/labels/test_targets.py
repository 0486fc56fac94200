import pytest

from processors.labels import targets
from processors.labels.targets import Objective, Targets


@pytest.mark.parametrize(
    ("objective", "multi_label", "found", "shape"),
    [
        (Objective.CLASSIFICATION, False, Targets.LABEL, None),
        (Objective.CLASSIFICATION, True, Targets.LABELS, (4,)),
        (Objective.REGRESSION, False, Targets.NUMBER, ()),
    ],
)
def test_what_an_example_has_to_learn(objective, multi_label, found, shape):
    assert targets.of(objective, multi_label=multi_label) is found
    assert found.shape(4) == shape


def test_the_objective_of_pre_training_says_nothing_of_targets():
    assert targets.of_settings({"objective": "mlm_nsp"}) is None
    said = {"objective": "regression", "multi_label": False}
    assert targets.of_settings(said) is targets.Targets.NUMBER
