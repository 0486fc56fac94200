"""What is refused before a framework loads."""

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
        state={**job.identity(), "labels": []},
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
    for path in (step, f"{step}/weights.safetensors"):
        again = prepare_classifier(classification(init_checkpoint=path))
        assert again.tokenizer.fingerprint() == job.tokenizer.fingerprint()


def test_another_vocabulary_is_refused_with_both_fingerprints(
    classification, pretrained, tmp_path
):
    other = tmp_path / "other.txt"
    other.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhot\n")
    settings = classification(init_checkpoint=pretrained, vocab_file=str(other))
    with pytest.raises(SettingsError) as caught:
        prepare_classifier(settings)
    message = str(caught.value)
    assert "was trained with another vocabulary" in message
    assert message.count("vocabulary_sha256") == 2


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
