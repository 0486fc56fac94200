import json
import os
import shutil

import numpy as np
import pytest

from processors.tasks import registry
from processors.tasks.authors import AuthorsProcessor
from processors.tasks.lists import ListsProcessor
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, DataError, SettingsError, StorageError
from runtime.files import tf_checkpoint_writer
from runtime.training.run_record import RunRecord
from runtime.training.run_settings import Resume
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import variables
from tf_bert.model.config import BertConfig

SIZES = {
    "vocab_size": 8,
    "hidden_size": 4,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "intermediate_size": 4,
    "max_position_embeddings": 16,
    "type_vocab_size": 2,
}


@pytest.fixture
def given(tmp_path):
    """Settings whose every file exists, and an output folder that does not."""
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]
    (tmp_path / "vocab.txt").write_text("\n".join(vocabulary) + "\n")
    (tmp_path / "bert_config.json").write_text(json.dumps(SIZES))
    (tmp_path / "train.tsv").write_text("text\tlabel\na b\tx\nc\ty\n")
    (tmp_path / "dev.tsv").write_text("text\tlabel\nb\ty\n")
    return {
        "task_name": "tsv",
        "data_dir": str(tmp_path),
        "output_dir": str(tmp_path / "out"),
        "vocab_file": str(tmp_path / "vocab.txt"),
        "bert_config_file": str(tmp_path / "bert_config.json"),
        "max_seq_length": 16,
        "max_steps": 5,
        "do_train": True,
    }


def prepared(given, **others):
    return prepare(ClassifierSettings(**(given | others)))


def refused(given, **others):
    with pytest.raises(SettingsError) as caught:
        prepared(given, **others)
    assert not os.path.exists(given["output_dir"])
    return str(caught.value)


@pytest.fixture
def trained(given):
    """An output folder with a checkpoint of such a run."""
    job = prepared(given)
    checkpoints.save(
        job.checkpoint_dir,
        step=3,
        weights=zeros(),
        slots={},
        state=job.state(),
    )
    RunRecord(job.output_dir).write(
        settings=job.settings.as_json(), fingerprints=job.identity(), command_line=[]
    )
    return given


def zeros():
    """Weights of such a classifier of two labels."""
    shapes = variables.encoder_shapes(BertConfig(**SIZES), layers=1)
    shapes |= {"output_weights": (2, 4), "output_bias": (2,)}
    return {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}


def test_a_job_has_everything(given):
    job = prepared(given)
    assert job.config == BertConfig(**SIZES)
    assert job.tokenizer.vocab_size == 8
    assert job.labels == ("x", "y")
    assert job.splits["train"].dataset.ids.tolist() == [2, 5, 6, 3, 2, 7, 3]
    assert job.restored is None
    assert job.checkpoint_dir == os.path.join(given["output_dir"], "checkpoints")
    assert not os.path.exists(given["output_dir"])


# Sizes --------------------------------------------------------------------------------


def test_the_configuration_beside_the_checkpoint(given, golden_dir):
    for folder, vocabulary in (
        ("huggingface_bert_tiny/classifier", None),
        ("kerashub_bert_tiny", "assets/tokenizer/vocabulary.txt"),
    ):
        path = os.path.join(golden_dir, "..", folder)
        words = os.path.join(path, vocabulary) if vocabulary else given["vocab_file"]
        job = prepared(
            given, bert_config_file=None, init_checkpoint=path, vocab_file=words
        )
        assert job.config.vocab_size == 50


def test_a_configuration_that_contradicts_the_checkpoints(given, golden_dir, tmp_path):
    start = os.path.join(golden_dir, "../huggingface_bert_tiny/classifier")
    config = BertConfig.from_json_file(f"{start}/config.json").to_dict()
    (tmp_path / "other.json").write_text(json.dumps(config | {"hidden_act": "gelu"}))
    message = refused(
        given, bert_config_file=str(tmp_path / "other.json"), init_checkpoint=start
    )
    assert "hidden_act is gelu_exact in the checkpoint's" in message


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"num_hidden_layers": 10**9}, "half-matched: 16 variables"),
        ({"vocab_size": 10**12}, "vocab_size is 1000000000000 in the model, 50 in the"),
    ],
)
def test_sizes_of_strangers_are_checked_before_anything_is_made(
    given, golden_dir, tmp_path, change, said
):
    start = os.path.join(golden_dir, "../huggingface_bert_tiny/classifier")
    shutil.copy(f"{start}/model.safetensors", tmp_path)
    with open(f"{start}/config.json", encoding="utf-8") as file:
        config = json.load(file) | change
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=said):
        prepared(given, bert_config_file=None, init_checkpoint=str(tmp_path))


def test_the_configuration_of_the_run_that_is_gone_on_with(trained):
    job = prepared(trained, bert_config_file=None)
    assert job.config == BertConfig(**SIZES)
    assert job.restored.step == 3


def test_bert_japanese_needs_no_configuration_file(given):
    model = os.path.join(
        os.path.dirname(__file__),
        "../../../processors/data/aozora_spm_8k/aozora-ja.model",
    )
    job = prepared(given, vocab_file=None, bert_config_file=None, model_file=model)
    assert job.config == BertConfig.bert_japanese()
    assert job.tokenizer.kind == "sentencepiece"


def test_without_any_configuration(given):
    assert "--bert_config_file is required" in refused(given, bert_config_file=None)


# What does not fit --------------------------------------------------------------------


def test_a_sequence_longer_than_the_positions_is_the_originals_error(given):
    assert refused(given, max_seq_length=17) == (
        "Cannot use sequence length 17 because the BERT model was only trained up to "
        "sequence length 16"
    )


def test_a_vocabulary_larger_than_the_model(given, tmp_path):
    with open(given["vocab_file"], "a", encoding="utf-8") as file:
        file.write("d\n")
    message = refused(given)
    assert "vocabulary has 9 tokens" in message
    assert "vocab_size is 8" in message


def test_the_case_of_a_published_model(given):
    message = refused(
        given, init_checkpoint="/models/cased_L-12_H-768_A-12/bert_model.ckpt"
    )
    assert "--do_lower_case=False" in message


def test_what_does_not_fit_is_reported_together(given):
    with open(given["vocab_file"], "a", encoding="utf-8") as file:
        file.write("d\n")
    message = refused(
        given,
        max_seq_length=17,
        init_checkpoint="/models/cased_L-12_H-768_A-12/bert_model.ckpt",
    )
    for part in ("sequence length 17", "9 tokens", "--do_lower_case=False"):
        assert part in message


def test_an_unknown_task_lists_the_known(given):
    message = refused(given, task_name="sst2")
    assert "'sst2'" in message
    for name in registry.known():
        assert name in message


def test_a_task_without_shipped_data_needs_a_folder(given):
    assert refused(given, data_dir=None) == "--data_dir is required by task tsv."


def test_a_task_with_shipped_data_needs_none(given):
    job = prepared(given, task_name="authors", data_dir=None)
    assert isinstance(job.rows.processor, AuthorsProcessor)
    assert set(job.splits) == {"train"}


@pytest.mark.parametrize("name", ["vocab_file", "bert_config_file"])
def test_a_missing_file_is_named(given, name):
    missing = given[name] + ".missing"
    with pytest.raises(StorageError, match=r"does not exist") as caught:
        prepared(given, **{name: missing})
    assert missing in str(caught.value)
    assert not os.path.exists(given["output_dir"])


# Going on -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("resume", "do_train", "step"),
    [
        (Resume.AUTO, True, 3),
        (Resume.MUST, True, 3),
        (Resume.NEVER, True, None),
        (Resume.NEVER, False, 3),  # there is nothing to start anew
    ],
)
def test_what_is_restored(trained, resume, do_train, step):
    job = prepared(trained, resume=resume, do_train=do_train, do_eval=True)
    assert (job.restored and job.restored.step) == step


def test_must_without_a_checkpoint(given):
    with pytest.raises(CheckpointError, match=r"--resume=must: .* no complete"):
        prepared(given, resume=Resume.MUST)
    assert not os.path.exists(given["output_dir"])


@pytest.mark.parametrize("resume", [Resume.AUTO, Resume.MUST])
def test_another_models_checkpoint_is_refused(trained, tmp_path, resume):
    (tmp_path / "bert_config.json").write_text(json.dumps(SIZES | {"hidden_size": 8}))
    with pytest.raises(SettingsError, match="another run") as caught:
        prepared(trained, resume=resume)
    assert caught.value.problems[1:] == ("bert_config: hidden_size 4 there, 8 here.",)


def test_another_tokenizers_checkpoint_is_refused(trained):
    with pytest.raises(SettingsError, match="another run") as caught:
        prepared(trained, do_lower_case=False)
    assert caught.value.problems[1:] == (
        "tokenizer: --do_lower_case true there, false here.",
    )


def test_labels_once_collected_stay(trained, tmp_path):
    (tmp_path / "dev.tsv").write_text("text\tlabel\nb\ty\n")
    (tmp_path / "train.tsv").unlink()
    evaluation = {"do_train": False, "do_eval": True}
    assert prepared(trained, **evaluation).labels == ("x", "y")
    with pytest.raises(SettingsError, match="labels: x, y there; y, x here"):
        prepared(trained, **evaluation, labels=("y", "x"))


def test_a_processor_made_of_lists(given):
    settings = given | {"task_name": "notebook", "data_dir": None}
    lists = ListsProcessor(train=[("a b", "no"), ("b c", "yes")])
    job = prepare(ClassifierSettings(**settings), processor=lists)
    split = job.splits["train"]
    assert split.labels == ("no", "yes")
    assert split.dataset.ids.tolist() == [2, 5, 6, 3, 2, 6, 7, 3]


# With a trained run -------------------------------------------------------------------

EVALUATION = {"do_train": False, "do_eval": True}


def test_new_texts_and_the_trained_run_alone(trained, tmp_path):
    new = tmp_path / "new"
    new.mkdir()
    (new / "test.tsv").write_text("text\na b\nc\n")
    others = {"data_dir": str(new), "output_dir": str(tmp_path / "other")}
    predicting = {"do_train": False, "do_predict": True, **others}
    job = prepared(trained, init_checkpoint=trained["output_dir"], **predicting)
    assert job.labels == ("x", "y")
    assert len(job.splits["test"].examples) == 2
    assert not (tmp_path / "other").exists()
    step = f"{trained['output_dir']}/checkpoints/step-00000003"
    assert prepared(trained, init_checkpoint=step, **predicting).labels == ("x", "y")
    reordered = {**predicting, "labels": ("y", "x")}
    job = prepared(trained, init_checkpoint=step, **reordered)
    assert job.labels == ("y", "x")  # the head is put in this order


@pytest.mark.parametrize("by", ["output_dir", "init_checkpoint"])
def test_another_case_is_refused_by_name(trained, tmp_path, by):
    values = {**EVALUATION, "do_lower_case": False}
    if by == "init_checkpoint":
        values |= {by: trained["output_dir"], "output_dir": str(tmp_path / "other")}
    with pytest.raises(SettingsError, match="--do_lower_case true there, false here"):
        prepared(trained, **values)


def test_another_length_is_said_and_let_through(trained, caplog):
    job = prepared(trained, **EVALUATION, max_seq_length=8)
    assert job.settings.max_seq_length == 8
    assert "was trained with --max_seq_length=16; texts are cut at 8" in caplog.text


def test_a_label_that_the_run_does_not_know_is_its_not_the_files(trained, tmp_path):
    (tmp_path / "dev.tsv").write_text("text\tlabel\nb\tnew\n")
    with pytest.raises(DataError) as caught:
        prepared(trained, **EVALUATION)
    assert str(caught.value) == (
        f"{tmp_path}/dev.tsv:2: unknown label 'new'; the labels of the run in"
        f" {trained['output_dir']} are x, y"
    )


# Another run --------------------------------------------------------------------------


def other_data(tmp_path, *rows):
    (tmp_path / "b").mkdir()
    lines = "\n".join(["text\tlabel", *rows])
    (tmp_path / "b" / "train.tsv").write_text(lines + "\n")
    return str(tmp_path / "b")


def test_another_data_set_is_told_in_words(trained, tmp_path):
    folder = other_data(tmp_path, "a\tx", "b\tsport", "c\tpolitics")
    with pytest.raises(SettingsError) as caught:
        prepared(trained, data_dir=folder, num_train_epochs=9.0)
    assert caught.value.problems[1:] == (
        "num_train_epochs: 3.0 there, 9.0 here.",
        "labels: x, y there; politics, sport, x here.",
        "the training data are others: 2 examples there, 3 here.",
    )


def test_other_data_of_known_labels_may_be_accepted(trained, tmp_path):
    folder = other_data(tmp_path, "a\ty", "b\tx")
    with pytest.raises(SettingsError, match="--accept_changed=data_dir:") as caught:
        prepared(trained, data_dir=folder)
    assert caught.value.problems[1:] == (
        "the training data are others: 2 examples here too.",
    )
    job = prepared(trained, data_dir=folder, accept_changed=("data_dir",))
    assert job.labels == ("x", "y")


def test_other_weights_to_start_from_are_refused(trained, golden_dir):
    start = os.path.join(golden_dir, "../huggingface_bert_tiny/classifier")
    with pytest.raises(SettingsError, match="random weights there, ") as caught:
        prepared(trained, init_checkpoint=start)
    assert caught.value.problems[1] == (
        f"init_checkpoint: random weights there, {start} here."
    )


def test_a_start_that_is_gone_does_not_stop_a_run(trained):
    os.remove(f"{trained['output_dir']}/run.json")
    job = prepared(trained, resume=Resume.NEVER)
    state = {**job.state(), "init_checkpoint": {"path": "/gone", "digest": "1"}}
    checkpoints.save(job.checkpoint_dir, step=9, weights={}, slots={}, state=state)
    assert prepared(trained, init_checkpoint="/gone").restored.step == 9


# Other programs' checkpoints ----------------------------------------------------------


def test_what_the_original_left_is_evaluated(given, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    tensors = {**zeros(), "global_step": np.array(7, np.int64)}
    tf_checkpoint_writer.write(f"{out}/model.ckpt-7", iter(sorted(tensors.items())))
    tf_checkpoint_writer.write_state(str(out), "model.ckpt-7")
    job = prepared(given, **EVALUATION)
    assert job.settings.init_checkpoint == str(out)
    with pytest.raises(CheckpointError, match="of another program"):
        prepared(given)
    del tensors["output_weights"]
    tf_checkpoint_writer.write(f"{out}/model.ckpt-7", iter(sorted(tensors.items())))
    with pytest.raises(CheckpointError, match="of another program"):
        prepared(given, **EVALUATION)


@pytest.mark.parametrize("name", ["model.safetensors", "x.keras", "ckpt-1.index"])
@pytest.mark.parametrize("values", [{}, EVALUATION])
def test_what_others_left_is_refused(given, tmp_path, name, values):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / name).write_bytes(b"")
    with pytest.raises(CheckpointError, match=f"{name} is a checkpoint of another"):
        prepared(given, **values)
