"""What it costs to read weights from a bucket: each byte once, few requests."""

import os

import numpy as np
import pytest

from runtime.checkpoints import checkpoints
from runtime.training.job import restore
from tf_bert.classifier import preparation
from tf_bert.classifier.settings import ClassifierSettings
from tf_bert.formats import find, weights
from tf_bert.formats.convert import Conversion, convert
from tf_bert.formats.names import WeightsFormat
from tf_bert.pretraining.settings import PretrainingSettings

MOST = 1.1  # times the bytes that are needed
REQUESTS = 28  # of any kind, whatever the number of tensors, which is 57
WEIGHTS = {
    WeightsFormat.TF1: "bert_model.ckpt.data-00000-of-00001",
    WeightsFormat.HUGGING_FACE: "model.safetensors",
    WeightsFormat.KERAS_HUB: "model.weights.h5",
    WeightsFormat.NATIVE: "weights.safetensors",
}


def put(server, folder, *, name):
    """Puts a folder in the bucket: its path there."""
    for root, _, files in os.walk(folder):
        for each in files:
            path = os.path.join(root, each)
            with open(path, "rb") as file:
                server.put(f"{name}/{os.path.relpath(path, folder)}", file.read())
    server.log.clear()
    server.sent.clear()
    return f"gs://my-bucket/{name}"


@pytest.fixture(scope="module")
def source(golden_dir):
    """A classifier with steps and optimiser slots beside it."""
    return find.open_source(f"{golden_dir}/model.ckpt-20")


@pytest.fixture(scope="module")
def run(source, tmp_path_factory):
    """A run's folder, two thirds of which are slots."""
    values = {
        name: source.read(name)
        for name in source.shapes()
        if name.startswith(("bert/", "output_")) and "/adam_" not in name
    }
    folder = tmp_path_factory.mktemp("run")
    checkpoints.save(
        str(folder / checkpoints.DIRECTORY),
        step=7,
        weights=values,
        slots={f"{n}/adam_{x}": value for n, value in values.items() for x in "mv"},
        state={"bert_config": source.config.to_dict(), "labels": []},
    )
    return str(folder)


@pytest.fixture(scope="module")
def folders(run, tmp_path_factory):
    """A folder of each kind."""
    found = {WeightsFormat.NATIVE: run}
    for kind in WeightsFormat:
        if kind is not WeightsFormat.NATIVE:
            found[kind] = str(tmp_path_factory.mktemp("folders") / kind.value)
            convert(Conversion(input=run, output=found[kind], to=kind))
    return found


def needed(server, kind):
    """Bytes of what must be read: all but slots."""
    return sum(
        len(content)
        for name, content in server.contents().items()
        if not name.endswith("optimizer.safetensors")
    )


@pytest.mark.parametrize("kind", WeightsFormat)
def test_each_byte_is_read_once(fake_bucket, folders, source, kind):
    opened = find.open_source(put(fake_bucket, folders[kind], name="model"))
    for name in opened.shapes():
        np.testing.assert_array_equal(opened.read(name), source.read(name))
    assert len(opened.shapes()) == 57
    assert sum(fake_bucket.sent) <= MOST * needed(fake_bucket, kind)
    assert len(fake_bucket.log) <= REQUESTS
    read = [each.name for each in fake_bucket.log if each.operation == "read"]
    assert sum(name.endswith(WEIGHTS[kind]) for name in read) == 1


@pytest.mark.parametrize("kind", WeightsFormat)
def test_a_run_opens_its_start_once(fake_bucket, folders, small_task, kind, tmp_path):
    """From the settings to the values."""
    sizes = small_task.settings() | {"bert_config_file": None}
    job = preparation.prepare(
        ClassifierSettings(
            **sizes,
            output_dir=str(tmp_path / "out"),
            init_checkpoint=put(fake_bucket, folders[kind], name="model"),
            do_train=True,
        )
    )
    expected = job.start.shapes()
    found = weights.take_weights(job.start, expected=expected)
    assert found.values.keys() == expected.keys()
    assert sum(fake_bucket.sent) <= MOST * needed(fake_bucket, kind)
    # Tokenizer beside it or of its run, digest, which checkpoint the run chose.
    assert len(fake_bucket.log) <= REQUESTS + 20


@pytest.mark.parametrize("trains", [True, False])
def test_slots_are_for_training_that_goes_on(fake_bucket, run, trains):
    path = put(fake_bucket, run, name="run")
    settings = PretrainingSettings(
        output_dir=path, input_file=("x",), do_train=trains, do_eval=True
    )
    restored = restore(settings, init_checkpoint=None)
    values = {**restored.weights, **restored.slots}
    assert len(values) == (3 * 57 if trains else 57)
    read = [each.name for each in fake_bucket.log if each.operation == "read"]
    assert any(name.endswith("optimizer.safetensors") for name in read) == trains
    size = sum(value.nbytes for value in values.values())
    assert size < sum(fake_bucket.sent) <= MOST * size
    assert len(fake_bucket.log) <= REQUESTS
