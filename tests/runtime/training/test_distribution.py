"""Runs that two processes share, each a process of its own."""

import dataclasses
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import safetensors.numpy

from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.training import distribution
from tests import process_group
from tf_bert.classifier.preparation import prepare
from tf_bert.classifier.settings import ClassifierSettings

STEPS = 6


@pytest.fixture(scope="module")
def settings(small_task, backend, tmp_path_factory):
    """By flag; dropout is off."""
    calm = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    config = str(tmp_path_factory.mktemp("calm") / "bert_config.json")
    storage.write_text(config, json.dumps(small_task.sizes | calm))
    return {
        **small_task.settings(),
        "labels": ",".join(small_task.labels),
        "bert_config_file": config,
        "backend": backend.value,
        "accelerator": "cpu",
        "train_batch_size": 8,
        "learning_rate": 3e-3,
        "max_steps": STEPS,
        "save_checkpoints_steps": 4,
        "steps_per_call": 2,
        "pad_to": "max",
    }


def arguments_of(settings, output_dir, **others):
    values = {**settings, "output_dir": output_dir, **others}
    flags = [f"--{name}={value}" for name, value in values.items()]
    return ["-m", "tests.tf_bert.classifier.calm_run", *flags]


@pytest.fixture(scope="module")
def alone(settings, backend, tmp_path_factory):
    """The folder of a run of one process."""
    folder = str(tmp_path_factory.mktemp("alone") / "out")
    whole = {"do_train": True, "do_eval": True, "do_predict": True}
    environment = process_group.environment_of(Backend.JAX, [], 0)
    subprocess.run(
        [sys.executable, *arguments_of(settings, folder, **whole)],
        cwd=process_group.ROOT,
        env=environment,
        check=True,
    )
    return folder


@pytest.fixture(scope="module")
def together(settings, backend, tmp_path_factory):
    """The folder of the same run by two processes, and what each said."""
    folder = str(tmp_path_factory.mktemp("together") / "out")
    whole = {"do_train": True, "do_eval": True, "do_predict": True}

    def arguments(index, flags):
        return [*arguments_of(settings, folder, **whole), *flags]

    codes, outputs = process_group.wait_for(
        process_group.start_both(backend, arguments)
    )
    assert codes == [0, 0], outputs
    return folder, outputs


def losses(folder):
    lines = storage.read_text(f"{folder}/metrics.jsonl").splitlines()
    return [line.get("loss") for line in map(json.loads, lines)][:STEPS]


def results(folder):
    lines = storage.read_text(f"{folder}/eval_results.txt").splitlines()
    return {key: float(value) for key, value in (line.split(" = ") for line in lines)}


def names(folder):
    """Files by their names, those of TensorBoard without time and process."""
    return sorted(name.partition(".1")[0] for name in os.listdir(folder))


@pytest.mark.slow
def test_two_processes_leave_the_files_and_numbers_of_one(alone, together):
    folder, _ = together
    assert names(folder) == names(alone)
    np.testing.assert_allclose(losses(folder), losses(alone), rtol=1e-5)
    assert results(folder) == pytest.approx(results(alone), rel=1e-5)
    steps = checkpoints.list_steps(f"{folder}/checkpoints")
    assert steps == checkpoints.list_steps(f"{alone}/checkpoints") == [4, STEPS]
    ours, theirs = (
        checkpoints.load(checkpoints.latest(f"{each}/checkpoints"))
        for each in (folder, alone)
    )
    for name, value in theirs.weights.items():
        np.testing.assert_allclose(ours.weights[name], value, atol=1e-5, err_msg=name)
    for name in ("train", "eval", "predict"):
        record = f"{name}.tf_record"
        assert storage.read_bytes(f"{folder}/{record}") == storage.read_bytes(
            f"{alone}/{record}"
        )


@pytest.mark.slow
def test_each_process_says_what_it_runs_on(together, backend):
    for output in together[1]:
        assert (
            f"Running on 2 x CPU in 2 processes, {backend.value}, float32; "
            "batch 8 = 2 replicas x 4"
        ) in output.splitlines()


@pytest.mark.slow
def test_a_shared_run_goes_on_from_its_checkpoint(
    together, settings, backend, tmp_path
):
    folder = shutil.copytree(together[0], str(tmp_path / "out"))
    newest = f"{folder}/checkpoints/step-{STEPS:08d}"
    expected = safetensors.numpy.load_file(f"{newest}/weights.safetensors")
    shutil.rmtree(newest)

    def arguments(index, flags):
        return [*arguments_of(settings, folder, do_train=True), *flags]

    codes, outputs = process_group.wait_for(
        process_group.start_both(backend, arguments)
    )
    assert codes == [0, 0], outputs
    assert all("Going on from step 4 of" in output for output in outputs)
    found = safetensors.numpy.load_file(f"{newest}/weights.safetensors")
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1e-6, err_msg=name)
    assert len(losses(folder)) == STEPS


@pytest.mark.slow
def test_a_process_that_cannot_see_the_checkpoint_ends_the_run(
    together, settings, backend, tmp_path
):
    seen = shutil.copytree(together[0], str(tmp_path / "seen"))
    folders = [seen, str(tmp_path / "empty")]

    def arguments(index, flags):
        return [*arguments_of(settings, folders[index], do_train=True), *flags]

    codes, outputs = process_group.wait_for(
        process_group.start_both(backend, arguments)
    )
    assert codes == [1, 1], outputs
    for output in outputs:
        assert f"step of the newest checkpoint: {STEPS}, 0." in output
        assert "Traceback" not in output
    assert not os.path.exists(folders[1])


@pytest.fixture
def under_way(settings, backend, tmp_path):
    """Two processes that train without end, and their folder."""
    folder = str(tmp_path / "out")
    endless = {"max_steps": 10**6, "save_checkpoints_steps": 10**6}

    def arguments(index, flags):
        values = {**settings, **endless, "output_dir": folder, "do_train": True}
        texts = [f"--{name}={value}" for name, value in values.items()]
        return ["scripts/run_classifier.py", *texts, *flags]

    processes = process_group.start_both(backend, arguments)
    while len(logged(folder)) < 3:
        assert [process.poll() for process in processes] == [None, None]
        time.sleep(0.1)
    yield processes, folder
    for process in processes:
        process.kill()
        process.communicate()


def logged(folder):
    path = f"{folder}/metrics.jsonl"
    return storage.read_text(path).splitlines() if os.path.exists(path) else []


@pytest.mark.slow
@pytest.mark.parametrize("asked", [0, 1])
def test_if_one_process_is_asked_to_stop_all_do_at_one_update(under_way, asked):
    processes, folder = under_way
    start = time.monotonic()
    processes[asked].send_signal(signal.SIGTERM)
    codes, outputs = process_group.wait_for(processes)
    assert time.monotonic() - start < 25
    assert codes == [75, 75], outputs
    assert "Stopped by SIGTERM. The same command" in outputs[asked]
    told = f"Stopped by process {asked}, which was asked to stop. The same command"
    assert told in outputs[1 - asked]
    assert not any("Traceback" in output for output in outputs)
    [reached] = checkpoints.list_steps(f"{folder}/checkpoints")
    assert reached == len(logged(folder))
    ends = [re.findall(r"^step (\d+)/", each, re.MULTILINE)[-1] for each in outputs]
    assert ends == [str(reached)] * 2
    assert "run.lock" not in os.listdir(folder)


@pytest.mark.slow
@pytest.mark.parametrize("victim", [0, 1])
def test_a_process_that_is_killed_ends_the_other_with_a_sentence(under_way, victim):
    processes, _ = under_way
    start = time.monotonic()
    processes[victim].send_signal(signal.SIGKILL)
    output, _ = processes[1 - victim].communicate(timeout=60)
    assert time.monotonic() - start < 30
    assert processes[1 - victim].returncode == 1
    assert f"error: Process {victim} of this run was killed, or" in output
    assert "Traceback" not in output


# In this process ---------------------------------------------------------------------


@pytest.fixture
def job(small_task, tmp_path):
    def make(**others):
        defaults = {"output_dir": str(tmp_path / "out"), "do_train": True}
        return prepare(
            ClassifierSettings(**(small_task.settings() | defaults | others))
        )

    return make


def placement(*, is_chief):
    return Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.TPU,
        precision=Precision.FLOAT32,
        devices=("TPU:0", "TPU:1"),
        strategy=None,
        max_row_shapes=8,
        processes=2,
        is_chief=is_chief,
    )


def test_only_the_chief_writes_into_the_output_directory(job):
    made = job()
    with distribution.own_folder(made, placement(is_chief=True)) as folder:
        assert folder == made.output_dir
    with distribution.own_folder(made, placement(is_chief=False)) as folder:
        assert folder != made.output_dir
        assert storage.is_dir(folder)
    assert not storage.exists(folder)


def test_the_line_is_about_the_first_work(job):
    run_on = placement(is_chief=True)
    made = job(train_batch_size=12, gradient_accumulation_steps=3, do_eval=True)
    both = made.settings
    assert distribution.describe(both, run_on).endswith(
        "batch 12 = 2 replicas x 3 slices x 2"
    )
    evaluation = dataclasses.replace(
        both, do_train=False, eval_batch_size=6, do_predict=True
    )
    assert distribution.describe(evaluation, run_on).endswith(
        "batch 6 = 2 replicas x 3"
    )
    prediction = dataclasses.replace(evaluation, do_eval=False, predict_batch_size=4)
    assert distribution.describe(prediction, run_on).endswith(
        "batch 4 = 2 replicas x 2"
    )


def test_what_processes_must_have_in_common(job, tmp_path):
    def differ(**others):
        return distribution.starting_point(job(**others)) != start

    made = job()
    start = distribution.starting_point(made)
    assert start["step of the newest checkpoint"] == 0
    assert all(0 <= number < 2**31 for number in start.values())
    assert differ(learning_rate=1.0)
    assert differ(steps_per_call=2)
    assert differ(do_eval=True)
    assert not differ(output_dir=str(tmp_path / "elsewhere"))
    group = {"coordinator_address": "host:1", "num_processes": 2}
    start = distribution.starting_point(job(**group, process_id=0))
    assert not differ(**group, process_id=1)
    smaller = dataclasses.replace(made.config, hidden_dropout_prob=0.5)
    other = dataclasses.replace(made, config=smaller)
    assert distribution.starting_point(other) != distribution.starting_point(made)


# Evaluations on the way --------------------------------------------------------------


def run_both(backend, folder, *, asked=0):
    """What either process says of its end."""

    def arguments(_, flags):
        program = "tests.runtime.training.evaluated_together"
        return ["-m", program, backend.value, folder, str(asked), *flags]

    codes, outputs = process_group.wait_for(
        process_group.start_both(backend, arguments)
    )
    assert codes == [0, 0], outputs
    ends = [
        json.loads(next(line for line in output.splitlines() if line.startswith("{")))
        for output in outputs
    ]
    assert sorted(end.pop("is_chief") for end in ends) == [False, True]
    return ends


@pytest.mark.slow
def test_both_end_by_the_chiefs_scores(backend, tmp_path):
    first, second = run_both(backend, str(tmp_path))
    assert first == second
    assert first["step"] == 8
    assert first["evaluated"] == [2, 4, 6, 8]
    assert first["state"]["best_step"] == 4
    assert first["state"]["best_score"] == 0.1
    assert checkpoints.list_steps(f"{tmp_path}/checkpoints") == [4, 8]


@pytest.mark.slow
def test_both_leave_an_evaluation_that_one_is_asked_in(backend, tmp_path):
    first, second = run_both(backend, str(tmp_path), asked=6)
    assert (first["step"], second["step"]) == (6, 6)
    assert None not in {first.pop("cause"), second.pop("cause")}
    assert first == second
    assert first["evaluated"] == [2, 4]
    assert first["state"]["pending"]
    assert checkpoints.list_steps(f"{tmp_path}/checkpoints") == [4, 6]
    first, second = run_both(backend, str(tmp_path))
    assert first == second
    assert first["evaluated"] == [6, 8]
    assert first["step"] == 8
