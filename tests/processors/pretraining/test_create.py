import numpy as np
import pytest

from processors import example_columns
from processors.pretraining import create, records
from processors.pretraining.settings import DataSettings, Mode, Objective
from runtime import storage
from runtime.errors import DataError, SettingsError
from runtime.files import tfrecord


def features(path):
    payloads = tfrecord.parse_payloads(storage.read_bytes(path), path=path)
    return example_columns.decode(list(payloads), records._KINDS)


@pytest.mark.parametrize(("whole", "name"), [(False, "tokens"), (True, "words")])
def test_equals_the_original(make_settings, original, whole, name):
    settings = make_settings(do_whole_word_mask=whole)
    count = create.create(settings)
    found = features(settings.output_file[0])
    expected = {k: v for k, v in original.items() if k.startswith(f"{name}/")}
    assert len(expected) == 7
    for key, rows in expected.items():
        column = found[key.removeprefix(f"{name}/")]
        assert count == len(rows)
        np.testing.assert_array_equal(column.values.reshape(rows.shape), rows)


def test_several_files_are_dealt_in_turn(make_settings, tmp_path):
    paths = tuple(str(tmp_path / f"{n}.tf_record") for n in range(3))
    create.create(make_settings())
    create.create(make_settings(output_file=paths))
    whole = features(str(tmp_path / "made.tf_record"))["masked_lm_ids"].values
    parts = [features(path)["masked_lm_ids"].values.reshape(-1, 10) for path in paths]
    for number, rows in enumerate(whole.reshape(-1, 10)):
        np.testing.assert_array_equal(parts[number % 3][number // 3], rows)
    assert len(records.read([str(tmp_path / "?.tf_record")])) == len(whole) // 10


@pytest.mark.parametrize("mode", Mode)
def test_same_seed_same_bytes(make_settings, tmp_path, mode):
    made = []
    for seed in (1, 1, 2):
        create.create(make_settings(mode=mode, random_seed=seed))
        made.append((tmp_path / "made.tf_record").read_bytes())
    assert made[0] == made[1] != made[2]


def text(tmp_path, *documents):
    path = tmp_path / "text.txt"
    path.write_text("\n\n".join("\n".join(lines) for lines in documents) + "\n")
    return (str(path),)


def read_all(settings):
    create.create(settings)
    made = records.read(settings.output_file)
    return made, [made.tokens.example(i) for i in range(len(made))]


def test_mlm_loses_no_token(make_settings, tmp_path):
    words = [f"the rain {'streaks ' * n}of gray." for n in range(40)]
    paths = text(tmp_path, words[:10], words[10:])
    settings = make_settings(
        input_file=paths, objective=Objective.MLM, mode=Mode.DYNAMIC, dupe_factor=1
    )
    made, examples = read_all(settings)
    tokenizer = create.tokenizers.create(settings)
    expected = sorted(i for line in words for i in tokenizer.encode(line))
    special = [tokenizer.special.cls, tokenizer.special.sep]
    found = made.tokens.ids
    assert sorted(found[~np.isin(found, special)].tolist()) == expected
    assert made.tokens.lengths.max() <= 64
    for example in examples:
        assert example.input_ids[[0, -1]].tolist() == special
        assert example.label_id is None
        assert not example.segment_ids.any()


def test_order_of_segments(make_settings, sample, tmp_path):
    vocabulary = storage.read_text(f"{sample}/vocab.txt").splitlines()
    words = [word for word in vocabulary if word.isalpha() and len(word) > 2][:40]
    settings = make_settings(
        input_file=text(tmp_path, [" ".join([word] * 8) for word in words]),
        objective=Objective.MLM_SOP,
        mode=Mode.DYNAMIC,
        dupe_factor=8,
        short_seq_prob=0.0,
    )
    _, examples = read_all(settings)
    labels = []
    for example in examples:
        if example.label_id is None:
            continue
        first, second = (
            words.index(vocabulary[example.input_ids[example.segment_ids == kind][1]])
            for kind in (0, 1)
        )
        assert example.label_id == int(first > second)
        labels.append(example.label_id)
    assert len(labels) > 20
    assert 0.25 < np.mean(labels) < 0.75


def test_long_lines_are_cut_to_fit(make_settings, tmp_path):
    paths = text(tmp_path, ["rain " * 500], ["morning " * 700])
    for objective in Objective:
        settings = make_settings(input_file=paths, objective=objective)
        made, _ = read_all(settings)
        assert 3 < made.tokens.lengths.max() <= 64


def test_one_document_has_no_random_next(make_settings, tmp_path):
    settings = make_settings(input_file=text(tmp_path, ["rain.", "morning."]))
    with pytest.raises(DataError, match="mlm_sop"):
        create.create(settings)


def test_a_vocabulary_without_mask_is_refused(make_settings, tmp_path):
    path = tmp_path / "vocab.txt"
    path.write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\nrain\n")
    with pytest.raises(DataError, match=r"\[MASK\]"):
        create.create(make_settings(vocab_file=str(path)))


def test_encoding(make_settings, sentence_piece, tmp_path):
    path = tmp_path / "sjis.txt"
    path.write_bytes("走れメロス。\r\nメロスは激怒した。\r\n".encode("cp932"))
    settings = {
        "input_file": (str(path),),
        "objective": Objective.MLM,
        "dupe_factor": 1,
    }
    with pytest.raises(DataError, match="utf-8"):
        create.create(make_settings(**settings, **sentence_piece))
    right = make_settings(**settings, **sentence_piece, text_encoding="cp932")
    made, _ = read_all(right)
    tokenizer = create.tokenizers.create(right)
    assert made.tokens.lengths.sum() == 2 + sum(
        len(tokenizer.encode(line)) for line in ("走れメロス。", "メロスは激怒した。")
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"masked_lm_prob": 0.0}, "between 0 and 1"),
        ({"masked_lm_prob": 1.0}, "between 0 and 1"),
        ({"mlm_prob": 1.5}, "between 0 and 1"),
        ({"max_predictions_per_seq": 8}, "max_predictions_per_seq=8 is less"),
        ({"mlm_schedule": ("0.1", "x")}, "'x'"),
        ({"mlm_schedule": ("0.1", "0.2")}, "dynamic"),
        ({"dupe_factor": 0}, "dupe_factor"),
        ({"max_seq_length": 4}, "max_seq_length"),
        ({"short_seq_prob": -1.0}, "short_seq_prob"),
        ({"input_file": ()}, "input_file"),
        ({"vocab_file": None}, "required"),
    ],
)
def test_wrong_settings_are_named(make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        make_settings(**changes)


def test_no_file_matches(make_settings):
    with pytest.raises(SettingsError, match="no file matches"):
        create.create(make_settings(input_file=("nowhere/*.txt",)))


def test_defaults_are_the_originals():
    fields = {
        field.name: field.default
        for field in DataSettings.__dataclass_fields__.values()
    }
    assert (fields["max_seq_length"], fields["max_predictions_per_seq"]) == (128, 20)
    assert (fields["random_seed"], fields["short_seq_prob"]) == (12345, 0.1)
    assert (fields["masked_lm_prob"], fields["do_whole_word_mask"]) == (0.15, False)


@pytest.mark.parametrize(("mode", "passes"), [(Mode.STATIC, 10), (Mode.DYNAMIC, 1)])
def test_passes_over_the_corpus(make_settings, mode, passes):
    assert make_settings(mode=mode, dupe_factor=None).passes == passes
