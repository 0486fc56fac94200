"""Scores of pairs with bi-encoders that were trained in this process."""

import dataclasses
import json
import subprocess
import sys

import keras  # noqa: F401 - what is scored was trained on its backend
import numpy as np
import pytest

from processors.readers.sieve import OnBadRow
from runtime import storage
from runtime.errors import CheckpointError, DataError, SettingsError
from tests.tf_bert.pairs import golden
from tests.tf_bert.pairs.conftest import LABELS, replaced
from tf_bert.pairs import scoring_run
from tf_bert.pairs.scoring_settings import CachePrecision, ScoringSettings

FEW = ["vectors/additive", "tokens/reduced"]


@pytest.fixture
def settings(trained_runs, pairs_task, tmp_path, backend):
    def make(way="vectors/additive", **others):
        told = {
            "init_checkpoint": trained_runs(way),
            "texts_file": f"{pairs_task}/texts.json",
            "pairs_file": f"{pairs_task}/pairs.json",
            "output_file": f"{tmp_path}/out/scores.tsv",
            "cache_dir": f"{tmp_path}/cache",
            "accelerator": "cpu",
            "backend": backend,
        }
        return ScoringSettings(
            **scoring_run.fill(
                ScoringSettings,
                {
                    **{
                        field.name: field.default
                        for field in dataclasses.fields(ScoringSettings)
                    },
                    **(told | others),
                },
                given=(told | others).keys(),
            )
        )

    return make


@pytest.fixture
def score(place_on, monkeypatch):
    """Scores; the process has been placed already."""
    monkeypatch.setattr(ScoringSettings, "place", lambda _: place_on())

    def score(settings):
        scoring_run.run(scoring_run.prepare(settings))
        return table(settings.output_file)

    return score


def table(path):
    return [line.split("\t") for line in storage.read_text(path).splitlines()]


def report(settings):
    path = storage.join(storage.dirname(settings.output_file), "cache_report.txt")
    return dict(line.split(" = ") for line in storage.read_text(path).splitlines())


@pytest.mark.parametrize("way", FEW)
def test_scores_are_the_runs_own_predictions(way, settings, score, trained_runs):
    told = settings(way, cache_precision=CachePrecision.FLOAT32)
    header, *rows = score(told)
    assert header == ["id_a", "id_b", *LABELS, "predicted"]
    ids = [[f"t{a}", f"t{b}"] for a, b in golden.SPEC["pairs"]]
    assert [row[:2] for row in rows] == ids
    found = np.array([row[2:5] for row in rows], float)
    expected = np.array(table(f"{trained_runs(way)}/test_results.tsv"), float)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert [LABELS[place] for place in found.argmax(axis=1)] == [r[5] for r in rows]


def test_the_second_run_encodes_nothing_and_loads_no_framework(settings, score):
    told = settings()
    first = score(told)
    assert report(told)["found"] == "0"
    assert report(told)["encoded"] == "11"
    program = f"""
import sys
from tf_bert.pairs import scoring_run
from tf_bert.pairs.scoring_settings import ScoringSettings
told = dict(
    init_checkpoint={told.init_checkpoint!r}, texts_file={told.texts_file!r},
    pairs_file={told.pairs_file!r}, output_file={told.output_file!r},
    cache_dir={told.cache_dir!r}, tokenizer_dir={golden.ENCODER!r}, max_seq_length=40,
)
scoring_run.run(scoring_run.prepare(ScoringSettings(**told)))
print(*sorted({{"keras", "tensorflow", "jax", "sklearn"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []
    assert table(told.output_file) == first
    assert report(told) | {"seconds_finding": "", "seconds_encoding": ""} == {
        **report(told),
        "texts": "11",
        "found": "11",
        "encoded": "0",
        "seconds_finding": "",
        "seconds_encoding": "",
    }


@pytest.mark.parametrize("way", FEW)
def test_half_precision_moves_probabilities_little(way, settings, score, tmp_path):
    exact = score(settings(way, cache_precision=CachePrecision.FLOAT32))
    other = {"cache_dir": f"{tmp_path}/half", "output_file": f"{tmp_path}/half.tsv"}
    half = score(settings(way, **other))
    numbers = [np.array([r[2:5] for r in rows[1:]], float) for rows in (exact, half)]
    assert 0 < np.abs(numbers[0] - numbers[1]).max() < 1e-3


@pytest.mark.slow
def test_one_head_after_another_shares_a_frozen_encoders_cache(
    settings, score, trained_runs
):
    told = settings(init_checkpoint=trained_runs("vectors/additive", train="head"))
    score(told)
    assert report(told)["encoded"] == "11"
    other = settings(init_checkpoint=trained_runs("vectors/reduced", train="head"))
    score(other)
    assert report(other)["found"] == "11"


def test_a_cache_of_another_encoder_is_refused(settings, score, trained_runs):
    score(settings())
    other = settings(init_checkpoint=trained_runs("vectors/dot"))
    with pytest.raises(SettingsError) as caught:
        score(other)
    said = str(caught.value)
    assert "fingerprint: " in said
    assert "weights: " in said
    assert "pooling" not in said  # which is the same
    with pytest.raises(SettingsError, match="kept as: float16 there, float32 here"):
        score(settings(cache_precision=CachePrecision.FLOAT32))
    with pytest.raises(SettingsError, match="max_seq_length: 40 there, 20 here"):
        score(settings(max_seq_length=20))


def test_a_damaged_file_is_named(settings, score):
    told = settings()
    score(told)
    [path] = storage.glob(f"{told.cache_dir}/*.safetensors")
    content = storage.read_bytes(path)
    storage.write_bytes(path, content[:-1])
    with pytest.raises(DataError, match=rf"{path}.*Delete the file"):
        score(told)


def test_only_what_is_new_is_encoded(settings, score, tmp_path):
    told = settings()
    score(told)
    texts = json.loads(storage.read_text(told.texts_file))
    texts = {"new": "新しい", **dict(reversed(texts.items())), "again": texts["t0"]}
    storage.write_text(f"{tmp_path}/more.json", json.dumps(texts))
    storage.write_text(f"{tmp_path}/p.json", '[["t0", "t1"], ["again", "t1"]]')
    rows = score(
        settings(texts_file=f"{tmp_path}/more.json", pairs_file=f"{tmp_path}/p.json")
    )
    assert report(told)["encoded"] == "1"
    assert rows[1][2:] == rows[2][2:]


@pytest.mark.parametrize("way", FEW)
def test_the_best_partners_of_every_text(way, settings, score, pairs_task, tmp_path):
    told = settings(way, pairs_file=None, all_pairs=True, top_k=3, label="odd")
    rows = score(told)[1:]
    assert [row[0] for row in rows] == [f"t{n}" for n in range(11) for _ in range(3)]
    every = [[f"t{a}", f"t{b}"] for a in range(11) for b in range(11) if a != b]
    storage.write_text(f"{tmp_path}/all.json", json.dumps(every))
    whole = score(settings(way, pairs_file=f"{tmp_path}/all.json"))[1:]
    for number in range(11):
        mine = [row for row in whole if row[0] == f"t{number}"]
        mine.sort(key=lambda row: -float(row[3]))
        shares = [float(row[3]) for row in rows if row[0] == f"t{number}"]
        best = [float(row[3]) for row in mine[:3]]
        np.testing.assert_allclose(shares, best, atol=1e-6)
    by_place = replaced(told, label="1")
    assert score(by_place)[1:] == rows


@pytest.mark.parametrize(
    "pairs",
    [
        '[["t0", "t1", "even"], [["t2", "t3"], "odd"]]',
        '[{"text_a": "t0", "text_b": "t1"}, {"text_a": "t2", "text_b": "t3"}]',
        "t0\tt1\nt2\tt3\n",
    ],
)
def test_forms_of_a_pairs_file(pairs, settings, score, tmp_path):
    path = f"{tmp_path}/pairs.tsv" if "\t" in pairs else f"{tmp_path}/pairs.json"
    storage.write_text(path, pairs)
    rows = score(settings(pairs_file=path))
    assert [row[:2] for row in rows[1:]] == [["t0", "t1"], ["t2", "t3"]]


def test_a_pair_with_an_unknown_id(settings, score, tmp_path):
    path = f"{tmp_path}/pairs.json"
    storage.write_text(path, '[["t0", "t1"],\n ["t0", "t99"],\n ["t2", "t3"]]')
    told = settings(pairs_file=path)
    with pytest.raises(DataError, match=r"pairs.json:2.*no text with the id 't99'"):
        score(told)
    assert not storage.exists(told.output_file)
    rows = score(replaced(told, on_bad_row=OnBadRow.REJECT))
    assert len(rows) == 3
    assert "t99" in storage.read_text(f"{told.output_file}.rejects.jsonl")


def test_an_empty_text(settings, score, tmp_path):
    storage.write_text(f"{tmp_path}/t.json", '{"t0": "x", "t1": "  "}')
    with pytest.raises(DataError, match="the text 't1' is empty"):
        score(settings(texts_file=f"{tmp_path}/t.json"))


def test_a_label_that_there_is_not(settings, score):
    told = settings(pairs_file=None, all_pairs=True, top_k=1, label="nobody")
    with pytest.raises(SettingsError, match="0 even, 1 odd, 2 other; got nobody"):
        score(told)


def test_what_is_no_bi_encoder(settings, score):
    with pytest.raises(CheckpointError, match="holds no bi-encoder"):
        score(settings(init_checkpoint=golden.ENCODER, tokenizer_dir=golden.ENCODER))
