import json

import numpy as np
import pytest

from runtime import storage
from runtime.errors import SettingsError
from tf_bert.vectors import run as extract
from tf_bert.vectors.parts import VectorParts
from tf_bert.vectors.preparation import prepare
from tf_bert.vectors.settings import ExtractionSettings, Pooling

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
        ({"encoding": "no-such"}, "--encoding"),
        ({"text_b": "b"}, "give --text_a"),
        ({"text_a": "text", "header": False}, "text_a: .* position such as 0"),
        ({"text_a": "text", "delimiter": "two"}, "--delimiter"),
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


def vectors_of(settings):
    with np.load(settings.output_file) as archive:
        return archive["vectors"]


def test_what_is_cut_and_done_is_told(make_settings, place_on, caplog, capfd):
    caplog.set_level("INFO")
    extract.run(prepare(make_settings()), placement=place_on())
    assert "1 of 4 texts are cut at --max_seq_length=32; the longest has 94" in (
        caplog.text
    )
    assert "Running on" in caplog.text
    assert "text 4/4" in capfd.readouterr().err
    caplog.clear()
    extract.run(prepare(make_settings(max_seq_length=94)), placement=place_on())
    assert "cut at" not in caplog.text


class TakenAwayError(Exception):
    """The machine is taken away."""


@pytest.fixture
def stopping(monkeypatch):
    """Ends an extraction when it is about to keep its second part."""
    add = VectorParts.add

    def stop_at_the_second(parts, part):
        if len(parts) == 1:
            raise TakenAwayError
        add(parts, part)

    monkeypatch.setattr(extract, "_BATCHES_A_PART", 1)
    with monkeypatch.context() as patch:
        patch.setattr(VectorParts, "add", stop_at_the_second)
        yield patch


@pytest.mark.parametrize("name", ["out.jsonl", "out.npz"])
def test_it_goes_on_after_what_was_done(
    make_settings, place_on, tmp_path, stopping, name, caplog
):
    caplog.set_level("INFO")
    placement = place_on()
    whole = make_settings(output_file=str(tmp_path / f"whole-{name}"), batch_size=2)
    settings = make_settings(output_file=str(tmp_path / name), batch_size=2)
    with pytest.raises(TakenAwayError):
        extract.run(prepare(settings), placement=placement)
    assert not storage.exists(settings.output_file)
    stopping.undo()
    extract.run(prepare(settings), placement=placement)
    assert "Going on with what a stopped run has left" in caplog.text
    extract.run(prepare(whole), placement=placement)
    if name.endswith(".npz"):  # whose members bear the time
        with np.load(whole.output_file) as a, np.load(settings.output_file) as b:
            assert {k: v.tolist() for k, v in a.items()} == {
                k: v.tolist() for k, v in b.items()
            }
    else:
        made = [storage.read_bytes(each.output_file) for each in (whole, settings)]
        assert made[0] == made[1]
    assert storage.glob(f"{tmp_path}/*.parts") == []


def test_parts_of_other_texts_are_not_taken(
    make_settings, place_on, tmp_path, stopping
):
    placement = place_on()
    pooled = {"output_file": str(tmp_path / "out.npz"), "pooling": Pooling.MEAN}
    settings = make_settings(batch_size=2, **pooled)
    with pytest.raises(TakenAwayError):
        extract.run(prepare(settings), placement=placement)
    stopping.undo()
    other = tmp_path / "texts.txt"
    other.write_text("w9\n" + "\n".join(LINES[1:]) + "\n")
    extract.run(prepare(settings), placement=placement)
    resumed = vectors_of(settings)
    extract.run(prepare(settings), placement=placement)
    assert resumed.tolist() == vectors_of(settings).tolist()


def test_a_part_holds_about_as_many_numbers_for_any_pooling(make_settings, monkeypatch):
    tokens = prepare(make_settings(batch_size=4))
    means = prepare(make_settings(batch_size=4, pooling=Pooling.MEAN))
    two_batches_of_tokens = 2 * 4 * 32 * 2 * 64  # texts, tokens, layers, hidden
    monkeypatch.setattr(extract, "_NUMBERS_A_PART", two_batches_of_tokens)
    assert extract._texts_a_part(tokens) == 2 * 4
    assert extract._texts_a_part(means) == 32 * 4
    monkeypatch.setattr(extract, "_NUMBERS_A_PART", 1)
    assert extract._texts_a_part(tokens) == 4
