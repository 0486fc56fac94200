import contextlib
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from processors.pretraining import create, documents, records
from processors.pretraining.settings import (
    Mode,
    PretrainingDataSettings,
    PretrainingTask,
)
from runtime import storage
from runtime.errors import DataError, RunStoppedError, SettingsError
from runtime.files import tfrecord
from runtime.training import stop_request
from runtime.training.stop_request import StopRequest


def features(path):
    return records.decode(list(tfrecord.iter_payloads(path)))


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
        input_file=paths,
        objective=PretrainingTask.MLM,
        mode=Mode.DYNAMIC,
        dupe_factor=1,
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
        objective=PretrainingTask.MLM_SOP,
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
    for objective in PretrainingTask:
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
        "objective": PretrainingTask.MLM,
        "dupe_factor": 1,
    }
    with pytest.raises(DataError, match="--text_encoding=cp932"):
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
        ({"text_encoding": "klingon"}, "--text_encoding: .* 'klingon'"),
        ({"input_file": ()}, "input_file"),
        ({"vocab_file": None}, "required"),
    ],
)
def test_wrong_settings_are_named(make_settings, changes, message):
    with pytest.raises(SettingsError, match=message):
        make_settings(**changes)


class Interrupted(StopRequest):
    """Asks for a stop after so many looks at it."""

    def __init__(self, looks):
        super().__init__()
        self.looks = looks

    @property
    def cause(self):
        self.looks -= 1
        return "SIGTERM" if self.looks < 0 else None

    def refuse_to_go_on(self):
        if self.cause:
            raise RunStoppedError("Stopped by SIGTERM.")


def ask(patch, request):
    patch.setattr(stop_request, "of_run", lambda: contextlib.nullcontext(request))


@pytest.fixture
def stopped_again_and_again(monkeypatch):
    """Makes records with stops in between; returns how many there were."""

    def make(settings, *, looks):
        stops = 0
        while True:
            request = Interrupted(looks)
            with monkeypatch.context() as patch:
                ask(patch, request)
                try:
                    create.create(settings)
                except RunStoppedError:
                    stops += 1
                    continue
            return stops

    return make


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize("mode", Mode)
def test_goes_on_after_stops_to_the_same_bytes(
    make_settings, tmp_path, mode, monkeypatch, stopped_again_and_again
):
    monkeypatch.setattr(documents, "_LINES_A_CALL", 5)
    settings = make_settings(mode=mode, do_whole_word_mask=True)
    create.create(settings)
    undisturbed = contents(tmp_path)
    assert len(undisturbed) == 3
    for name in undisturbed:
        (tmp_path / name).unlink()
    assert stopped_again_and_again(settings, looks=2) > 5
    assert contents(tmp_path) == undisturbed
    assert [path for path in tmp_path.iterdir() if path.is_dir()] == []


def test_a_stop_leaves_parts_and_no_records(make_settings, tmp_path, monkeypatch):
    ask(monkeypatch, Interrupted(8))
    with pytest.raises(RunStoppedError):
        create.create(make_settings())
    assert contents(tmp_path) == {}
    names = {path.name for path in (tmp_path / "made.tf_record.parts").iterdir()}
    assert {"made_of.json", "text-00000.npz", "sequences-00000.json"} <= names


def test_what_is_done_is_not_done_again(make_settings, monkeypatch, capsys):
    settings = make_settings()
    with monkeypatch.context() as patch:
        ask(patch, Interrupted(4))
        with pytest.raises(RunStoppedError):
            create.create(settings)
    made = []
    original = create.SequenceMaker.sequences

    def watched(self, number):
        made.append(number)
        return original(self, number)

    monkeypatch.setattr(create.SequenceMaker, "sequences", watched)
    capsys.readouterr()
    create.create(settings)
    assert made == list(range(made[0], 6))
    assert made[0] > 0
    assert "documents 6/6" in capsys.readouterr().err


def test_other_text_starts_anew(make_settings, tmp_path, monkeypatch, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "text.txt"
    path.write_text("The rain.\n\nThe morning.\n\nThe settlement.\n")
    settings = make_settings(input_file=(str(path),))
    with monkeypatch.context() as patch:
        ask(patch, Interrupted(5))
        with pytest.raises(RunStoppedError):
            create.create(settings)
    path.write_text("The rain had ceased.\n\nGold, surely!\n")
    create.create(settings)
    assert "starting anew" in caplog.text
    changed = (tmp_path / "made.tf_record").read_bytes()
    create.create(settings)
    assert (tmp_path / "made.tf_record").read_bytes() == changed


def test_what_a_killed_write_left_goes(make_settings, tmp_path):
    left = tmp_path / f".made.tf_record.{'0' * 32}.partial"
    left.touch()
    create.create(make_settings())
    assert not left.exists()


@pytest.mark.slow
def test_goes_on_after_kills_to_the_same_bytes(make_settings, tmp_path, sample):
    """The script itself, killed at any moment."""
    text = tmp_path / "text.txt"
    text.write_text((storage.read_text(f"{sample}/sample_text.txt") + "\n") * 150)
    root = os.path.join(os.path.dirname(__file__), "../../..")

    def start(folder):
        return subprocess.Popen(
            [
                sys.executable,
                "scripts/create_pretraining_data.py",
                f"--input_file={text}",
                f"--output_file={folder}/made.tf_record",
                f"--vocab_file={sample}/vocab.txt",
                "--max_seq_length=64",
                "--max_predictions_per_seq=10",
            ],
            cwd=root,
            env={**os.environ, "PYTHONPATH": root},
            stderr=subprocess.PIPE,
            text=True,
        )

    folders = [tmp_path / name for name in ("undisturbed", "killed")]
    for folder in folders:
        folder.mkdir()
    process = start(folders[0])
    assert process.communicate()[1].count("documents ") >= 2
    kills = (
        (signal.SIGTERM, "documents "),
        (signal.SIGKILL, "documents "),
        (signal.SIGKILL, "sequences written"),
    )
    for number, sign in kills:
        process = start(folders[1])
        while sign not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(number)
        log = process.communicate()[1]
        assert process.returncode == (75 if number == signal.SIGTERM else -number), log
    process = start(folders[1])
    log = process.communicate()[1]
    assert "Going on with what a stopped run has left" in log
    assert contents(folders[1]) == contents(folders[0])


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_make_the_same_bytes(
    make_settings, sentence_piece, tmp_path, count
):
    text = tmp_path / "text.txt"
    lines = [f"第{n}の話。メロスは{n}度も激怒した。" for n in range(5000)]
    text.write_text("\n".join([*lines, "", "終わり。"]), encoding="utf-8")
    made = []
    for number in (1, count):
        settings = make_settings(
            **sentence_piece,
            input_file=(str(text),),
            mode=Mode.DYNAMIC,
            objective=PretrainingTask.MLM,
            do_whole_word_mask=True,
            workers=number,
        )
        create.create(settings)
        made.append((tmp_path / "made.tf_record").read_bytes())
    assert made[0] == made[1]


def test_there_is_one_at_least(make_settings):
    with pytest.raises(SettingsError, match="--workers must be at least 1"):
        make_settings(workers=0)


def test_no_file_matches(make_settings):
    with pytest.raises(SettingsError, match="no file matches"):
        create.create(make_settings(input_file=("nowhere/*.txt",)))


def test_defaults_are_the_originals():
    fields = {
        field.name: field.default
        for field in PretrainingDataSettings.__dataclass_fields__.values()
    }
    assert (fields["max_seq_length"], fields["max_predictions_per_seq"]) == (128, 20)
    assert (fields["random_seed"], fields["short_seq_prob"]) == (12345, 0.1)
    assert (fields["masked_lm_prob"], fields["do_whole_word_mask"]) == (0.15, False)


@pytest.mark.parametrize(("mode", "passes"), [(Mode.STATIC, 10), (Mode.DYNAMIC, 1)])
def test_passes_over_the_corpus(make_settings, mode, passes):
    assert make_settings(mode=mode, dupe_factor=None).passes == passes
