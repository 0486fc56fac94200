import pytest

from scripts import other_names
from tests.scripts.conftest import scripts

CLASSIFIER, PRETRAINING = "scripts/run_classifier.py", "scripts/run_pretraining.py"
LSTM, EXTRACTION = "scripts/finetune_lstm.py", "scripts/extract_features.py"


@pytest.mark.parametrize(
    ("script", "name", "ours"),
    [
        (CLASSIFIER, "max_seq_len", "max_seq_length"),
        (CLASSIFIER, "epochs", "num_train_epochs"),
        (PRETRAINING, "max_steps", "num_train_steps"),
        (CLASSIFIER, "num_train_steps", "max_steps"),
        (CLASSIFIER, "batch_size", "train_batch_size"),
        (CLASSIFIER, "per_device_train_batch_size", "train_batch_size"),
        (EXTRACTION, "per_device_train_batch_size", "batch_size"),
        (CLASSIFIER, "lr", "learning_rate"),
        (CLASSIFIER, "learning-rate", "learning_rate"),
        (CLASSIFIER, "LR", "learning_rate"),
        (CLASSIFIER, "per-device-train-batch-size", "train_batch_size"),
        (CLASSIFIER, "do-train", "do_train"),
        (CLASSIFIER, "model_name_or_path", "init_checkpoint"),
        ("scripts/convert_checkpoint.py", "model_name_or_path", "input"),
        (CLASSIFIER, "warmup_steps", "warmup_proportion"),
        (PRETRAINING, "warmup_ratio", "num_warmup_steps"),
        (CLASSIFIER, "fp16", "precision"),
        (CLASSIFIER, "class_weight", "class_weights"),
        (CLASSIFIER, "clipnorm", "max_grad_norm"),
        (CLASSIFIER, "lr_scheduler_type", "schedule"),
        (LSTM, "embedding_dim", "embedding_size"),
        (LSTM, "dropout_rate", "dropout"),
        (CLASSIFIER, "outputdir", "output_dir"),
        ("scripts/create_pretraining_data.py", "seed", "random_seed"),
        (PRETRAINING, "random_seed", "seed"),
        (CLASSIFIER, "eval_steps", "eval_every"),
        (PRETRAINING, "early_stopping_patience", "patience"),
        (LSTM, "load_best_model_at_end", "best_by"),
        (CLASSIFIER, "tfds_text", "text_a"),
        (CLASSIFIER, "tfds_text_b", "text_b"),
        (CLASSIFIER, "tfds_label", "label"),
        (CLASSIFIER, "tfds_data_dir", "data_dir"),
    ],
)
def test_what_is_meant(script_flags, script, name, ours):
    known = script_flags[script]["flags"]
    assert other_names.advice(name, known=known).startswith(f"Did you mean --{ours}?")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("num_labels", "Labels are counted from the data"),
        ("do_export", "scripts/convert_checkpoint.py writes trained weights"),
        ("adam_beta1", "0.9 and 0.999"),
    ],
)
def test_what_there_is_instead(script_flags, name, text):
    known = script_flags[CLASSIFIER]["flags"]
    advice = other_names.advice(name, known=known)
    assert text in advice
    assert "Did you mean" not in advice


def test_nothing_is_near():
    assert other_names.advice("zzz", known={"do_train"}) == ""


def test_what_a_script_has_is_no_other_programs(script_flags):
    """Each of ours that is named is a flag of a script; no name is ours everywhere."""
    flags = {name: set(script_flags[name]["flags"]) for name in scripts()}
    ours = set().union(*flags.values())
    for name, advice in other_names._OTHERS.items():
        assert not set(advice.flags) or set(advice.flags) & ours, name
        assert advice.flags or advice.text, name
