"""What is trained and evaluated on in pre-training, as a page of text."""

from __future__ import annotations

import itertools
import logging
import textwrap
from collections.abc import Iterator

import numpy as np

from processors.data_check import text_table
from processors.pretraining.dataset import PretrainingDataset
from runtime import storage

_LINE_CHARACTERS = 88
_ON_TRAINING = (
    "Evaluation reads the sequences that are trained on, because --eval_file was not "
    "given: its results say how well these are known, not how well other text is read."
)

_log = logging.getLogger(__name__)


def write(
    path: str, *, training: PretrainingDataset, evaluation: PretrainingDataset | None
) -> None:
    """Writes the report, and logs what in it takes the worth from an evaluation.

    Args:
        path: The file.
        training: What is trained on.
        evaluation: What is evaluated on; None where nothing is.
    """
    datasets = {"training": training}
    notes = []
    if evaluation is not None:
        datasets["evaluation"] = evaluation
        notes = list(_notes(training, evaluation))
    sections = ["Data report\n", _table(datasets)]
    sections += [textwrap.fill(note, _LINE_CHARACTERS) + "\n" for note in notes]
    storage.write_text(path, "\n".join(sections))
    for note in notes:
        _log.warning("%s", note)
    _log.info("Data: %s", path)


def _notes(
    training: PretrainingDataset, evaluation: PretrainingDataset
) -> Iterator[str]:
    if evaluation is training:
        yield _ON_TRAINING
        return
    known = set(_sequences(training))
    copies = sum(sequence in known for sequence in _sequences(evaluation))
    if copies:
        yield (
            f"{copies} of {len(evaluation)} sequences that are evaluated on "
            f"({copies / len(evaluation):.2%}) are also trained on."
        )


def _sequences(dataset: PretrainingDataset) -> Iterator[bytes]:
    """The token ids of each sequence, as they were before any was masked."""
    ids, offsets = dataset.tokens.ids, dataset.tokens.offsets
    masked = dataset.predictions
    if masked is not None:
        real = masked.weights > 0
        starts = np.repeat(offsets[:-1], masked.counts)
        ids = ids.copy()
        ids[(starts + masked.positions)[real]] = masked.ids[real]
    for start, stop in itertools.pairwise(offsets):
        yield ids[start:stop].tobytes()


def _table(datasets: dict[str, PretrainingDataset]) -> str:
    rows = [["", "sequences", "tokens", "min", "median", "95 %", "max", "masked"]]
    for name, dataset in datasets.items():
        lengths = dataset.tokens.lengths
        ranks = np.percentile(lengths, (0, 50, 95, 100), method="inverted_cdf")
        counts = (len(dataset), int(lengths.sum()), *map(int, ranks))
        rows.append([name, *map(str, counts), _masked(dataset)])
    return text_table.aligned(rows)


def _masked(dataset: PretrainingDataset) -> str:
    if dataset.predictions is None:
        return "in training"
    return str(int((dataset.predictions.weights > 0).sum()))
