"""Runs that are killed, told to stop, damaged, or that live in a bucket."""

import json
import os
import re
import signal
import time

import pytest
import safetensors.numpy

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.files.tfrecord import iter_payloads
from tests.scripts.classifier_process import SCRIPT, start

STEPS = 60
SHARED = (
    "backend",
    "accelerator",
    "train_batch_size",
    "learning_rate",
    "max_steps",
    "save_checkpoints_steps",
)


@pytest.fixture(scope="module")
def settings(small_task, backend):
    """What a run on the small task takes, by flag; an epoch ends within an update."""
    return {
        **small_task.settings(),
        "backend": backend.value,
        "accelerator": "cpu",
        "train_batch_size": 8,
        "learning_rate": 3e-3,
        "max_steps": STEPS,
        "save_checkpoints_steps": 3,
        "do_train": True,
        "do_eval": True,
        "do_predict": True,
    }


def finish(process):
    """Waits for the end of a process; returns what it said."""
    _, log = process.communicate(timeout=300)
    assert process.returncode == 0, log
    return log


@pytest.fixture(scope="module")
def undisturbed(settings, tmp_path_factory):
    """The folder of a run that nothing happened to."""
    folder = str(tmp_path_factory.mktemp("undisturbed") / "out")
    finish(start(settings | {"output_dir": folder}))
    return folder


def files_of(folder):
    """Every file below a folder by its path there, with what it holds.

    Left out is what a run cannot have in common with another one: TensorBoard's files,
    whose names and events have the time and the process; of run.json the command, with
    the paths it names and, for the last part of a killed run, `--resume=must`; and of
    report.html the folder's name and the same.
    """
    found = {
        path.removeprefix(f"{folder}/"): storage.read_bytes(path)
        for pattern in ("**/*", "**/.*")
        for path in storage.glob(f"{folder}/{pattern}")
        if not storage.is_dir(path)
    }
    record = json.loads(found["run.json"])
    del record["command_line"]
    for name in ("resume", *(name for name in record["settings"] if _is_path(name))):
        del record["settings"][name]
    found["run.json"] = json.dumps(record).encode()
    own = re.compile(rf">({re.escape(os.path.basename(folder))}|auto|must)<".encode())
    found["report.html"] = own.sub(b"><", found["report.html"])
    return {name: content for name, content in found.items() if "tfevents" not in name}


def _is_path(name):
    return name.endswith(("_dir", "_file"))


def ends_the_same(folder, undisturbed, *, apart=()):
    """Whether all that a run leaves is the same bytes, but for files of some names."""
    ours, theirs = files_of(str(folder)), files_of(str(undisturbed))
    assert ours.keys() == theirs.keys()
    differing = {name for name in theirs if ours[name] != theirs[name]}
    assert {name for name in differing if os.path.basename(name) not in apart} == set()


def wait_for_step(folder, step, *, process):
    """Returns when a run has logged a step."""
    path = f"{folder}/metrics.jsonl"
    while not (os.path.exists(path) and f'"step": {step},' in storage.read_text(path)):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.001)


def kill_twice(values, *, script):
    """Lets a run end that is killed twice on its way; returns what it said."""
    folder = values["output_dir"]
    for step in (20, 40):
        process = start(values, script=script)
        wait_for_step(folder, step, process=process)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert STEPS not in checkpoints.list_steps(f"{folder}/checkpoints")
    return finish(start(values | {"resume": "must"}, script=script))


@pytest.mark.slow
def test_a_run_killed_twice_in_the_middle_of_an_epoch_ends_the_same(
    settings, undisturbed, tmp_path
):
    folder = str(tmp_path / "out")
    log = kill_twice(settings | {"output_dir": folder}, script=SCRIPT)
    assert "Going on from step " in log
    ends_the_same(folder, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrain_lstm", "finetune_lstm"])
def test_so_does_an_lstm(settings, small_task, tmp_path, name):
    shared = {
        **{key: settings[key] for key in SHARED},
        "data_dir": small_task.folder,
        "task_name": "tsv",
        "units": "whitespace",
        "max_seq_length": 12,
        "embedding_size": 6,
        "hidden_size": 8,
        "pad_to": "max",
        "do_train": True,
        "do_eval": True,
        **({"do_predict": True} if name == "finetune_lstm" else {}),
    }
    script = f"{os.path.dirname(SCRIPT)}/{name}.py"
    finish(start(shared | {"output_dir": tmp_path / "undisturbed"}, script=script))
    log = kill_twice(shared | {"output_dir": str(tmp_path / "out")}, script=script)
    assert "Going on from step " in log
    ends_the_same(tmp_path / "out", tmp_path / "undisturbed")


@pytest.mark.slow
def test_so_does_a_masked_language_model(settings, tmp_path):
    golden = os.path.join(os.path.dirname(__file__), "../golden/pretraining")
    config = {
        "vocab_size": 400,
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 64,
    }
    storage.write_text(str(tmp_path / "config.json"), json.dumps(config))
    values = {
        **{key: settings[key] for key in SHARED if key != "max_steps"},
        "text_file": f"{golden}/sample_text.txt",
        "vocab_file": f"{golden}/vocab.txt",
        "bert_config_file": tmp_path / "config.json",
        "max_seq_length": 48,
        "max_predictions_per_seq": 8,
        "num_train_steps": STEPS,
        "num_warmup_steps": 5,
        "show_predictions": 6,
        "do_train": True,
        "do_eval": True,
    }
    script = f"{os.path.dirname(SCRIPT)}/run_pretraining.py"
    finish(start(values | {"output_dir": tmp_path / "undisturbed"}, script=script))
    log = kill_twice(values | {"output_dir": str(tmp_path / "out")}, script=script)
    assert "Going on from step " in log
    ends_the_same(tmp_path / "out", tmp_path / "undisturbed")


@pytest.mark.slow
def test_so_does_a_model_that_writes_texts(settings, tmp_path):
    texts = ["山川はと", "川の山", "長い山のは", "とても長い川", "山と山"] * 4
    for split in ("train", "dev", "test"):
        rows = [{"source": text * 3, "target": text[::-1]} for text in texts]
        lines = [json.dumps(row, ensure_ascii=False) for row in rows]
        storage.write_text(str(tmp_path / f"{split}.jsonl"), "\n".join(lines))
    tokens = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *sorted(set("".join(texts))),
    ]
    storage.write_text(str(tmp_path / "vocab.txt"), "\n".join(tokens) + "\n")
    config = {
        "vocab_size": len(tokens),
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "max_position_embeddings": 32,
    }
    storage.write_text(str(tmp_path / "config.json"), json.dumps(config))
    values = {
        **{key: settings[key] for key in SHARED},
        "task_name": "jsonl",
        "data_dir": tmp_path,
        "vocab_file": tmp_path / "vocab.txt",
        "tokenizer": "char",
        "bert_config_file": tmp_path / "config.json",
        "max_source_length": 24,
        "max_target_length": 8,
        "num_beams": 2,
        "do_train": True,
        "do_eval": True,
        "do_predict": True,
    }
    script = f"{os.path.dirname(SCRIPT)}/run_seq2seq.py"
    finish(start(values | {"output_dir": tmp_path / "undisturbed"}, script=script))
    log = kill_twice(values | {"output_dir": str(tmp_path / "out")}, script=script)
    assert "Going on from step " in log
    ends_the_same(tmp_path / "out", tmp_path / "undisturbed")


@pytest.mark.slow
def test_a_damaged_newest_checkpoint_is_named_and_the_one_before_used(
    settings, undisturbed, tmp_path
):
    folder = str(tmp_path / "out")
    values = settings | {"output_dir": folder}
    process = start(values)
    wait_for_step(folder, 11, process=process)  # by then step 6 is saved, 9 perhaps
    process.send_signal(signal.SIGKILL)
    process.communicate()
    newest = checkpoints.latest(f"{folder}/checkpoints")
    path = f"{newest}/weights.safetensors"
    storage.write_bytes(path, storage.read_bytes(path)[:-7])
    log = finish(start(values))
    assert f"{path} is damaged: expected " in log
    assert "Going back to" in log
    ends_the_same(folder, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_run_that_is_told_to_stop_saves_and_goes_on_to_the_same(
    settings, undisturbed, tmp_path, number
):
    folder = str(tmp_path / "out")
    values = settings | {"output_dir": folder}
    process = start(values)
    wait_for_step(folder, 4, process=process)
    told = time.monotonic()
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 75
    assert time.monotonic() - told < 25
    assert f"Stopped by {number.name}. The same command goes on from here." in log
    assert "Traceback" not in log
    reached = checkpoints.list_steps(f"{folder}/checkpoints")[-1]
    assert 4 <= reached < STEPS
    assert f"Going on from step {reached} of" in finish(start(values))
    ends_the_same(folder, undisturbed)


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["Running on ", "***** Running evaluation", "***** Running prediction"]
)
def test_so_does_one_that_is_told_while_it_does_not_train(
    settings, undisturbed, tmp_path, line
):
    folder = str(tmp_path / "out")
    values = settings | {"output_dir": folder}
    process = start(values)
    assert any(each.startswith(line) for each in process.stderr)
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 75
    sentence = "Stopped by SIGTERM. The same command goes on from here."
    assert log.splitlines()[-1] == sentence
    assert "Traceback" not in log
    left = {name for _, _, names in os.walk(folder) for name in names}
    assert "run.lock" not in left
    assert [name for name in left if name.startswith(".")] == []
    finish(start(values))
    ends_the_same(folder, undisturbed)


@pytest.mark.slow
def test_a_long_call_of_a_slow_model_is_left_in_time(settings, small_task, tmp_path):
    sizes = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 4}
    config = small_task.sizes | sizes | {"num_attention_heads": 12}
    storage.write_text(str(tmp_path / "config.json"), json.dumps(config))
    values = settings | {
        "bert_config_file": tmp_path / "config.json",
        "output_dir": str(tmp_path / "out"),
        "train_batch_size": 64,
        "steps_per_call": 1000,
        "max_steps": 1000,
        "save_checkpoints_steps": 1000,
        "do_eval": False,
        "do_predict": False,
    }
    process = start(values)
    wait_for_step(tmp_path / "out", 3, process=process)
    told = time.monotonic()
    process.send_signal(signal.SIGTERM)
    _, log = process.communicate(timeout=120)
    assert process.returncode == 75
    assert time.monotonic() - told < 25
    assert "SIGTERM: saving after the updates under way." in log
    [reached] = checkpoints.list_steps(f"{tmp_path}/out/checkpoints")
    assert 3 <= reached < 1000
    lines = storage.read_text(f"{tmp_path}/out/metrics.jsonl").splitlines()
    assert len(lines) == reached


@pytest.mark.slow
def test_a_run_in_a_bucket_comes_to_the_same(
    settings, undisturbed, tmp_path, fake_bucket, small_task
):
    for name in os.listdir(small_task.folder):
        fake_bucket.put(
            f"data/{name}", storage.read_bytes(f"{small_task.folder}/{name}")
        )
    root = "gs://my-bucket"
    values = settings | {
        "data_dir": f"{root}/data",
        "vocab_file": f"{root}/data/vocab.txt",
        "bert_config_file": f"{root}/data/bert_config.json",
        "output_dir": f"{root}/runs/1",
    }
    finish(start(values))
    # These name the paths of the data, or have the checksum of one that does.
    apart = {"state.json", "manifest.json", "report.html"}
    ends_the_same(f"{root}/runs/1", undisturbed, apart=apart)
    assert {*os.listdir(undisturbed)} - {*storage.list_dir(f"{root}/runs/1")} <= {
        name for name in os.listdir(undisturbed) if name.startswith("events.")
    }
    finish(
        start(
            settings
            | {
                "output_dir": str(tmp_path),
                "do_train": False,
                "init_checkpoint": f"{root}/runs/1",
            }
        )
    )
    assert read_loss(str(tmp_path)) == read_loss(undisturbed)
    assert fake_bucket.writes_too_close(1) == []


def read_loss(folder):
    lines = storage.read_text(f"{folder}/eval_results.txt").splitlines()
    return [line for line in lines if line.startswith("eval_")]


# What a run writes -------------------------------------------------------------------


@pytest.mark.slow
def test_every_file_of_a_run_opens_with_a_plain_reader(undisturbed):
    readers = {
        "json": json.loads,
        "jsonl": lambda content: [json.loads(line) for line in content.splitlines()],
        "txt": bytes.decode,
        "tsv": bytes.decode,
        "html": bytes.decode,
        "safetensors": safetensors.numpy.load,
        "png": lambda content: content[: content.startswith(b"\x89PNG\r\n") or 1 / 0],
    }
    for path in storage.glob(f"{undisturbed}/**/*.*"):
        name = storage.basename(path)
        kind = name.partition(".")[0] if "tfevents" in name else name.rpartition(".")[2]
        if kind in {"tf_record", "events"}:
            assert list(iter_payloads(path))
        else:
            readers[kind](storage.read_bytes(path))
