import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from processors.tokenization import hugging_face
from runtime import storage
from runtime.errors import CheckpointError
from tf_bert.formats import bundled, find, tokenizer_files
from tf_bert.formats.names import WeightsFormat
from tf_bert.formats.tokenizer_files import TokenizerFiles

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), *[os.pardir] * 3))
PIECES = os.path.join(ROOT, "processors", "data", "aozora_spm_8k", "aozora-ja.model")


@pytest.fixture
def pieces(tmp_path_factory):
    """The folder of a SentencePiece tokenizer."""
    folder = tmp_path_factory.mktemp("pieces")
    shutil.copy(PIECES, folder / hugging_face.MODEL)
    said = hugging_face.of_pieces(do_lower_case=True)
    (folder / hugging_face.CONFIG).write_text(json.dumps(said))
    return str(folder)


@pytest.fixture
def shipped(tmp_path, monkeypatch, golden_dir, pieces):
    """A toolkit that ships one model."""
    monkeypatch.setattr(bundled, "_FOLDER", str(tmp_path))
    source = find.open_source(f"{golden_dir}/bert_model.ckpt")
    tokenizer = tokenizer_files.find(pieces, WeightsFormat.HUGGING_FACE)
    bundled.write(f"{tmp_path}/tiny-bert", source, tokenizer=tokenizer, dropout=0.25)
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
        bundled.write(
            str(tmp_path / "large"), Large(), tokenizer=TokenizerFiles(), dropout=0.1
        )


def test_the_tokenizer_lies_beside_the_weights(shipped, tmp_path, pieces):
    """Its ids are those of the configuration: 0 would pad with the unknown token."""
    folder = str(tmp_path / "tiny-bert")
    tokenizer = hugging_face.read(folder)
    assert tokenizer.fingerprint() == hugging_face.read(pieces).fingerprint()
    found = find.open_source("bundled:tiny-bert")
    assert found.special_ids == tokenizer.special.known()
    assert found.special_ids["pad"] == 3
    with open(f"{folder}/config.json", encoding="utf-8") as file:
        assert json.load(file)["pad_token_id"] == 3


@pytest.mark.parametrize("name", bundled.names())
def test_what_is_in_the_box_is_whole(name):
    """Weights, tokenizer and card, for --init_checkpoint alone, and small."""
    folder = bundled.resolve(f"bundled:{name}")
    found = find.open_source(folder)
    assert found.special_ids == hugging_face.read(folder).special.known()
    assert storage.exists(storage.join(folder, "README.md"))
    sizes = [storage.size(storage.join(folder, n)) for n in storage.list_dir(folder)]
    assert sum(sizes) < 25_000_000
