import json
import tracemalloc

import numpy as np
import pytest

from processors.batches import long_array
from processors.pretraining import create, records
from processors.pretraining.settings import Mode
from processors.records import example_columns
from processors.records.example_columns import Column
from runtime.errors import DataError
from runtime.files import tfrecord


def test_reads_files_of_the_original(sample, original):
    made = records.read([f"{sample}/words.tf_record"])
    mask = original["words/input_mask"] > 0
    np.testing.assert_array_equal(made.tokens.ids, original["words/input_ids"][mask])
    np.testing.assert_array_equal(made.tokens.lengths, mask.sum(axis=1))
    labels = original["words/next_sentence_labels"][:, 0]
    np.testing.assert_array_equal(made.tokens.label_ids, labels)
    real = original["words/masked_lm_weights"] > 0
    for name, values in (
        ("positions", made.predictions.positions),
        ("ids", made.predictions.ids),
    ):
        np.testing.assert_array_equal(values, original[f"words/masked_lm_{name}"][real])
    assert made.description.mode is Mode.STATIC
    assert made.description.tokenizer == {}


@pytest.mark.parametrize("mode", Mode)
def test_round_trip(make_settings, mode):
    settings = make_settings(mode=mode, do_whole_word_mask=True)
    count = create.create(settings)
    made = records.read(settings.output_file)
    assert len(made) == count
    assert made.description.mode is mode
    assert made.description.tokenizer["vocabulary_sha256"]
    if mode is Mode.STATIC:
        assert made.predictions.counts.sum() > 0
        assert made.starts_word is None
    else:
        assert made.predictions is None
        tokens = create.tokenizers.create(settings).vocabulary.tokens
        continues = [tokens[i].startswith("##") for i in made.tokens.ids.tolist()]
        np.testing.assert_array_equal(made.starts_word, ~np.array(continues))


def test_another_file_than_the_manifest_s(make_settings, tmp_path):
    settings = make_settings()
    create.create(settings)
    manifest = tmp_path / "made.tf_record.manifest.json"
    fields = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**fields, "crc32c": 1}))
    with pytest.raises(DataError, match="is not the file"):
        records.read(settings.output_file)


def test_files_made_otherwise_do_not_mix(make_settings, tmp_path):
    paths = []
    for length in (64, 32):
        path = str(tmp_path / f"{length}.tf_record")
        create.create(make_settings(output_file=(path,), max_seq_length=length))
        paths.append(path)
    with pytest.raises(DataError, match="max_seq_length 32"):
        records.read(paths)


def test_words_are_told_by_all_sequences_or_by_none(make_settings, tmp_path):
    for name, whole in (("a", True), ("b", False)):
        create.create(
            make_settings(
                output_file=(str(tmp_path / f"{name}.tf_record"),),
                mode=Mode.DYNAMIC,
                do_whole_word_mask=whole,
            )
        )
    with pytest.raises(DataError, match="some sequences say which of their tokens"):
        records.read([str(tmp_path / "*.tf_record")])


@pytest.mark.parametrize("mode", Mode)
def test_memory_does_not_grow_with_the_tokens(mode, make_settings, monkeypatch):
    """What is of a sequence does: where it lies, how long it is, its label."""
    monkeypatch.setattr(long_array, "MOST_IN_MEMORY", 1000)
    settings = make_settings(mode=mode, do_whole_word_mask=True)
    create.create(settings)

    def read(times):
        tracemalloc.start()
        try:
            made = records.read(settings.output_file * times)
            columns = (made.tokens.ids, made.tokens.segments)
            size = sum(column.nbytes for column in columns)
            return size, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    read(2)  # fills the caches
    (fewer, less), (more, most) = read(2), read(20)
    assert most - less < (more - fewer) / 2


def write(path, **columns):
    given = {
        "input_ids": [2, 7, 8, 3],
        "segment_ids": [0, 0, 0, 0],
        "input_mask": [1, 1, 1, 1],
        "masked_lm_positions": [1],
        "masked_lm_ids": [9],
        "masked_lm_weights": [1.0],
        **columns,
    }
    encoded = example_columns.encode(
        {
            name: Column(
                np.array(values, np.float32 if "weights" in name else np.int64),
                np.array([len(values)]),
            )
            for name, values in given.items()
        }
    )
    with tfrecord.RecordWriter(str(path)) as writer:
        for payload in encoded:
            writer.write(payload)
    return [str(path)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"input_ids": []}, "input_ids is missing"),
        ({"segment_ids": [0]}, "segment_ids"),
        ({"input_mask": [1, 0, 1, 1]}, "ones, then zeros"),
        ({"masked_lm_positions": [4]}, "positions of its tokens"),
        ({"masked_lm_positions": [1, 2]}, "masked_lm_ids"),
        ({"masked_lm_weights": []}, "masked_lm_weights"),
        ({"next_sentence_labels": [2]}, "0 or 1"),
        ({"word_starts": [1]}, "word_starts"),
    ],
)
def test_damage_is_named(tmp_path, columns, message):
    with pytest.raises(DataError, match=message) as caught:
        records.read(write(tmp_path / "a.tf_record", **columns))
    assert caught.value.offset == 0


def test_masked_padding_is_no_prediction(tmp_path):
    paths = write(
        tmp_path / "a.tf_record",
        masked_lm_positions=[1, 0],
        masked_lm_ids=[9, 0],
        masked_lm_weights=[1.0, 0.0],
    )
    assert records.read(paths).predictions.counts.tolist() == [1]


def test_places_are_files_and_records_from_1(make_settings, tmp_path):
    paths = tuple(str(tmp_path / f"{n}.tf_record") for n in range(2))
    count = create.create(make_settings(output_file=paths))
    made = records.read([str(tmp_path / "*.tf_record")])
    [(_, first), (_, second)] = made.files
    assert (first + second, first - second) == (count, count % 2)
    assert made.place(0) == f"{paths[0]}, record 1"
    assert made.place(first - 1) == f"{paths[0]}, record {first}"
    assert made.place(first) == f"{paths[1]}, record 1"
    # What stands there is what the file holds there.
    alone = records.read(paths[1:])
    for number in range(second):
        np.testing.assert_array_equal(
            alone.tokens.example(number).input_ids,
            made.tokens.example(first + number).input_ids,
        )


def test_a_pattern_finds_records_alone(make_settings, tmp_path):
    settings = make_settings()
    create.create(settings)
    (tmp_path / "other.tf_record.parts").mkdir()
    found = {path.name for path in tmp_path.iterdir()}
    assert {"made.tf_record.manifest.json", "made.tf_record.report.txt"} < found
    made = records.read([str(tmp_path / "*.tf_record*")])
    assert [path for path, _ in made.files] == [settings.output_file[0]]


def test_predictions_of_several_files_stay_with_their_sequences(
    make_settings, tmp_path
):
    paths = [str(tmp_path / f"{n}.tf_record") for n in range(2)]
    create.create(make_settings(output_file=tuple(paths)))
    made, parts = records.read(paths), [records.read([path]) for path in paths]
    counts = [part.predictions.counts for part in parts]
    np.testing.assert_array_equal(made.predictions.counts, np.concatenate(counts))


def test_the_first_token_can_be_a_prediction(tmp_path):
    paths = write(tmp_path / "a.tf_record", masked_lm_positions=[0])
    assert records.read(paths).predictions.counts.tolist() == [1]
