import dataclasses

import numpy as np
import pytest

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import SettingsError
from tf_bert.classifier import run as classify
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.classifier.trained_part import TrainedPart


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("full", TrainedPart()),
        ("head", TrainedPart(is_head_alone=True)),
        ("top:0", TrainedPart(layers=0)),
        ("top:12", TrainedPart(layers=12)),
    ],
)
def test_values(text, part):
    assert TrainedPart.parse(text) == part


@pytest.mark.parametrize("text", ["", "all", "top", "top:", "top:-1", "top:x"])
def test_other_values(text):
    with pytest.raises(SettingsError, match="full, head or top:N"):
        TrainedPart.parse(text)


def test_more_layers_than_there_are():
    TrainedPart.parse("top:2").refuse_beyond(2)
    TrainedPart.parse("full").refuse_beyond(2)
    with pytest.raises(SettingsError, match=r"top:3: the BERT has 2 layers.*top:2,"):
        TrainedPart.parse("top:3").refuse_beyond(2)


def test_more_layers_than_the_model_has_are_refused_at_the_start(small_task):
    settings = ClassifierSettings(
        **small_task.settings(),
        output_dir="out",
        init_checkpoint="not looked at yet",
        do_train=True,
        train="top:2",
    )
    with pytest.raises(SettingsError, match="--train=top:2: the BERT has 1 layers"):
        prepare(settings)


@pytest.fixture(scope="module")
def pretrained(small_task, place_on, tmp_path_factory):
    """The output directory of a run that trained everything."""
    folder = str(tmp_path_factory.mktemp("pretrained"))
    changes = {
        "output_dir": folder,
        "do_train": True,
        "learning_rate": 5e-3,
        "max_steps": 30,
        "steps_per_call": 10,
    }
    settings = ClassifierSettings(**{**small_task.settings(), **changes})
    classify.run(prepare(settings), placement=place_on())
    return settings


def weights_of(folder):
    return checkpoints.load(checkpoints.latest(f"{folder}/checkpoints")).weights


def start_again(settings, tmp_path, **changes):
    return dataclasses.replace(
        settings,
        init_checkpoint=settings.output_dir,
        output_dir=str(tmp_path / "again"),
        bert_config_file=None,
        do_eval=True,
        **changes,
    )


def test_top_layers(pretrained, place_on, tmp_path):
    settings = start_again(pretrained, tmp_path, train="top:0", max_steps=2)
    classify.run(prepare(settings), placement=place_on())
    before, after = weights_of(pretrained.output_dir), weights_of(settings.output_dir)
    changed = {name for name in before if (before[name] != after[name]).any()}
    assert changed == {
        "bert/pooler/dense/kernel",
        "bert/pooler/dense/bias",
        "output_weights",
        "output_bias",
    }


def test_head(pretrained, place_on, tmp_path):
    settings = start_again(pretrained, tmp_path, train="head", compare=True)
    classify.run(prepare(settings), placement=place_on())
    before, after = weights_of(pretrained.output_dir), weights_of(settings.output_dir)
    for name in before:
        if name.startswith("bert/"):
            np.testing.assert_array_equal(before[name], after[name])
    lines = storage.read_text(f"{settings.output_dir}/eval_results.txt").splitlines()
    results = dict(line.split(" = ") for line in lines)
    assert results["global_step"] == "1"
    assert float(results["eval_accuracy"]) > 0.5  # one in three by chance
    table = storage.read_text(f"{settings.output_dir}/compare.txt").splitlines()
    rows = {line[:-8].strip(): float(line[-8:]) for line in table[1:]}
    assert list(rows) == [
        "majority",
        "TF-IDF + logistic regression",
        "frozen BERT, pooled",
        "frozen BERT, mean",
        "this run, --train=head",
    ]
    assert rows["majority"] < 0.5 < rows["TF-IDF + logistic regression"]
    accuracy = float(results["eval_accuracy"])
    assert rows["this run, --train=head"] == pytest.approx(accuracy, abs=5e-4)
    # The same vectors and the same regression, in the model and beside it.
    assert rows["frozen BERT, pooled"] == pytest.approx(accuracy, abs=0.02)
    # Done already: nothing is trained again, and the same comes out.
    classify.run(prepare(settings), placement=place_on())
    again = storage.read_text(f"{settings.output_dir}/eval_results.txt").splitlines()
    assert again == lines


def test_a_frozen_bert_must_be_named(small_task):
    with pytest.raises(SettingsError, match="--init_checkpoint"):
        ClassifierSettings(**{**small_task.settings(), "train": "head"})
    top = {**small_task.settings(), "train": "top:1", "output_dir": "a"}
    with pytest.raises(SettingsError, match=r"--train=top:1 leaves .* at random"):
        ClassifierSettings(**top, do_train=True)
    ClassifierSettings(**top, do_eval=True)


@pytest.mark.parametrize(
    ("text", "first"), [("full", 0), ("top:3", 1), ("top:1", 2), ("top:0", 3)]
)
def test_what_keeps_its_values(text, first):
    names = [
        "bert/embeddings/word_embeddings",
        *(f"bert/encoder/layer_{number}/output/dense/bias" for number in range(2)),
        "bert/pooler/dense/bias",
        "output_bias",
    ]
    assert TrainedPart.parse(text).frozen(names, layers=2) == names[:first]
    assert TrainedPart.parse("head").frozen(names, layers=2) == names[:4]
