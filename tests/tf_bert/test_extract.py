import json

import numpy as np
import pytest

from runtime import storage
from runtime.errors import DataError, SettingsError
from tf_bert import extract
from tf_bert.extraction_preparation import prepare
from tf_bert.extraction_settings import ExtractionSettings, Pooling

WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *(f"w{n}" for n in range(1195))]
LINES = ["w1 w2 w3", "", "w4 ||| w5 w6", "w7 nothing " + "w8 " * 90]


@pytest.fixture
def make_settings(tmp_path, golden_dir):
    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    (tmp_path / "texts.txt").write_text("\n".join(LINES) + "\n")

    def make(**changes):
        settings = {
            "input_file": str(tmp_path / "texts.txt"),
            "output_file": str(tmp_path / "out.jsonl"),
            "vocab_file": str(tmp_path / "vocab.txt"),
            "init_checkpoint": f"{golden_dir}/bert_model.ckpt",
            "layers": ("-1", "-2"),
            "max_seq_length": 32,
        }
        return ExtractionSettings(**{**settings, **changes})

    return make


def test_json_lines_of_the_original(make_settings, place_on):
    settings = make_settings()
    extract.run(prepare(settings), placement=place_on())
    rows = list(map(json.loads, storage.read_text(settings.output_file).splitlines()))
    assert [row["linex_index"] for row in rows] == [0, 1, 2, 3]
    tokens = [[each["token"] for each in row["features"]] for row in rows]
    assert tokens[0] == ["[CLS]", "w1", "w2", "w3", "[SEP]"]
    assert tokens[1] == ["[CLS]", "[SEP]"]
    assert tokens[2] == ["[CLS]", "w4", "[SEP]", "w5", "w6", "[SEP]"]
    assert len(tokens[3]) == 32
    [first, second] = rows[0]["features"][1]["layers"]
    assert (first["index"], second["index"]) == (-1, -2)
    assert len(first["values"]) == 64
    assert first["values"] == [round(value, 6) for value in first["values"]]
    assert list(rows[0]) == ["linex_index", "features"]


@pytest.mark.slow
def test_archives_hold_the_same(make_settings, place_on, tmp_path):
    placement = place_on()
    lines = make_settings()
    archive = make_settings(output_file=str(tmp_path / "out.npz"))
    means = make_settings(
        output_file=str(tmp_path / "means.npz"),
        pooling=Pooling.MEAN,
        cache_dir=str(tmp_path / "cache"),
    )
    for settings in (lines, archive, means, means):
        extract.run(prepare(settings), placement=placement)
    rows = list(map(json.loads, storage.read_text(lines.output_file).splitlines()))
    expected = [
        [[layer["values"] for layer in each["layers"]] for each in row["features"]]
        for row in rows
    ]
    with np.load(archive.output_file) as tokens, np.load(means.output_file) as pooled:
        assert tokens["layers"].tolist() == pooled["layers"].tolist() == [-1, -2]
        assert tokens["vectors"].shape[0] == tokens["offsets"][-1]
        for number, vectors in enumerate(expected):
            span = slice(*tokens["offsets"][number : number + 2])
            # Lines round to six decimals.
            assert np.abs(tokens["vectors"][span] - vectors).max() <= 1e-6
            mean = np.mean(vectors, axis=0)
            assert np.abs(pooled["vectors"][number] - mean).max() <= 1e-5
    assert len(storage.glob(f"{tmp_path}/cache/*/*.safetensors")) == 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"input_file": None}, "--input_file is required"),
        ({"init_checkpoint": None}, "--init_checkpoint is required"),
        ({"layers": ("x",)}, "'x'"),
        ({"cache_dir": "somewhere"}, "--cache_dir"),
        ({"batch_size": 0}, "--batch_size"),
    ],
)
def test_wrong_settings(make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        make_settings(**changes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layers": ("-4",)}, "from -3 to 2"),
        ({"max_seq_length": 1000}, "1000"),
    ],
)
def test_settings_that_do_not_fit_the_bert(make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        prepare(make_settings(**changes))


def test_no_text(tmp_path):
    (tmp_path / "empty.txt").write_text("")
    with pytest.raises(DataError, match="no line"):
        extract.read_examples(str(tmp_path / "empty.txt"))
