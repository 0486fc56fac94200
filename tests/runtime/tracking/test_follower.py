"""A run's files, followed; and trackers that fail."""

import json
import logging
import threading
import time

import pytest

from runtime.errors import RunStoppedError, SettingsError
from runtime.tracking import follower, settings
from runtime.tracking.follower import follow
from runtime.tracking.settings import Tracker, TrackSettings


class Shown:
    """A tracker that keeps what it is shown."""

    def __init__(self):
        self.steps, self.settings, self.status = [], None, None
        self.metrics, self.files = {}, {}
        self.flushed = threading.Event()

    def add_settings(self, content):
        self.settings = content

    def add_metrics(self, step, metrics):
        self.steps.append(step)
        self.metrics |= metrics

    def flush(self):
        if self.steps:
            self.flushed.set()

    def add_files(self, folder):
        import os

        for name in os.listdir(folder):
            with open(f"{folder}/{name}", "rb") as file:
                self.files[name] = file.read()

    def close(self, status):
        self.status = status


def write(folder, *steps, cut=""):
    lines = [json.dumps({"step": n, "loss": 1.5, "gap": None}) + "\n" for n in steps]
    (folder / "metrics.jsonl").write_text("".join(lines) + cut)


def test_what_a_run_writes_is_shown_while_it_runs_and_at_its_end(tmp_path):
    shown = Shown()
    with follow(str(tmp_path), lambda: shown, every=0.01):
        write(tmp_path, 1, 2, cut='{"step": 3, "lo')
        assert shown.flushed.wait(10)
        assert shown.steps == [1, 2]
        write(tmp_path, 1, 2, 3, 4)
        (tmp_path / "run.json").write_text('{"settings": {"seed": 3}}')
        (tmp_path / "report.html").write_text("<p>")
        (tmp_path / "train.tf_record").write_text("x")
        (tmp_path / "train.tf_record.manifest.json").write_text("{}")
    assert shown.steps == [1, 2, 3, 4]
    assert shown.metrics == {"loss": 1.5}
    assert shown.settings == {"settings": {"seed": 3}}
    assert set(shown.files) == {"run.json", "report.html", "metrics.jsonl"}
    assert shown.status == "FINISHED"


def test_lines_that_a_run_writes_anew_are_shown_anew(tmp_path):
    shown = Shown()
    with follow(str(tmp_path), lambda: shown, every=0.01):
        write(tmp_path, 1, 2, 3)
        assert shown.flushed.wait(10)
        write(tmp_path, 1, 2, 4)
    assert shown.steps == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (ValueError, "FAILED"),
        (RunStoppedError, "KILLED"),
        (KeyboardInterrupt, "KILLED"),
    ],
)
def test_how_a_run_ends_is_shown(tmp_path, error, status):
    shown = Shown()
    with pytest.raises(error), follow(str(tmp_path), lambda: shown):
        raise error
    assert shown.status == status


@pytest.mark.parametrize("place", ["start", "add_metrics", "flush", "close"])
def test_a_tracker_that_fails_stops_no_run(tmp_path, caplog, place):
    def fail(*_):
        raise ConnectionError("no server at mlflow.example")

    shown = Shown()
    start = fail if place == "start" else lambda: shown
    if place != "start":
        setattr(shown, place, fail)
    with caplog.at_level(logging.WARNING), follow(str(tmp_path), start, every=0.01):
        write(tmp_path, 1)
        time.sleep(0.1)
        done = True
    assert done
    assert "not shown any more: no server at mlflow.example" in caplog.text


def test_a_tracker_that_hangs_holds_no_run_up(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(follower, "_END_SECONDS", 0.1)
    hung = threading.Event()
    begun = time.monotonic()
    with caplog.at_level(logging.WARNING), follow(str(tmp_path), hung.wait):
        pass
    assert time.monotonic() - begun < 10
    assert "has not taken the rest of the run" in caplog.text
    hung.set()


def test_a_missing_package_is_said_before_the_run(monkeypatch):
    monkeypatch.setattr(settings.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"pip install -e '\.\[mlflow\]'"):
        TrackSettings(track=Tracker.MLFLOW)
    assert TrackSettings().track is Tracker.NONE
