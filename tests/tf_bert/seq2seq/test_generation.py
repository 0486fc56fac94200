"""Lines in, JSON lines out, with the golden pair; see golden/bert2bert/README.txt."""

import io
import json
import os

import keras
import numpy as np
import pytest

from runtime.errors import CheckpointError, DataError, SettingsError
from tests.tf_bert.seq2seq import pairs
from tf_bert.seq2seq.generation import run as generate
from tf_bert.seq2seq.generation.preparation import prepare
from tf_bert.seq2seq.generation.settings import WritingSettings
from tf_bert.seq2seq.search_settings import EarlyStopping

PAD = 0


# The golden run read another token in the fourth text than its tokenizer gives.
OTHER_IDS = 3


@pytest.fixture(scope="module")
def texts():
    path = os.path.join(pairs.folder("equal"), "texts.jsonl")
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def settings_of(**values):
    told = {"max_source_length": 40, "max_target_length": 19}
    told |= {"init_checkpoint": pairs.folder("equal")}
    return WritingSettings(**{**told, **values})


def written(placement, lines, **values):
    stdin = io.BytesIO("".join(f"{line}\n" for line in lines).encode())
    stdout = io.BytesIO()
    job = prepare(settings_of(**values))
    count = generate.run(job, placement=placement, stdin=stdin, stdout=stdout)
    return count, [json.loads(line) for line in stdout.getvalue().splitlines()]


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="text, not arithmetic")
def test_lines_of_standard_input(place_on, texts):
    lines = [each["source"] for each in texts]
    told = {"num_beams": 4, "num_return_sequences": 3, "batch_size": 5}
    count, found = written(place_on(), lines, **told)
    assert count == len(found) == 32
    assert [row["guid"] for row in found] == [str(number) for number in range(32)]
    golden = pairs.golden("equal")
    for number, row in enumerate(found):
        if number == OTHER_IDS:
            continue
        ids = golden["generate/beam4_return3/ids"][number, :, 1:]
        scores = golden["generate/beam4_return3/scores"][number]
        assert [each["ids"] for each in row["generated"]] == [
            [index for index in best if index != PAD] for best in ids.tolist()
        ]
        assert np.allclose([e["score"] for e in row["generated"]], scores, atol=1e-4)
        assert row["generated"][0]["text"] == texts[number]["beam4"].replace(
            " ", ""
        ).replace("[UNK]", "")


def test_a_file_to_a_file(place_on, texts, tmp_path):
    source, made = tmp_path / "texts.txt", tmp_path / "titles.jsonl"
    source.write_text("".join(f"{each['source']}\n" for each in texts[:3]))
    count, found = written(
        place_on(), [], num_beams=1, input_file=str(source), output_file=str(made)
    )
    assert (count, found) == (3, [])
    rows = [json.loads(line) for line in made.read_text().splitlines()]
    ids = pairs.golden("equal")["generate/greedy/ids"][:3, 1:]
    assert [row["generated"][0]["ids"] for row in rows] == [
        [index for index in row if index != PAD] for row in ids.tolist()
    ]


@pytest.mark.parametrize("bad", ["", "  \u3000"])
def test_an_empty_line(place_on, bad):
    with pytest.raises(DataError, match="source is empty") as caught:
        written(place_on(), ["本", bad], num_beams=1)
    assert "standard input:2" in str(caught.value)


def test_one_bert_writes_nothing():
    with pytest.raises(CheckpointError, match="cross-attention is new"):
        prepare(settings_of(init_checkpoint="bundled:ja-mini"))


def test_values_that_cannot_be_used_are_told_together():
    with pytest.raises(SettingsError) as caught:
        prepare(settings_of(max_source_length=65, max_target_length=100))
    assert caught.value.problems == (
        "--max_source_length=65 is above the 64 positions of the encoder.",
        "--max_target_length=100 is above the 64 positions of the decoder.",
    )
    with pytest.raises(SettingsError) as caught:
        prepare(settings_of(num_beams=2, num_return_sequences=3, min_target_length=20))
    assert len(caught.value.problems) == 2


def test_what_is_not_given_is_usual():
    job = prepare(settings_of(max_source_length=None, max_target_length=None))
    assert (job.search.num_beams, job.search.max_target_length) == (4, 64)
    assert job.search.early_stopping is EarlyStopping.FALSE
    assert job.max_source_length == 64
