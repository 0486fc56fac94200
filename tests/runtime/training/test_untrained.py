"""Nothing is computed with parts of a model that are still at their initial values."""

import dataclasses
import os
import shutil

import pytest
import safetensors.numpy

from processors.pretraining.settings import PretrainingTask
from runtime import storage
from runtime.errors import CheckpointError
from runtime.training import untrained
from tf_bert.classifier import preparation
from tf_bert.classifier import run as classify
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import bundled, find, weights
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.source import untrained_pooler
from tf_bert.formats.tokenizer_files import TokenizerFiles
from tf_bert.pretraining import preparation as pretraining_preparation
from tf_bert.pretraining import run as pretrain
from tf_bert.pretraining.settings import PretrainingSettings
from tf_bert.vectors import preparation as extraction_preparation
from tf_bert.vectors import run as extract
from tf_bert.vectors.encoder import VectorEncoder, WantedVectors
from tf_bert.vectors.settings import ExtractionSettings, Pooling

HUGGING_FACE = os.path.join(
    os.path.dirname(__file__), "../../golden/huggingface_bert_tiny"
)
POOLER = ("bert.pooler.dense.weight", "bert.pooler.dense.bias")


def without(folder, kind, *parts):
    """A copy of the golden weights that lacks what begins so."""
    shutil.copytree(f"{HUGGING_FACE}/{kind}", folder)
    path = f"{folder}/model.safetensors"
    tensors = safetensors.numpy.load_file(path)
    kept = {n: value for n, value in tensors.items() if not n.startswith(parts)}
    assert len(kept) < len(tensors)
    safetensors.numpy.save_file(kept, path)
    return str(folder)


@pytest.fixture
def sizes(small_task):
    """The small task with the sizes of the weights."""
    return small_task.settings() | {"bert_config_file": None}


def classifier(sizes, folder, **settings):
    return ClassifierSettings(
        **{**sizes, "init_checkpoint": folder, "output_dir": f"{folder}-out"},
        **settings,
    )


def test_the_rule():
    untrained.refuse((), path="a", work="scores", advice="Train.")
    with pytest.raises(CheckpointError) as caught:
        untrained.refuse(("b", "c"), path="a", work="scores", advice="Train.")
    assert str(caught.value) == (
        "a has no trained b, c: scores would come from random numbers. Train."
    )


# Every script with a model -----------------------------------------------------------


@pytest.mark.parametrize("work", ["do_eval", "do_predict"])
@pytest.mark.parametrize("parts", [("classifier",), POOLER])
def test_classifiers(sizes, tmp_path, place_on, work, parts):
    folder = without(tmp_path / "model", "classifier", *parts)
    job = preparation.prepare(classifier(sizes, folder, **{work: True}))
    with pytest.raises(CheckpointError, match=r"has no trained .*: predictions would"):
        classify.run(job, placement=place_on())
    assert not os.path.exists(f"{folder}-out/eval_results.txt")


def test_a_head_on_a_frozen_bert(sizes, tmp_path):
    folder = without(tmp_path / "model", "classifier", *POOLER)
    with pytest.raises(CheckpointError, match=r"no trained bert/pooler.*: pooled vec"):
        preparation.prepare(classifier(sizes, folder, train="head", do_train=True))


@pytest.mark.slow
def test_vectors_that_a_comparison_leaves_out(sizes, tmp_path, place_on, caplog):
    folder = without(tmp_path / "model", "pretraining", *POOLER)
    work = {"do_train": True, "do_eval": True, "max_steps": 1, "compare": True}
    caplog.set_level("INFO")
    job = preparation.prepare(classifier(sizes, folder, **work))
    classify.run(job, placement=place_on())
    table = storage.read_text(f"{folder}-out/compare.txt")
    assert "frozen BERT, mean" in table
    assert "frozen BERT, pooled" not in table
    assert f"{folder} has no trained pooler: frozen BERT, pooled, is" in caplog.text


def test_layers_that_are_never_trained(sizes, tmp_path, place_on):
    folder = without(tmp_path / "model", "classifier", "bert.encoder.layer.0.output")
    settings = {"allow_partial_init": True, "do_train": True, "max_steps": 1}
    job = preparation.prepare(classifier(sizes, folder, train="top:1", **settings))
    with pytest.raises(CheckpointError, match=r"no trained bert/encoder/layer_0/out"):
        classify.run(job, placement=place_on())


def extraction(folder, sizes, pooling):
    return ExtractionSettings(
        input_file=f"{folder}/config.json",
        output_file=f"{folder}-out/out.npz",
        vocab_file=sizes["vocab_file"],
        init_checkpoint=folder,
        max_seq_length=16,
        layers=("-1",),
        pooling=pooling,
    )


def test_pooled_vectors(sizes, tmp_path, place_on):
    folder = without(tmp_path / "model", "pretraining", *POOLER)
    with pytest.raises(CheckpointError) as caught:
        extraction_preparation.prepare(extraction(folder, sizes, Pooling.POOLED))
    assert str(caught.value) == (
        f"{folder} has no trained bert/pooler/dense/kernel, bert/pooler/dense/bias: "
        "pooled vectors would come from random numbers. Take other vectors "
        "(--pooling=mean or cls), or train the whole model on a task (--train=full) "
        "first."
    )
    source = find.open_source(folder)
    with pytest.raises(CheckpointError, match="pooled vectors would come from"):
        VectorEncoder(
            source.config,
            source=source,
            wanted=WantedVectors(
                pooling=Pooling.POOLED, max_seq_length=8, batch_size=2
            ),
            placement=place_on(),
        )
    job = extraction_preparation.prepare(extraction(folder, sizes, Pooling.MEAN))
    extract.run(job, placement=place_on())
    assert os.path.exists(f"{folder}-out/out.npz")


@pytest.mark.parametrize(
    "parts", [("cls.predictions",), ("cls.seq_relationship",), POOLER]
)
def test_masked_language_models(sizes, tmp_path, place_on, parts):
    folder = without(tmp_path / "model", "pretraining", *parts)
    text = tmp_path / "text.txt"
    text.write_text("w1 w2 w3 w4 w5\nw6 w7 w8 w9\n\nw11 w12 w13\nw14 w15 w16\n" * 4)
    settings = PretrainingSettings(
        text_file=(str(text),),
        vocab_file=sizes["vocab_file"],
        init_checkpoint=folder,
        output_dir=f"{folder}-out",
        max_seq_length=16,
        max_predictions_per_seq=3,
        do_eval=True,
    )
    job = pretraining_preparation.prepare(settings)
    assert job.relates_segments
    with pytest.raises(CheckpointError, match=r"has no trained .*: scores would come"):
        pretrain.run(job, placement=place_on())
    assert not os.path.exists(f"{folder}-out/eval_results.txt")


@pytest.mark.slow
def test_a_pooler_that_pre_training_leaves_as_it_started(sizes, tmp_path, place_on):
    """Masked tokens alone do not train it; it is in the checkpoint all the same."""
    text = tmp_path / "text.txt"
    text.write_text("w1 w2 w3 w4 w5\nw6 w7 w8 w9\n\nw11 w12 w13\nw14 w15 w16\n" * 4)
    folder = str(tmp_path / "run")
    start = PretrainingSettings(
        text_file=(str(text),),
        vocab_file=sizes["vocab_file"],
        bert_config_file=f"{os.path.dirname(sizes['vocab_file'])}/bert_config.json",
        objective=PretrainingTask.MLM,
        output_dir=folder,
        max_seq_length=16,
        max_predictions_per_seq=3,
        max_steps=1,
        do_train=True,
        do_eval=True,
    )
    again = dataclasses.replace(
        start, init_checkpoint=folder, output_dir=f"{folder}-again", do_train=False
    )
    for settings in (start, again):
        job = pretraining_preparation.prepare(settings)
        pretrain.run(job, placement=place_on())
        assert os.path.exists(f"{settings.output_dir}/eval_results.txt")
    source = find.open_source(folder)
    assert source.untrained == ("bert/pooler/dense/kernel", "bert/pooler/dense/bias")
    assert source.special_ids == {"pad": 0, "unk": 1, "cls": 2, "sep": 3, "mask": 4}
    with pytest.raises(CheckpointError, match="pooled vectors would come from"):
        extraction_preparation.prepare(extraction(folder, sizes, Pooling.POOLED))
    report = convert(
        Conversion(input=folder, output=f"{folder}-hf", to=WeightsFormat.HUGGING_FACE)
    )
    assert "bert/pooler/dense/kernel (not trained)" in report.left_out
    assert "bert/pooler/dense/kernel" not in find.open_source(f"{folder}-hf").shapes()


def test_the_model_in_the_box_has_no_trained_pooler(tmp_path):
    """It is there, so that fine-tuning starts as it always did, and says so."""
    source = find.open_source("bundled:ja-mini")
    assert (source.read("bert/pooler/dense/bias") == 0).all()
    report = weights.check(source, config=source.config, allow_partial=False)
    assert report.missing == ()
    with pytest.raises(CheckpointError, match=r"pooler/dense/kernel, .*: pooled vec"):
        weights.refuse_untrained_pooler(report)
    made = str(tmp_path / "made")
    convert(Conversion(input="bundled:ja-mini", output=made, to=WeightsFormat.NATIVE))
    assert "bert/pooler/dense/bias" not in find.open_source(made).shapes()


def test_what_is_in_the_box_keeps_saying_it(golden_dir, tmp_path):
    source = find.open_source(f"{golden_dir}/bert_model.ckpt")
    source.untrained = ("bert/pooler/dense/kernel",)
    bundled.write(
        str(tmp_path / "box"), source, tokenizer=TokenizerFiles(), dropout=0.1
    )
    written = find.open_source(str(tmp_path / "box"))
    assert written.untrained == ("bert/pooler/dense/kernel",)
    assert untrained_pooler(written) == ["bert/pooler/dense/kernel"]
