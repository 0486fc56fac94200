"""Reads what a run writes, in a thread beside it, and shows it to a tracker.

The run knows nothing of it: what is amiss with a tracker ends the following, never the
run.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import logging
import operator
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol, TypeVar

from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import RunStoppedError
from runtime.files import json_file
from runtime.tracking.settings import Tracker, TrackSettings
from runtime.training import run_record

_EVERY_SECONDS = 10.0
_END_SECONDS = 60.0  # for what is left to show when a run has ended
_SHOWN = (".txt", ".html", ".png", ".tsv", ".json", ".jsonl")
_HIDDEN = (".manifest.json", ".rejects.jsonl")
_LARGEST = 64 << 20  # bytes of a file that is shown

_Result = TypeVar("_Result")

_log = logging.getLogger(__name__)


class Tracked(Protocol):
    """A run as a tracker has it; its methods may fail in any way."""

    def add_settings(self, settings: Mapping[str, Any], /) -> None:
        """Shows run.json."""

    def add_metrics(self, step: int, metrics: Mapping[str, float], /) -> None:
        """Shows a line of metrics.jsonl; it may wait for `flush`."""

    def flush(self) -> None:
        """Shows what waits."""

    def add_files(self, folder: str, /) -> None:
        """Shows the files of a local folder."""

    def close(self, status: str, /) -> None:
        """Ends it: FINISHED, FAILED or KILLED."""


def tracked(
    run: Callable[..., _Result], *, asked: TrackSettings
) -> Callable[..., _Result]:
    """The same run, shown to the tracker that is asked for.

    Args:
        run: Runs a job on a placement.
        asked: The tracker.
    """

    @functools.wraps(run)
    def shown(job: Any, *, placement: Placement) -> _Result:
        if asked.track is Tracker.NONE or not placement.is_chief:
            return run(job, placement=placement)
        from runtime.tracking import mlflow_run

        start = functools.partial(mlflow_run.MlflowRun, job.output_dir)
        with follow(job.output_dir, start):
            return run(job, placement=placement)

    return shown


@contextlib.contextmanager
def follow(
    folder: str, start: Callable[[], Tracked], *, every: float = _EVERY_SECONDS
) -> Iterator[None]:
    """Shows what is written to a run's folder within the `with` block.

    Args:
        folder: The run's.
        start: Begins the run at the tracker.
        every: Seconds between two looks.

    Raises:
        RunStoppedError: The block's own, as any other.
        KeyboardInterrupt: The block's own.
    """
    follower = _Follower(folder, start, every=every)
    follower.start()
    status = "FAILED"
    try:
        yield
        status = "FINISHED"
    except (RunStoppedError, KeyboardInterrupt):
        status = "KILLED"
        raise
    finally:
        follower.end(status)


class _Follower(threading.Thread):
    """The thread; a daemon, so that a tracker that hangs does not hold a run up.

    Args:
        folder: The run's.
        start: Begins the run at the tracker.
        every: Seconds between two looks.
    """

    def __init__(
        self, folder: str, start: Callable[[], Tracked], *, every: float
    ) -> None:
        super().__init__(name="tracker", daemon=True)
        self._folder = folder
        self._start = start
        self._every = every
        self._ended = threading.Event()
        self._status = ""
        self._shown: list[bytes] = []

    def end(self, status: str) -> None:
        """Shows the rest and waits for that, for a while.

        Args:
            status: How the run has ended.
        """
        self._status = status
        self._ended.set()
        self.join(_END_SECONDS)
        if self.is_alive():
            _log.warning(
                "The tracker has not taken the rest of the run in %d s; it is in %s.",
                *(_END_SECONDS, self._folder),
            )

    def run(self) -> None:
        """Follows until the run has ended."""
        try:
            self._follow(self._start())
        except Exception as error:  # noqa: BLE001 - whatever a tracker does, a run goes on
            _log.warning("The run is not shown any more: %s", str(error) or repr(error))

    def _follow(self, tracked: Tracked) -> None:
        while not self._ended.wait(self._every):
            self._show_metrics(tracked)
        self._show_metrics(tracked)
        path = storage.join(self._folder, run_record.RUN_FILE)
        if storage.exists(path):
            tracked.add_settings(json_file.read_object(path))
        self._show_files(tracked)
        tracked.close(self._status)

    def _show_metrics(self, tracked: Tracked) -> None:
        """Shows the lines from the first that was not there; a cut one waits."""
        path = storage.join(self._folder, run_record.METRICS_FILE)
        if not storage.exists(path):
            return
        content = storage.read_bytes(path)
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        pairs = itertools.starmap(operator.eq, zip(lines, self._shown, strict=False))
        same = sum(1 for _ in itertools.takewhile(bool, pairs))
        for line in lines[same:]:
            values = {n: v for n, v in json.loads(line).items() if v is not None}
            tracked.add_metrics(values.pop("step"), values)
        self._shown = lines
        tracked.flush()

    def _show_files(self, tracked: Tracked) -> None:
        names = [
            name
            for name in storage.list_dir(self._folder)
            if name.endswith(_SHOWN) and not name.endswith(_HIDDEN)
        ]
        with storage.temporary_dir() as copies:
            for name in names:
                path = storage.join(self._folder, name)
                if storage.size(path) <= _LARGEST:
                    storage.copy(path, storage.join(copies, name))
            tracked.add_files(copies)
