import dataclasses

import numpy as np
import pytest

from runtime import storage
from runtime.errors import CheckpointError
from tf_bert.formats import bundled, find


@pytest.fixture
def shipped(tmp_path, monkeypatch, golden_dir):
    """A toolkit that ships one model."""
    monkeypatch.setattr(bundled, "_FOLDER", str(tmp_path))
    source = find.open_source(f"{golden_dir}/bert_model.ckpt")
    bundled.write(f"{tmp_path}/tiny-bert", source, dropout=0.25)
    return source


def test_a_name_stands_for_the_model(shipped, tmp_path):
    found = find.open_source("bundled:tiny-bert")
    assert found.shapes() == shipped.shapes()
    assert find.find_config("bundled:tiny-bert") == dataclasses.replace(
        shipped.config, hidden_dropout_prob=0.25, attention_probs_dropout_prob=0.25
    )
    for name in found.shapes():
        expected = shipped.read(name).astype(np.float16).astype(np.float32)
        np.testing.assert_array_equal(found.read(name), expected)
    numbers = sum(int(np.prod(shape)) for shape in found.shapes().values())
    size = storage.size(f"{tmp_path}/tiny-bert/model.safetensors")
    assert 2 * numbers < size < 2 * numbers + 20_000


def test_unknown_names_list_the_known(shipped):
    with pytest.raises(CheckpointError, match="There is: tiny-bert"):
        find.open_source("bundled:huge-bert")


def test_other_paths_stay():
    assert bundled.resolve("some/folder") == "some/folder"


def test_numbers_that_float16_has_not(shipped, tmp_path):
    read = shipped.read

    class Large:
        path, config, labels = shipped.path, shipped.config, ()
        special_ids, untrained = shipped.special_ids, ()
        shapes = shipped.shapes

        def read(self, name):
            return read(name) * 1e6

    with pytest.raises(CheckpointError, match="float16 has not"):
        bundled.write(str(tmp_path / "large"), Large(), dropout=0.1)
