"""What is refused before a framework loads."""

import os

import pytest

from lstm_pretrain.preparation import prepare_classifier, prepare_language_model
from lstm_pretrain.settings import ClassifierSettings, PretrainingSettings
from processors.tokenization.units import Units
from runtime import checkpoints, storage
from runtime.errors import CheckpointError, DataError, SettingsError


@pytest.fixture
def pretraining(words_task, tmp_path):
    def make(**others):
        values = {**words_task, "output_dir": str(tmp_path / "out"), **others}
        return PretrainingSettings(**values)

    return make


@pytest.fixture
def classification(words_task, tmp_path):
    def make(**others):
        values = {
            **words_task,
            "output_dir": str(tmp_path / "classifier"),
            "do_train": True,
            **others,
        }
        return ClassifierSettings(**values)

    return make


@pytest.fixture
def pretrained(pretraining, tmp_path):
    """A folder as a language model leaves it."""
    job = prepare_language_model(pretraining())
    folder = str(tmp_path / "pretrained")
    checkpoints.save(
        storage.join(folder, checkpoints.DIRECTORY),
        step=3,
        weights={},
        slots={},
        state=job.state(),
    )
    vocabulary = job.tokenizer.vocabulary
    tokens = [vocabulary.tokens[n] for n in range(vocabulary.size)]
    storage.write_text(f"{folder}/vocab.txt", "".join(f"{t}\n" for t in tokens))
    return folder


def test_the_vocabulary_is_made_of_the_training_texts(pretraining):
    job = prepare_language_model(pretraining())
    assert {"hot", "cold", "w0"} <= set(job.tokenizer.vocabulary.ids)
    assert job.config.vocab_size == job.tokenizer.vocab_size
    assert prepare_language_model(pretraining(vocab_size=8)).config.vocab_size == 8


def test_an_empty_corpus(pretraining, tmp_path):
    (tmp_path / "train.txt").write_text("\n\n")
    settings = pretraining(task_name="lines", data_dir=str(tmp_path))
    with pytest.raises(DataError, match="holds no texts"):
        prepare_language_model(settings)


def test_vocabulary_and_sizes_come_with_the_checkpoint(classification, pretrained):
    settings = classification(
        init_checkpoint=pretrained, units=Units.CHARACTER, hidden_size=99
    )
    job = prepare_classifier(settings)
    assert job.tokenizer.fingerprint()["units"] == "whitespace"
    assert job.config.hidden_size == 8
    assert job.initial.step == 3
    step = f"{pretrained}/checkpoints/step-00000003"
    again = prepare_classifier(classification(init_checkpoint=step))
    assert again.tokenizer.fingerprint() == job.tokenizer.fingerprint()


def test_another_vocabulary_is_refused(classification, pretrained, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhot\n")
    settings = classification(init_checkpoint=pretrained, vocab_file=str(other))
    with pytest.raises(SettingsError) as caught:
        prepare_classifier(settings)
    assert "was trained with another tokenizer" in str(caught.value)
    assert "tokenizer: the vocabulary is another." in str(caught.value)


def test_a_checkpoint_of_something_else_is_refused(classification, tmp_path):
    folder = str(tmp_path / "other")
    checkpoints.save(
        f"{folder}/checkpoints", step=1, weights={}, slots={}, state={"labels": []}
    )
    with pytest.raises(CheckpointError, match="is no checkpoint of an LSTM"):
        prepare_classifier(classification(init_checkpoint=folder))


def test_a_missing_checkpoint_is_an_error(classification, tmp_path):
    with pytest.raises(CheckpointError, match="no complete checkpoint"):
        prepare_classifier(classification(init_checkpoint=str(tmp_path / "nothing")))


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"do_predict": True}, "--do_predict is of classifiers"),
        ({"dropout": 1.0}, r"--dropout must lie in \[0, 1\)"),
        ({"max_seq_length": 1}, "--max_seq_length must be at least 2"),
        ({"hidden_size": 0}, "--hidden_size must be at least 1"),
    ],
)
def test_settings_of_a_language_model(pretraining, values, problem):
    with pytest.raises(SettingsError, match=problem):
        pretraining(**values)


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"train_examples": 0}, "--train_examples must be at least 1"),
        ({"rate_decay": 0.5}, "--rate_decay must be at least 1"),
    ],
)
def test_settings_of_a_classifier(classification, values, problem):
    with pytest.raises(SettingsError, match=problem):
        classification(**values)


def test_a_trained_classifier_alone_predicts_new_texts(
    classification, pretrained, tmp_path
):
    trained = prepare_classifier(classification(init_checkpoint=pretrained))
    folder = str(tmp_path / "classifier")
    checkpoints.save(
        trained.checkpoint_dir, step=5, weights={}, slots={}, state=trained.state()
    )
    storage.copy(f"{pretrained}/vocab.txt", f"{folder}/vocab.txt")
    new = tmp_path / "new"
    new.mkdir()
    (new / "test.tsv").write_text("text\nhot w1\n")
    predicting = {"data_dir": str(new), "do_train": False, "do_predict": True}
    elsewhere = {"output_dir": str(tmp_path / "other"), "init_checkpoint": folder}
    for values in ({}, elsewhere):
        job = prepare_classifier(classification(**predicting, **values))
        assert job.labels == ("cold", "hot")
        assert job.tokenizer.fingerprint() == trained.tokenizer.fingerprint()
        assert len(job.splits["test"].examples) == 1


def test_a_run_whose_start_is_gone_goes_on(classification, pretrained, tmp_path):
    values = {"init_checkpoint": pretrained, "max_steps": 9}
    trained = prepare_classifier(classification(**values))
    checkpoints.save(
        trained.checkpoint_dir, step=5, weights={}, slots={}, state=trained.state()
    )
    folder = str(tmp_path / "classifier")
    storage.copy(f"{pretrained}/vocab.txt", f"{folder}/vocab.txt")
    moved = str(tmp_path / "moved")
    os.rename(pretrained, moved)
    job = prepare_classifier(classification(**values))
    assert (job.restored.step, job.initial, job.config) == (5, None, trained.config)
    again = prepare_classifier(classification(**{**values, "init_checkpoint": moved}))
    assert again.initial.step == 3
    with pytest.raises(SettingsError, match="random weights here"):
        prepare_classifier(classification(max_steps=9, hidden_size=8))


def test_drawn_examples_are_what_is_tokenised_and_compared(classification):
    job = prepare_classifier(classification(train_examples=10, max_steps=1))
    assert len(job.splits["train"].dataset) == 10
    assert job.identity()["train_data"]["examples"] == 10
    with pytest.raises(DataError, match="--train_examples=61 were asked for"):
        prepare_classifier(classification(train_examples=61))
