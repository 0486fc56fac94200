from __future__ import annotations

import contextlib
import json
import math
import platform
import subprocess
import sys

import numpy as np
import pytest

from runtime import storage
from runtime.errors import DataError
from runtime.files import protobuf, tfrecord
from runtime.training import run_record
from runtime.training.run_record import RunRecord

SETTINGS = {
    "task_name": "livedoor",
    "learning_rate": 2e-5,
    "train_batch_size": 32,
    "labels": ("政治", "経済"),
}
FINGERPRINTS = {"tokenizer": {"kind": "sentencepiece", "vocabulary": "ab12"}}


@pytest.fixture
def output_dir(tmp_path) -> str:
    return str(tmp_path / "run")


def lines(output_dir: str) -> list[str]:
    return storage.read_text(storage.join(output_dir, "metrics.jsonl")).splitlines()


def event_files(output_dir: str) -> list[str]:
    return storage.glob(storage.join(output_dir, "events.out.tfevents.*"))


def written(output_dir: str) -> RunRecord:
    record = RunRecord(output_dir)
    record.write(
        settings=SETTINGS, fingerprints=FINGERPRINTS, command_line=["train", "--x=1"]
    )
    return record


def test_run_file(output_dir):
    written(output_dir)
    text = storage.read_text(storage.join(output_dir, "run.json"))
    content = json.loads(text)
    assert content["settings"] == SETTINGS | {"labels": ["政治", "経済"]}
    assert content["fingerprints"] == FINGERPRINTS
    assert content["command_line"] == ["train", "--x=1"]
    assert content["versions"]["python"] == platform.python_version()
    assert content["versions"]["numpy"] == np.__version__
    assert '    "learning_rate": 2e-05,\n' in text
    assert "政治" in text
    assert list(content) == sorted(content)


def test_versions_leave_the_backends_alone():
    program = (
        "import sys\n"
        "from runtime.training.run_record import versions\n"
        "print(versions()['keras'])\n"
        "print(*({'tensorflow', 'jax', 'keras', 'torch'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    version, imported = done.stdout.split("\n")[:2]
    assert version
    assert imported == ""


def test_what_was_recorded_is_read(output_dir):
    assert run_record.read(output_dir) == {}
    written(output_dir)
    labels = {"labels": ["政治", "経済"]}
    assert run_record.read(output_dir) == SETTINGS | FINGERPRINTS | labels


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"settings": 1}'])
def test_foreign_run_file_is_named(output_dir, text):
    storage.write_text(storage.join(output_dir, "run.json"), text)
    with pytest.raises(DataError, match=r"run\.json: expected the JSON record"):
        run_record.read(output_dir)


def test_metrics_are_there_at_once(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(1, {"loss": np.float32(0.1), "learning_rate": 2e-5})
        record.log(2, {"loss": np.float64(0.25), "examples": np.int64(64)})
        assert lines(output_dir) == [
            '{"step": 1, "loss": 0.1, "learning_rate": 2e-05}',
            '{"step": 2, "loss": 0.25, "examples": 64}',
        ]


def test_what_is_not_finite_stays_json(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(1, {"loss": np.float32("nan"), "norm": float("inf")})
        assert lines(output_dir) == ['{"step": 1, "loss": null, "norm": null}']
        (read,) = record.metrics()
    assert read["step"] == 1
    assert math.isnan(read["loss"])


def test_rewind_and_repeat_gives_the_same_file(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        for step in range(1, 8):
            record.log(step, {"loss": 1 / step})
    straight = lines(output_dir)
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.rewind(4)
        assert lines(output_dir) == straight[:4]
        for step in range(5, 8):
            record.log(step, {"loss": 1 / step})
        record.rewind(6)
        record.log(7, {"loss": 1 / 7})
    assert lines(output_dir) == straight


def test_a_result_of_the_same_weights_takes_the_place_of_the_earlier(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(6, {"loss": 0.3})
        record.log_result(6, {"eval_loss": 2.0})
        record.log(7, {"loss": 0.2})
        record.log_result(7, {"eval_loss": 1.0})
    straight = lines(output_dir)
    with contextlib.closing(RunRecord(output_dir)) as record:
        # killed before it had ended
        record.rewind(7)
        record.log_result(7, {"eval_loss": 1.0})
    assert lines(output_dir) == straight
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log_result(7, {"eval_accuracy": 0.5})
        record.log_result(6, {"eval_loss": 3.0})
    assert lines(output_dir) == [
        straight[0],
        *straight[2:],
        '{"step": 7, "eval_accuracy": 0.5}',
        '{"step": 6, "eval_loss": 3.0}',
    ]


def test_the_same_result_once_more_is_no_news(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(6, {"loss": 0.3})
        record.log(6, {"eval_loss": 2.0})
        record.log(7, {"loss": 0.2})
        record.sync()
        before = lines(output_dir)
        (events,) = event_files(output_dir)
        count = len(list(tfrecord.iter_payloads(events)))
        record.log_result(6, {"eval_loss": np.float32(2.0)})
    assert lines(output_dir) == before
    assert len(list(tfrecord.iter_payloads(events))) == count


def test_rewind_to_before_the_start_empties(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(0, {"eval_loss": 2.0})
        record.rewind(-1)
        assert record.metrics() == []


def test_rewind_of_a_new_run_leaves_no_file(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.rewind(0)
        assert record.metrics() == []
    assert not storage.exists(output_dir)


@pytest.mark.parametrize("rewinds", [True, False])
def test_line_cut_short_by_a_crash_is_dropped(output_dir, rewinds):
    path = storage.join(output_dir, "metrics.jsonl")
    storage.write_text(path, '{"step": 1, "loss": 1.0}\n{"step": 2, "lo')
    with contextlib.closing(RunRecord(output_dir)) as record:
        assert record.metrics() == [{"step": 1, "loss": 1.0}]
        if rewinds:
            record.rewind(1)
        record.log(2, {"loss": 0.5})
    assert lines(output_dir) == ['{"step": 1, "loss": 1.0}', '{"step": 2, "loss": 0.5}']


@pytest.mark.parametrize("line", ["loss 1.0", "[1]", '{"loss": 1}', '{"step": "1"}'])
def test_foreign_line_is_named(output_dir, line):
    path = storage.join(output_dir, "metrics.jsonl")
    storage.write_text(path, '{"step": 1}\n' + line + "\n")
    with pytest.raises(DataError, match=r"metrics\.jsonl:2: expected a JSON object"):
        RunRecord(output_dir).rewind(1)


def test_event_file_bytes(output_dir):
    with contextlib.closing(
        RunRecord(output_dir, clock=lambda: 1_700_000_000.5)
    ) as record:
        record.log(10, {"loss": 1.5})
    (path,) = event_files(output_dir)
    assert storage.basename(path).startswith("events.out.tfevents.1700000000.")
    first, second = list(tfrecord.iter_payloads(path))
    time = protobuf.field_double(1, 1_700_000_000.5)
    value = protobuf.field_bytes(1, b"loss") + protobuf.field_float(2, 1.5)
    summary = protobuf.field_bytes(1, value)
    assert first == time + protobuf.field_bytes(3, b"brain.Event:2")
    assert second == (
        time + protobuf.field_varint(2, 10) + protobuf.field_bytes(5, summary)
    )


def test_events_as_tensorflow_reads_them(output_dir):
    tensorflow = pytest.importorskip("tensorflow")
    with contextlib.closing(
        RunRecord(output_dir, clock=lambda: 1_700_000_000.5)
    ) as record:
        record.log(1, {"loss": 1e300, "精度": 0.25})
        record.log(3_000_000_000, {"loss": float("nan")})
        record.rewind(1)
    (path,) = event_files(output_dir)
    events = tensorflow.compat.v1.train.summary_iterator(path)
    version, first, second, restart = events
    assert version.file_version == "brain.Event:2"
    assert version.wall_time == 1_700_000_000.5
    values = {value.tag: value.simple_value for value in first.summary.value}
    assert values == {"loss": math.inf, "精度": 0.25}
    assert first.step == 1
    assert second.step == 3_000_000_000
    assert math.isnan(second.summary.value[0].simple_value)
    assert restart.step == 2
    assert restart.session_log.status == tensorflow.compat.v1.SessionLog.START


def test_event_files_are_readable_while_the_run_goes_on(output_dir):
    with contextlib.closing(RunRecord(output_dir)) as record:
        record.log(1, {"loss": 1.0})
        (path,) = event_files(output_dir)
        assert len(list(tfrecord.iter_payloads(path))) == 2
    assert run_record.METRICS_FILE in storage.list_dir(output_dir)
