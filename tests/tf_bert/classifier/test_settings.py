import dataclasses
import json

import pytest

from runtime.engine.optimizer_settings import (
    OptimizerName,
    OptimizerSettings,
    Schedule,
)
from runtime.errors import SettingsError
from runtime.training.run_settings import Resume
from tf_bert.classifier.settings import ClassifierSettings

NEEDED = {
    "task_name": "authors",
    "output_dir": "out",
    "vocab_file": "vocab.txt",
    "do_train": True,
}

# Source: google-research/bert and yoheikikuta/bert-japanese, run_classifier.py.
ORIGINAL = {
    "data_dir": None,
    "bert_config_file": None,
    "task_name": None,
    "vocab_file": None,
    "model_file": None,
    "output_dir": None,
    "init_checkpoint": None,
    "do_lower_case": None,  # there True, as here for the tokenizers that it had
    "max_seq_length": 128,
    "do_train": False,
    "do_eval": False,
    "do_predict": False,
    "train_batch_size": 32,
    "eval_batch_size": 8,
    "predict_batch_size": 8,
    "learning_rate": 5e-5,
    "num_train_epochs": 3.0,
    "warmup_proportion": 0.1,
    "save_checkpoints_steps": 1000,
    "use_tpu": False,
    "tpu_name": None,
    "tpu_zone": None,
    "gcp_project": None,
    "num_tpu_cores": None,  # there 8, and ignored without use_tpu
    "iterations_per_loop": None,  # there 1000, and ignored without use_tpu
}
NEW = {
    "accelerator": "auto",
    "backend": "auto",
    "precision": "float32",
    "gradient_accumulation_steps": 1,
    "seed": 0,
    "optimizer": "bert",
    "weight_decay": None,
    "adam_epsilon": None,
    "max_grad_norm": None,
    "schedule": "linear",
    "resume": "auto",
    "max_steps": None,
    "pad_to": "pack",
    "score_test": False,
    "predict_name": None,
    "coordinator_address": None,
    "num_processes": None,
    "process_id": None,
}


def make(**settings):
    return ClassifierSettings(**(NEEDED | settings))


def problems(**settings):
    with pytest.raises(SettingsError) as caught:
        make(**settings)
    return list(caught.value.problems)


@pytest.mark.parametrize("name", ["task_name", "output_dir"])
def test_what_is_required(name):
    assert problems(**{name: None}) == [f"--{name} is required."]


def test_a_vocabulary_of_either_kind_is_required():
    [problem] = problems(vocab_file=None)
    assert problem.startswith("--vocab_file (WordPiece")
    assert make(vocab_file=None, model_file="ja.model").model_file == "ja.model"


def test_no_mode_is_the_originals_error():
    assert problems(do_train=False) == [
        "At least one of `do_train`, `do_eval` or `do_predict' must be True."
    ]


@pytest.mark.parametrize("mode", ["do_train", "do_eval", "do_predict"])
def test_any_mode_will_do(mode):
    settings = make(**({"do_train": False} | {mode: True}))
    assert getattr(settings, mode)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_seq_length", 0),
        ("train_batch_size", 0),
        ("eval_batch_size", -1),
        ("predict_batch_size", 0),
        ("save_checkpoints_steps", 0),
        ("gradient_accumulation_steps", 0),
        ("steps_per_call", 0),
        ("keep_checkpoints", 0),
        ("record_shards", 0),
        ("max_steps", 0),
        ("num_train_epochs", 0.0),
        ("warmup_proportion", 1.5),
        ("warmup_proportion", -0.1),
        ("seed", -1),
        ("seed", 2**32),
    ],
)
def test_what_is_out_of_range(name, value):
    [problem] = problems(**{name: value})
    assert problem.startswith(f"--{name} must ")
    assert problem.endswith(f"got {value}.")


def test_wrong_settings_are_reported_together():
    found = problems(
        task_name=None, do_train=False, train_batch_size=0, seed=-1, num_tpu_cores=0
    )
    assert len(found) == 5
    assert "\n".join(found) == str(SettingsError(*found))


@pytest.mark.parametrize(
    ("examples", "batch", "epochs", "steps"),
    [
        (4421, 32, 5.0, 690),
        (6705, 32, 5.0, 1047),
        (100, 32, 3.0, 9),
        (31, 32, 1.0, 0),
        (10, 4, 0.5, 1),
    ],
)
def test_updates_are_counted_as_the_original_does(examples, batch, epochs, steps):
    settings = make(train_batch_size=batch, num_train_epochs=epochs)
    assert settings.num_train_steps(examples) == steps


def test_max_steps_counts_instead_of_epochs():
    assert make(max_steps=7).num_train_steps(10**6) == 7


@pytest.mark.parametrize(
    ("name", "value"), [("class_weights", ("balanced",)), ("label_smoothing", 0.1)]
)
def test_what_a_logistic_regression_does_not_take(name, value):
    [problem] = problems(train="head", init_checkpoint="bert", **{name: value})
    assert problem.startswith(f"--{name} is for training by updates")
    make(train="head", init_checkpoint="bert")


def test_optimizer_settings():
    settings = make(optimizer=OptimizerName.ADAMW, learning_rate=0.1)
    assert settings.optimizer_settings(690) == OptimizerSettings(
        name=OptimizerName.ADAMW,
        learning_rate=0.1,
        num_train_steps=690,
        num_warmup_steps=69,
    )


def test_what_the_optimizer_is_asked_for_reaches_it():
    asked = {"weight_decay": 0.2, "adam_epsilon": 1e-5, "max_grad_norm": 0.5}
    settings = make(schedule=Schedule.COSINE, **asked)
    found = settings.optimizer_settings(100)
    assert found.schedule is Schedule.COSINE
    assert (found.decay, found.epsilon, found.clip_norm) == (0.2, 1e-5, 0.5)
    traits = {trait.name: trait.value for trait in settings.traits()}
    assert traits.items() >= {**asked, "schedule": "cosine"}.items()


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
@pytest.mark.parametrize("name", ["weight_decay", "adam_epsilon", "max_grad_norm"])
def test_a_number_that_no_optimizer_can_use(name, value):
    [problem] = problems(**{name: value})
    assert problem.startswith(f"--{name} must lie in ")
    assert problem.endswith(f"got {value}.")


def test_json_holds_every_setting_by_its_flag_value():
    settings = make(resume=Resume.MUST, labels=("a", "b"))
    values = settings.as_json()
    assert values["resume"] == "must"
    assert values["optimizer"] == "bert"
    assert values["pad_to"] == "pack"
    assert values["precision"] == "float32"
    assert set(values) == {f.name for f in dataclasses.fields(settings)}
    assert json.loads(json.dumps(values))["labels"] == ["a", "b"]


def test_every_setting_says_what_it_is_for():
    for field in dataclasses.fields(ClassifierSettings):
        assert field.metadata["help"].endswith("."), field.name


def test_what_must_match_are_settings():
    assert set(ClassifierSettings.MUST_MATCH) <= {
        f.name for f in dataclasses.fields(ClassifierSettings)
    }


def defaults_of(names):
    values = {
        field.name: field.default for field in dataclasses.fields(ClassifierSettings)
    }
    return {name: getattr(values[name], "value", values[name]) for name in names}


def test_the_originals_names_and_defaults_are_kept():
    assert defaults_of(ORIGINAL) == ORIGINAL


def test_defaults_of_what_is_new():
    assert defaults_of(NEW) == NEW
