"""What a run's folder says of the run; nothing is computed and no model is loaded."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from typing import Any

from pipelines.reports.page import answered
from pipelines.reports.page.answered import Answered
from processors.labels import targets as target_kinds
from processors.labels.targets import Targets
from runtime import storage
from runtime.checkpoints import checkpoints
from runtime.checkpoints.checkpoints import Best
from runtime.errors import DataError
from runtime.files import json_file
from runtime.training import run_record

DEV_FILE = "eval_predictions.tsv"
"""In a run's folder: what it answers to the examples of the dev split."""

TEXTS: Mapping[str, str] = {
    "masked_words.txt": "Masked words",
    "samples.txt": "Samples",
    "data_report.txt": "Data and leakage",
    "eval_data_report.txt": "Data of the last evaluation",
}
"""Files that a page shows as they are, with what stands above; a pipeline whose runs
leave something else to read adds its file here."""

_RESULTS, _COMPARISON, _CONFUSION = (
    "eval_results.txt",
    "compare.txt",
    "confusion_matrix.txt",
)
_PREDICTIONS = "predictions"


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFiles:
    """A run as its files have it; each part is empty where there is none.

    Attributes:
        name: That of its folder.
        record: run.json.
        results: eval_results.txt.
        metrics: metrics.jsonl.
        best: The checkpoint that the run chose.
        splits: The answers to dev and to each test set.
        confusion: confusion_matrix.txt, of the dev split.
        comparison: compare.txt.
        texts: Heading and text of the other files that a page shows.
    """

    name: str
    record: Mapping[str, Any]
    results: Mapping[str, str]
    metrics: Sequence[Mapping[str, float]]
    best: Best | None
    splits: Sequence[Answered]
    confusion: str
    comparison: str
    texts: Sequence[tuple[str, str]]

    @property
    def settings(self) -> Mapping[str, Any]:
        """What the run was told."""
        return self.record.get("settings", {})

    @property
    def fingerprints(self) -> Mapping[str, Any]:
        """What identifies its data, its tokenizer and its model."""
        return self.record.get("fingerprints", {})


def read(folder: str) -> RunFiles:
    """Reads a run's folder.

    Args:
        folder: The run's, on a disk or in a bucket.

    Raises:
        DataError: It is no run's, or a file in it is damaged.
    """
    names = set(storage.list_dir(folder)) if storage.is_dir(folder) else set()
    _refuse_none(folder, names=names)
    texts = {
        name: storage.read_text(storage.join(folder, name))
        for name in (*TEXTS, _RESULTS, _COMPARISON, _CONFUSION)
        if name in names
    }
    record: dict[str, Any] = {}
    if run_record.RUN_FILE in names:
        record = json_file.read_object(storage.join(folder, run_record.RUN_FILE))
    return RunFiles(
        name=storage.basename(folder.rstrip("/")),
        record=record,
        results=_results(texts.get(_RESULTS, "")),
        metrics=run_record.RunRecord(folder).metrics(),
        best=checkpoints.best(storage.join(folder, checkpoints.DIRECTORY)),
        splits=list(_splits(folder, names=names, record=record)),
        confusion=texts.get(_CONFUSION, ""),
        comparison=texts.get(_COMPARISON, ""),
        texts=[(TEXTS[name], texts[name]) for name in TEXTS if name in texts],
    )


def _refuse_none(folder: str, *, names: Set[str]) -> None:
    needed = {run_record.RUN_FILE, run_record.METRICS_FILE, _RESULTS}
    if needed & names or any(map(_is_predictions, names)):
        return
    below = sorted(name for name in names if name.startswith("seed-"))
    if below:
        advice = f"It holds runs: name one, as {storage.join(folder, below[0])}."
    elif names:
        advice = "It holds other files."
    else:
        advice = "It is empty, or not there."
    raise DataError(
        f"expected the folder of a run, with {run_record.RUN_FILE}, {_RESULTS} or"
        f" {_PREDICTIONS}.tsv. {advice}",
        path=folder,
    )


def _results(text: str) -> dict[str, str]:
    pairs = (line.partition(" = ") for line in text.splitlines())
    return {name: value for name, equals, value in pairs if equals}


def _is_predictions(name: str) -> bool:
    return name.startswith(_PREDICTIONS) and name.endswith(".tsv")


def _splits(
    folder: str, *, names: Set[str], record: Mapping[str, Any]
) -> Iterator[Answered]:
    """Dev, then the test sets; none whose sets of labels cannot be told apart."""
    targets = target_kinds.of_settings(record.get("settings", {}))
    own = record.get("fingerprints", {}).get("labels") or ()
    files = {DEV_FILE: "dev"} if DEV_FILE in names else {}
    for name in sorted(filter(_is_predictions, names)):
        stem = name.removeprefix(_PREDICTIONS).removesuffix(".tsv")
        files[name] = f"test {stem.removeprefix('-')}".strip()
    labels = tuple(map(str, own)) or _listed_labels(folder, names=names)
    if targets is Targets.LABELS and any("," in label for label in labels):
        return
    for file, name in files.items():
        path = storage.join(folder, file)
        if "generated" in answered.columns_of(path):
            continue  # texts, of which samples.txt has some
        yield answered.read(path, name=name, targets=targets, labels=labels)


def _listed_labels(folder: str, *, names: Set[str]) -> tuple[str, ...]:
    if "labels.txt" not in names:
        return ()
    text = storage.read_text(storage.join(folder, "labels.txt"))
    return tuple(text.split("\n")[:-1])
