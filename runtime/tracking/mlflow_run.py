"""A run as MLflow shows it, by MLflow's own client.

Where it goes is MLflow's business: MLFLOW_TRACKING_URI, MLFLOW_EXPERIMENT_NAME.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from runtime import storage

_FOLDER_TAG = "output_dir"
_PARTS = ("settings", "fingerprints", "versions")
_UNKNOWN = re.compile(r"[^\w./ :-]", re.ASCII)  # MLflow's names
_CUT = "..."

_Entity = TypeVar("_Entity")


class MlflowRun:
    """A run at MLflow, begun; to be used from one thread.

    Args:
        folder: The run's, by which it is found again.
    """

    def __init__(self, folder: str) -> None:
        import mlflow  # of the extra [mlflow]
        from mlflow.utils import validation

        self._mlflow, self._limits = mlflow, validation
        self._client = mlflow.MlflowClient()
        self._waiting: list[Any] = []
        name = storage.basename(folder.rstrip("/"))
        run = mlflow.start_run(run_name=name, tags={_FOLDER_TAG: folder})
        self._id = run.info.run_id
        self._end_killed(folder, experiment=run.info.experiment_id)

    def add_settings(self, settings: Mapping[str, Any]) -> None:
        """Shows run.json: its settings flat, versions and fingerprints under theirs."""
        found = dict(_flat(settings.get("settings", {}), below=""))
        for part in _PARTS[1:]:
            found |= _flat(settings.get(part, {}), below=f"{part}.")
        params = [
            self._mlflow.entities.Param(self._name(name), self._value(value))
            for name, value in found.items()
        ]
        for some in _parts(params, self._limits.MAX_PARAMS_TAGS_PER_BATCH):
            self._client.log_batch(self._id, params=some)

    def add_metrics(self, step: int, metrics: Mapping[str, float]) -> None:
        """Keeps a line of metrics.jsonl for `flush`."""
        now = round(time.time() * 1000)
        self._waiting += [
            self._mlflow.entities.Metric(self._name(name), value, now, step)
            for name, value in metrics.items()
        ]

    def flush(self) -> None:
        """Shows the metrics that wait."""
        waiting, self._waiting = self._waiting, []
        for some in _parts(waiting, self._limits.MAX_METRICS_PER_BATCH):
            self._client.log_batch(self._id, metrics=some)

    def add_files(self, folder: str) -> None:
        """Shows the files of a local folder as artefacts."""
        self._client.log_artifacts(self._id, folder)

    def close(self, status: str) -> None:
        """Ends the run there."""
        self._mlflow.end_run(status)

    def _end_killed(self, folder: str, *, experiment: str) -> None:
        """Marks runs of the same folder that were killed before they could say so."""
        name = folder.replace("'", "\\'")
        found = self._client.search_runs(
            [experiment],
            f"tags.{_FOLDER_TAG} = '{name}' and attributes.status = 'RUNNING'",
        )
        for run in found:
            if run.info.run_id != self._id:
                self._client.set_terminated(run.info.run_id, "KILLED")

    def _name(self, name: str) -> str:
        return _cut(_UNKNOWN.sub("_", name), self._limits.MAX_ENTITY_KEY_LENGTH)

    def _value(self, value: Any) -> str:
        text = (
            value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        )
        return _cut(text, self._limits.MAX_PARAM_VAL_LENGTH)


def _flat(values: Mapping[str, Any], *, below: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, below=f"{below}{name}.")
        else:
            yield f"{below}{name}", value


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


def _parts(entities: Sequence[_Entity], size: int) -> Iterator[Sequence[_Entity]]:
    for start in range(0, len(entities), size):
        yield entities[start : start + size]
