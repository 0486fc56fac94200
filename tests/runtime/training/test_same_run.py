import pytest

from runtime.errors import SettingsError
from runtime.training import same_run
from runtime.training.same_run import Trait

RECORDED = {"rate": 0.5, "epochs": 1.0, "model": {"size": 4, "layers": 2}, "names": []}


def traits(*, rate=0.5, epochs=1.0, size=4, names=()):
    return [
        Trait(name="rate", value=rate, accept="learning_rate"),
        Trait(name="epochs", value=epochs, accept="num_train_epochs"),
        Trait(name="model", value={"size": size, "layers": 2}, differ=same_run.by_key),
        Trait(name="names", value=names, accept="data_dir"),
        Trait(name="of a later version", value=1, accept="ema"),
    ]


def refused(found, *, accepted=()):
    with pytest.raises(SettingsError) as caught:
        same_run.refuse_other_run("OUT", found, recorded=RECORDED, accepted=accepted)
    return caught.value.problems


def test_the_same_run_goes_on():
    assert same_run.refuse_other_run("OUT", traits(), recorded=RECORDED) == []


def test_all_that_differs_is_named_with_a_line_that_is_enough():
    other = traits(rate=0.1, epochs=2.0)
    assert refused(other) == (
        "OUT holds the checkpoints of another run. Choose another --output_dir, pass"
        " that run's values, or go on from there with"
        " --accept_changed=learning_rate,num_train_epochs:",
        "rate: 0.5 there, 0.1 here.",
        "epochs: 1.0 there, 2.0 here.",
    )
    accepted = ("learning_rate", "num_train_epochs")
    assert same_run.refuse_other_run(
        "OUT", other, recorded=RECORDED, accepted=accepted
    ) == ["rate: 0.5 there, 0.1 here.", "epochs: 1.0 there, 2.0 here."]


def test_the_line_repeats_what_was_accepted_already():
    advice, *problems = refused(
        traits(rate=0.1, epochs=2.0), accepted=["learning_rate"]
    )
    assert "--accept_changed=learning_rate,num_train_epochs:" in advice
    assert problems == ["epochs: 1.0 there, 2.0 here."]


def test_what_does_not_fit_cannot_be_accepted():
    advice, *problems = refused(traits(rate=0.1, size=8))
    assert "--accept_changed" not in advice
    assert problems == [
        "rate: 0.5 there, 0.1 here.",
        "model: size 4 there, 8 here.",
    ]
    refused(traits(size=8), accepted=["model"])


def test_names_that_let_nothing_pass_are_refused_with_those_that_would():
    same_run.refuse_unknown_names(traits(), accepted=["data_dir"])
    with pytest.raises(SettingsError) as caught:
        same_run.refuse_unknown_names(traits(), accepted=["model", "epochs"])
    assert str(caught.value) == (
        "--accept_changed: epochs, model is none of the flags that are compared:"
        " learning_rate, num_train_epochs, data_dir, ema."
    )


@pytest.mark.parametrize(
    ("there", "here", "said"),
    [
        ({"a": 1}, {"a": 1}, None),
        ({"a": 1, "b": 2}, {"b": 3}, "x: a 1 there, null here; b 2 there, 3 here."),
        (None, {"a": 1}, 'x: null there, {"a": 1} here.'),
    ],
)
def test_mappings_differ_by_key(there, here, said):
    assert same_run.by_key("x", there, here) == said
