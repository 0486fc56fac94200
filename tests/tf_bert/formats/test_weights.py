import json
import os
import shutil
import struct

import numpy as np
import pytest
import safetensors.numpy

from processors.tokenization.vocabulary import read_word_piece
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.checkpoints import checkpoints
from runtime.errors import CheckpointError, SettingsError
from runtime.files import tf_checkpoint_writer
from runtime.files.tf_checkpoint import TensorBundle
from tf_bert.classifier import preparation
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import find, tokenizer_files
from tf_bert.formats.weights import find_config, read_weights
from tf_bert.pretraining import preparation as pretraining_preparation
from tf_bert.pretraining.settings import PretrainingSettings
from tf_bert.vectors import preparation as extraction_preparation
from tf_bert.vectors.settings import ExtractionSettings

GOLDEN = os.path.join(os.path.dirname(__file__), "../../golden/tf1_bert_tiny")
PRETRAINED = os.path.join(GOLDEN, "bert_model.ckpt")
FINE_TUNED = os.path.join(GOLDEN, "model.ckpt-20")

HEAD = {"output_weights": (9, 64), "output_bias": (9,)}
WORDS = "bert/embeddings/word_embeddings"


@pytest.fixture
def encoder():
    shapes = TensorBundle(PRETRAINED).shapes()
    return {name: shape for name, shape in shapes.items() if name.startswith("bert/")}


@pytest.fixture
def classifier(encoder):
    return encoder | HEAD


@pytest.fixture
def run(tmp_path, classifier):
    """A run's output folder with two of our own checkpoints."""
    for step in (10, 20):
        checkpoints.save(
            str(tmp_path / "run" / "checkpoints"),
            step=step,
            weights={n: np.full(s, step, np.float32) for n, s in classifier.items()},
            slots={"output_bias/adam_m": np.zeros(9, np.float32)},
            state={},
        )
    return str(tmp_path / "run")


def failure(path, expected, **settings):
    with pytest.raises(CheckpointError) as caught:
        read_weights(path, expected=expected, **settings)
    assert str(caught.value).startswith(path)
    return str(caught.value)


def test_slots_of_tensorflow_are_not_read(tmp_path, classifier):
    stored, prefix = TensorBundle(FINE_TUNED), str(tmp_path / "model.ckpt-20")
    tensors = {name: stored.read(name) for name in stored.names()}
    slots = [name for name in tensors if name.endswith(("adam_m", "adam_v"))]
    good, damaged = np.float32(7.25), np.float32(7.5)
    tensors |= {name: np.full_like(tensors[name], good) for name in slots}
    tf_checkpoint_writer.write(prefix, iter(sorted(tensors.items())))
    data = tmp_path / "model.ckpt-20.data-00000-of-00001"
    data.write_bytes(data.read_bytes().replace(good.tobytes(), damaged.tobytes()))
    for name in slots:
        with pytest.raises(CheckpointError, match="damaged"):
            TensorBundle(prefix).read(name)
    found = read_weights(prefix, expected=classifier)
    for name in classifier:
        np.testing.assert_array_equal(found.values[name], stored.read(name))


def test_pretrained_encoder_with_a_fresh_head(classifier, encoder):
    initial = read_weights(PRETRAINED, expected=classifier)
    assert list(initial.values) == list(encoder)
    bundle = TensorBundle(PRETRAINED)
    for name, value in initial.values.items():
        assert value.dtype == np.float32
        np.testing.assert_array_equal(value, bundle.read(name))
    report = initial.report
    assert report.matched == tuple(encoder)
    assert report.missing == ("output_weights", "output_bias")
    assert len(report.left_over) == 7
    assert all(name.startswith("cls/") for name in report.left_over)
    assert report.ignored == ()


def test_fine_tuned_checkpoint_matches_wholly(classifier):
    initial = read_weights(FINE_TUNED, expected=classifier)
    assert initial.report.missing == ()
    assert set(initial.values) == set(classifier)
    assert initial.values["output_weights"].shape == (9, 64)
    slots = [name for name in initial.report.ignored if name.endswith(("_m", "_v"))]
    assert len(slots) + 1 == len(initial.report.ignored)
    assert "global_step" in initial.report.ignored
    assert all(name.startswith("cls/") for name in initial.report.left_over)


def test_report_prints_the_originals_table(classifier):
    lines = str(read_weights(PRETRAINED, expected=classifier).report).splitlines()
    assert lines[0] == "**** Trainable Variables ****"
    assert f"  name = {WORDS}, shape = (1200, 64), *INIT_FROM_CKPT*" in lines
    assert "  name = output_weights, shape = (9, 64)" in lines
    assert f"{PRETRAINED}: 55 of 57 variables" in lines
    assert "Fresh: output_weights, output_bias" in lines
    assert any("Not used" in line and "cls/predictions" in line for line in lines)


# Our own checkpoints -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("", 20),
        ("checkpoints", 20),
        ("checkpoints/", 20),
        ("checkpoints/step-00000010", 10),
    ],
)
def test_our_own_checkpoints_are_read(run, classifier, name, step):
    initial = read_weights(os.path.join(run, name), expected=classifier)
    assert initial.report.matched == tuple(classifier)
    assert initial.report.left_over == ()
    assert all((value == step).all() for value in initial.values.values())


def test_incomplete_checkpoint_is_none(run, classifier):
    folder = f"{run}/checkpoints/step-00000010"
    os.remove(f"{folder}/manifest.json")
    assert "no complete checkpoint" in failure(folder, classifier)


def test_folder_of_a_tensorflow_run(classifier):
    initial = read_weights(GOLDEN, expected=classifier)
    assert len(initial.report.matched) == len(classifier)


def test_folder_without_any_checkpoint(tmp_path, classifier):
    assert "looked for" in failure(str(tmp_path), classifier)


# What does not fit -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "shape", "said"),
    [
        (WORDS, (800, 64), "vocab_size is 800 in the model, 1200 in the checkpoint"),
        ("bert/embeddings/position_embeddings", (512, 64), "max_position_embeddings"),
        ("bert/embeddings/token_type_embeddings", (16, 64), "type_vocab_size is 16"),
        ("output_weights", (3, 64), "number of labels is 3 in the model, 9 in the"),
        ("output_bias", (2,), "number of labels is 2 in the model, 9 in the"),
        (
            "bert/encoder/layer_1/intermediate/dense/kernel",
            (64, 256),
            "intermediate_size is 256 in the model, 160 in the checkpoint",
        ),
        (
            "bert/encoder/layer_1/output/dense/kernel",
            (256, 64),
            "intermediate_size is 256 in the model, 160 in the checkpoint",
        ),
        (
            "bert/encoder/layer_1/attention/output/dense/kernel",
            (32, 32),
            "hidden_size is 32 in the model, 64 in the checkpoint",
        ),
        ("bert/pooler/dense/bias", (8, 8), "but (8, 8) in the model"),
    ],
)
def test_shape_mismatch_names_the_setting(classifier, name, shape, said):
    message = failure(FINE_TUNED, classifier | {name: shape}, allow_partial=True)
    found = classifier[name]
    assert f"{name} has shape {found} in the checkpoint, but {shape} in the" in message
    assert said in message


def test_all_problems_come_together(classifier):
    narrow = {name: tuple(d // 2 for d in s) for name, s in classifier.items()}
    message = failure(PRETRAINED, narrow | {"bert/encoder/layer_3/bias": (4,)})
    assert "so it is with 50 more variables" in message
    assert "half-matched" in message
    assert len(message.splitlines()) == 7


def test_half_matched_encoder(classifier):
    deeper = classifier | {"bert/encoder/layer_3/output/dense/bias": (64,)}
    message = failure(PRETRAINED, deeper)
    assert "half-matched: 1 variables of the model's encoder" in message
    assert "bert/encoder/layer_3/output/dense/bias" in message
    assert "--allow_partial_init" in message

    report = read_weights(PRETRAINED, expected=deeper, allow_partial=True).report
    assert "bert/encoder/layer_3/output/dense/bias" in report.missing


def test_another_scope_lists_names_of_both_sides(encoder):
    renamed = {f"module/{name}": shape for name, shape in encoder.items()}
    message = failure(PRETRAINED, renamed, allow_partial=True)
    assert "none of the checkpoint's variables" in message
    assert "it has bert/embeddings/LayerNorm/beta, " in message
    assert "the model expects module/bert/embeddings/LayerNorm/beta, " in message
    assert "and 51 more" in message


def test_damage_is_an_error_even_for_a_partial_start(tmp_path, classifier):
    for name in os.listdir(GOLDEN):
        if name.startswith("bert_model.ckpt"):
            shutil.copy(os.path.join(GOLDEN, name), tmp_path)
    copied = str(tmp_path / "bert_model.ckpt")
    words = TensorBundle(copied).read(WORDS)
    with open(f"{copied}.data-00000-of-00001", "r+b") as file:
        file.seek(file.read().index(words.tobytes()))
        file.write(struct.pack("<f", 1.5))
    assert "the checksum of" in failure(copied, classifier, allow_partial=True)


# Other programs' weights -------------------------------------------------------------

HUGGING_FACE = os.path.join(GOLDEN, "../huggingface_bert_tiny/classifier")
LABELS = ("cold", "mild", "hot")


@pytest.fixture
def foreign():
    """The variables of the golden Hugging Face classifier."""
    return find.open_source(HUGGING_FACE).shapes()


def test_a_pooler_that_was_never_trained_is_fresh(foreign, tmp_path):
    shutil.copytree(HUGGING_FACE, tmp_path, dirs_exist_ok=True)
    path = tmp_path / "model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    for name in ("bert.pooler.dense.weight", "bert.pooler.dense.bias"):
        del tensors[name]
        safetensors.numpy.save_file(tensors, path)
        if name.endswith("weight"):
            message = failure(str(tmp_path), foreign)
            assert "half-matched: 1 variables" in message
    report = read_weights(str(tmp_path), expected=foreign).report
    assert set(report.missing) == {"bert/pooler/dense/kernel", "bert/pooler/dense/bias"}


def test_a_classifier_of_the_same_labels_is_put_in_order(foreign):
    plain = read_weights(HUGGING_FACE, expected=foreign, labels=LABELS).values
    turned = read_weights(HUGGING_FACE, expected=foreign, labels=LABELS[::-1]).values
    for name in ("output_weights", "output_bias"):
        np.testing.assert_array_equal(turned[name], plain[name][::-1])
    unsaid = read_weights(HUGGING_FACE, expected=foreign).values
    np.testing.assert_array_equal(unsaid["output_bias"], plain["output_bias"])


def test_a_classifier_of_other_labels_is_not_read(foreign):
    initial = read_weights(HUGGING_FACE, expected=foreign, labels=("a", "b", "c"))
    assert set(initial.report.missing) == {"output_weights", "output_bias"}
    assert set(initial.report.left_over) == {"output_weights", "output_bias"}
    assert "output_bias" not in initial.values


def test_the_sizes_that_settings_mean(golden_dir):
    given = {"init_checkpoint": HUGGING_FACE, "model_file": "x.model"}
    assert find_config(bert_config_file=None, **given).vocab_size == 50
    beside = f"{golden_dir}/bert_config.json"
    assert find_config(bert_config_file=beside, **given).vocab_size == 1200
    stored = {"vocab_size": 7}
    assert find_config(bert_config_file=None, stored=stored, **given).vocab_size == 7
    given["init_checkpoint"] = None
    assert find_config(bert_config_file=None, **given).vocab_size == 32000
    given["model_file"] = None
    with pytest.raises(SettingsError, match="--bert_config_file is required"):
        find_config(bert_config_file=None, **given)


# Another vocabulary ------------------------------------------------------------------

TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "w1", "[unused1]", "w2")


@pytest.fixture
def made_by(tmp_path):
    """The tokenizer of a vocabulary of its own."""

    def make(*tokens, **settings):
        path = tmp_path / "given.txt"
        path.write_text("\n".join(tokens or TOKENS) + "\n")
        return WordPieceTokenizer(str(path), **settings)

    return make


@pytest.mark.parametrize("name", ["", "added"])
def test_the_vocabulary_beside_the_weights(tmp_path, made_by, name):
    folder = tmp_path / "model"
    shutil.copytree(HUGGING_FACE, folder)
    source = find.open_source(str(folder))
    tokenizer_files.refuse_other_vocabulary(source, made_by())  # there is none
    if name:
        (folder / "tokenizer.json").write_text(
            json.dumps({"model": {"vocab": {t: n for n, t in enumerate(TOKENS)}}})
        )
    else:
        (folder / "vocab.txt").write_text("\r\n".join(TOKENS) + "\r\n")
    for same in (TOKENS, (*TOKENS[:6], "mine", "w2"), TOKENS[:-1], (*TOKENS, "w3")):
        tokenizer_files.refuse_other_vocabulary(source, made_by(*same))
    # White space that one program keeps, the other strips.
    (tmp_path / "kept.txt").write_text("\n".join([*TOKENS[:7], "w2 "]) + "\n")
    kept = read_word_piece(str(tmp_path / "kept.txt"), strip=False)
    tokenizer_files.refuse_other_vocabulary(source, WordPieceTokenizer(kept))
    with pytest.raises(SettingsError) as caught:
        tokenizer_files.refuse_other_vocabulary(source, made_by(*TOKENS[:7], "w9"))
    there = f"{folder}/{'tokenizer.json' if name else 'vocab.txt'}"
    assert str(caught.value) == (
        f"{tmp_path}/given.txt is another vocabulary than that of {folder}: the id 7 "
        f"is 'w9' there and 'w2' in {there}. Give the vocabulary that the weights were "
        "trained with."
    )


def test_the_tokenizer_of_the_run_that_trained_them(tmp_path, made_by, encoder):
    trained_with = made_by()
    folder = checkpoints.save(
        str(tmp_path / "run/checkpoints"),
        step=1,
        weights={n: np.zeros(s, np.float32) for n, s in encoder.items()},
        slots={},
        state={"tokenizer": trained_with.fingerprint()},
    )
    source = find.open_source(folder)
    tokenizer_files.refuse_other_vocabulary(source, trained_with)
    for other in (made_by(*TOKENS, "w3"), made_by(do_lower_case=False)):
        with pytest.raises(SettingsError, match="trained with another tokenizer") as e:
            tokenizer_files.refuse_other_vocabulary(source, other)
    assert "--do_lower_case true there, false here" in str(e.value)
    assert "vocabulary_sha256" not in str(e.value)


@pytest.mark.parametrize("script", ["classifier", "extraction", "pretraining"])
def test_every_start_compares_vocabularies(small_task, tmp_path, script):
    folder = str(tmp_path / "model")
    shutil.copytree(HUGGING_FACE, folder)
    words = [*TOKENS[:5], "other", *small_task.vocabulary[6:]]
    (tmp_path / "model/vocab.txt").write_text("\n".join(words) + "\n")
    given = small_task.settings() | {"bert_config_file": None}
    vocabulary = {"vocab_file": given["vocab_file"], "max_seq_length": 16}
    starts = {
        "classifier": lambda: preparation.prepare(
            ClassifierSettings(
                **given, init_checkpoint=folder, do_train=True, output_dir=folder
            )
        ),
        "extraction": lambda: extraction_preparation.prepare(
            ExtractionSettings(
                **vocabulary, init_checkpoint=folder, input_file="x", output_file="y"
            )
        ),
        "pretraining": lambda: pretraining_preparation.prepare(
            PretrainingSettings(
                **vocabulary,
                init_checkpoint=folder,
                text_file=("x",),
                do_train=True,
                output_dir=folder,
                max_predictions_per_seq=3,
            )
        ),
    }
    with pytest.raises(SettingsError, match="is another vocabulary than that of"):
        starts[script]()
