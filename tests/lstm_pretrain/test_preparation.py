"""What is refused before a framework loads."""

import dataclasses
import json
import os

import pytest

import processors
from lstm_pretrain.classifier.preparation import prepare as prepare_classifier
from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.language_model.preparation import prepare as prepare_language_model
from lstm_pretrain.language_model.settings import LanguageModelSettings
from processors.batches.features import FEATURES
from processors.batches.long_texts import LongTexts
from processors.records import store
from processors.tokenization.settings import TokenizerKind
from processors.tokenization.units import Units
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, DataError, SettingsError
from runtime.training.job import refuse_other_run


@pytest.fixture
def pretraining(words_task, tmp_path):
    def make(**others):
        values = {**words_task, "output_dir": str(tmp_path / "out"), **others}
        return LanguageModelSettings(**values)

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
        return LstmClassifierSettings(**values)

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


def test_a_language_model_looks_at_no_labels(pretraining, classification, tmp_path):
    (tmp_path / "train.tsv").write_text("text\tlabel\nhot w0\t\ncold w1\ta,b\n")
    (tmp_path / "dev.tsv").write_text("text\tlabel\nhot w1\t\n")
    here = {"data_dir": str(tmp_path)}
    job = prepare_language_model(pretraining(**here))
    assert {"hot", "cold"} <= set(job.tokenizer.vocabulary.ids)
    with pytest.raises(DataError, match=r"train\.tsv:2: the label is empty"):
        prepare_classifier(classification(**here))


def test_vocabulary_and_sizes_come_with_the_checkpoint(classification, pretrained):
    open_settings = dict.fromkeys(("units", "embedding_size", "hidden_size"))
    job = prepare_classifier(
        classification(init_checkpoint=pretrained, **open_settings)
    )
    assert job.tokenizer.fingerprint()["units"] == "whitespace"
    assert job.settings.units is Units.WHITESPACE
    assert job.settings.do_lower_case is True
    assert (job.settings.embedding_size, job.settings.hidden_size) == (6, 8)
    assert (job.settings.num_layers, job.settings.bidirectional) == (1, False)
    assert job.config.hidden_size == 8
    assert job.initial.step == 3
    step = f"{pretrained}/checkpoints/step-00000003"
    for path in (step, f"{step}/weights.safetensors"):
        again = prepare_classifier(classification(init_checkpoint=path))
        assert again.tokenizer.fingerprint() == job.tokenizer.fingerprint()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"hidden_size": 512}, "--hidden_size=512: --init_checkpoint=.* has 8."),
        ({"num_layers": 2}, "--num_layers=2: --init_checkpoint=.* has 1."),
        ({"bidirectional": True}, "--bidirectional=true: .* has false."),
        ({"units": Units.WORD}, "--units=word: the vocabulary of .* has whitespace."),
        ({"do_lower_case": False}, "--do_lower_case=false: .* has true."),
        (
            {"tokenizer": TokenizerKind.CHAR, "units": None},
            "--tokenizer=char: the vocabulary of .* has auto.",
        ),
        ({"vocab_size": 20000}, "--vocab_size=20000 is for a vocabulary that is made"),
    ],
)
def test_what_the_checkpoint_has_otherwise_is_refused(
    classification, pretraining, pretrained, values, problem
):
    settings = classification(init_checkpoint=pretrained, **values)
    with pytest.raises(SettingsError, match=problem):
        prepare_classifier(settings)
    with pytest.raises(SettingsError, match=problem):
        prepare_language_model(pretraining(init_checkpoint=pretrained, **values))


def test_an_output_layer_of_another_kind_is_refused(pretraining, pretrained):
    settings = pretraining(init_checkpoint=pretrained, tie_weights=True)
    with pytest.raises(SettingsError, match=r"--tie_weights=true: .* has false\."):
        prepare_language_model(settings)
    job = prepare_language_model(pretraining(init_checkpoint=pretrained))
    assert job.settings.tie_weights is job.config.tie_weights is False


def test_what_is_left_open_is_of_the_run_that_is_gone_on_with(pretraining, pretrained):
    values = dict.fromkeys(("units", "embedding_size", "hidden_size"))
    job = prepare_language_model(pretraining(output_dir=pretrained, **values))
    assert job.restored.step == 3
    assert job.config.hidden_size == job.settings.hidden_size == 8
    with pytest.raises(SettingsError, match="lstm_config"):
        prepare_language_model(pretraining(output_dir=pretrained, hidden_size=9))


def test_sizes_by_default(pretraining):
    values = dict.fromkeys(("units", "embedding_size", "hidden_size"))
    job = prepare_language_model(pretraining(**values))
    assert job.config.to_dict() == {
        "vocab_size": job.tokenizer.vocab_size,
        "embedding_size": 200,
        "hidden_size": 512,
        "num_layers": 1,
        "bidirectional": False,
        "tie_weights": False,
    }
    assert job.settings.units is Units.WORD


def test_another_vocabulary_is_refused(classification, pretrained, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhot\n")
    settings = classification(init_checkpoint=pretrained, vocab_file=str(other))
    with pytest.raises(SettingsError) as caught:
        prepare_classifier(settings)
    assert "was trained with another tokenizer" in str(caught.value)
    assert "tokenizer: the vocabulary is another." in str(caught.value)


WORDS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *"hotcldw0123456789", "hot")
CONFIGS = {
    "tokenizer_class": "BertJapaneseTokenizer",
    "word_tokenizer_type": "mecab",
    "mecab_kwargs": {"mecab_dic": "unidic_lite"},
    "do_lower_case": True,
}
MECAB = {"mecab_dic": "unidic_lite"}


@pytest.fixture
def tokenizer_files(tmp_path):
    """What the flags of each kind of tokenizer name."""
    folder = tmp_path / "hugging_face"
    folder.mkdir()
    (folder / "vocab.txt").write_text("".join(f"{word}\n" for word in WORDS))
    (folder / "tokenizer_config.json").write_text(json.dumps(CONFIGS))
    return {
        "vocab_file": str(folder / "vocab.txt"),
        "tokenizer_dir": str(folder),
        "model_file": os.path.join(
            *processors.__path__, "data/aozora_spm_8k/aozora-ja.model"
        ),
    }


@pytest.mark.parametrize(
    ("kind", "names", "flags"),
    [
        ("units", "vocab_file", {"units": Units.CHARACTER}),
        ("sentencepiece", "model_file", {"do_lower_case": False}),
        ("wordpiece", "vocab_file", {"tokenizer": TokenizerKind.WORDPIECE}),
        ("mecab", "vocab_file", {"tokenizer": TokenizerKind.MECAB, **MECAB}),
        ("mecab", "vocab_file", {"tokenizer": TokenizerKind.MECAB_CHAR, **MECAB}),
        ("char", "vocab_file", {"tokenizer": TokenizerKind.CHAR}),
        ("mecab", "tokenizer_dir", {}),
    ],
)
def test_every_kind_of_tokenizer(
    pretraining, classification, tokenizer_files, tmp_path, kind, names, flags
):
    """It comes with the checkpoint, and a run goes on without naming it again."""
    asked = {"units": None, names: tokenizer_files[names], **flags}
    job = prepare_language_model(pretraining(**asked))
    assert job.tokenizer.kind == kind
    assert job.config.vocab_size == job.tokenizer.vocab_size
    assert len(job.splits["train"].dataset)
    folder = f"{tmp_path}/out"
    checkpoints.save(
        job.checkpoint_dir, step=3, weights={}, slots={}, state=job.state()
    )
    job.keep_vocabulary(folder)
    os.rename(tokenizer_files["tokenizer_dir"], tmp_path / "elsewhere")
    own = [
        prepare_classifier(classification(init_checkpoint=folder, units=None)),
        prepare_language_model(pretraining(units=None)),
    ]
    for again in own:
        assert again.tokenizer.fingerprint() == job.tokenizer.fingerprint()
    assert refuse_other_run(own[1]) == []


def test_a_kind_without_its_file_is_refused(pretraining):
    settings = pretraining(units=None, tokenizer=TokenizerKind.CHAR)
    with pytest.raises(SettingsError, match=r"--vocab_file .* is required"):
        prepare_language_model(settings)


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
        ({"model_file": "a"}, "--units=whitespace is of no use to --model_file"),
        ({"tokenizer_dir": "a"}, "--units=whitespace is of no use to --tokenizer_dir"),
        (
            {"tokenizer": TokenizerKind.MECAB, "units": None},
            "--tokenizer=mecab needs --mecab_dic",
        ),
        ({"model_file": "a", "vocab_file": "b"}, "give the one or the other"),
        ({"vocab_file": "a", "vocab_size": 9}, "--vocab_size=9 is for a vocabulary"),
        ({"dropout": 1.0}, r"--dropout must lie in \[0, 1\)"),
        ({"max_seq_length": 1}, "--max_seq_length must be at least 2"),
        ({"long_texts": LongTexts.HEAD_TAIL}, "--long_texts=head_tail leaves out"),
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


def test_records_alone_have_no_texts_for_a_vocabulary(classification, tmp_path):
    made = classification(
        task_name="records", data_dir=str(tmp_path), labels=("a", "b")
    )
    with pytest.raises(SettingsError, match="give --model_file or --vocab_file"):
        prepare_classifier(made)


def test_records_as_bert_reads_texts_are_not_an_lstms(
    classification, words_task, tmp_path, caplog
):
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "hot", "cold"]
    (tmp_path / "vocab.txt").write_text("\n".join(words) + "\n")
    made = {"vocab_file": str(tmp_path / "vocab.txt"), "do_eval": True}
    first = prepare_classifier(classification(**made))
    split = first.splits["dev"]
    origin = dataclasses.replace(first.origin, features=FEATURES)
    path = str(tmp_path / "records" / "eval.tf_record")
    store.write_dataset(path, split.dataset, origin=origin, texts=split.texts)
    folder = str(tmp_path / "records")
    second = prepare_classifier(classification(**made, records_dir=folder))
    assert second.splits["dev"].records is None
    assert "read as '[CLS] a [SEP] b [SEP]' there, as 'a [SEP] b' here" in caplog.text
