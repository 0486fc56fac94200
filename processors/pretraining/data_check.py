"""What is trained and evaluated on in pre-training, as a page of text."""

from __future__ import annotations

import collections
import hashlib
import itertools
import logging
import textwrap
from collections.abc import Iterator

import numpy as np

from processors.data_check import text_table
from processors.pretraining.dataset import PretrainingDataset
from runtime import storage

_LINE_CHARACTERS = 88
_AT_ONCE = 1 << 16  # sequences, or masked tokens
_DIGEST_BYTES = 16
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
    copies = _copies(evaluation, of=training)
    if copies:
        yield (
            f"{copies} of {len(evaluation)} sequences that are evaluated on "
            f"({copies / len(evaluation):.2%}) are also trained on."
        )


def _copies(dataset: PretrainingDataset, *, of: PretrainingDataset) -> int:
    """How many sequences of a data set are in another, too."""
    counts = collections.Counter(_digests(dataset))
    return sum(counts.pop(digest, 0) for digest in _digests(of))


def _digests(dataset: PretrainingDataset) -> Iterator[bytes]:
    """What tells the sequences apart, as they were before any token was masked."""
    offsets = dataset.tokens.offsets
    for first in range(0, len(dataset), _AT_ONCE):
        ends = offsets[first : first + _AT_ONCE + 1]
        ids = _unmasked(dataset, ends, first=first)
        for start, stop in itertools.pairwise(ends - ends[0]):
            yield hashlib.blake2b(
                ids[start:stop].data, digest_size=_DIGEST_BYTES
            ).digest()


def _unmasked(
    dataset: PretrainingDataset, offsets: np.ndarray, *, first: int
) -> np.ndarray:
    """The ids of some sequences, from the number `first` on, int32 [tokens]."""
    ids = dataset.tokens.ids[offsets[0] : offsets[-1]]
    masked = dataset.predictions
    if masked is None:
        return ids
    ids, some = ids.copy(), slice(first, first + len(offsets) - 1)
    there = slice(masked.offsets[some.start], masked.offsets[some.stop])
    starts = np.repeat(offsets[:-1] - offsets[0], masked.counts[some])
    real = masked.weights[there] > 0
    ids[(starts + masked.positions[there])[real]] = masked.ids[there][real]
    return ids


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
    weights = dataset.predictions.weights
    blocks = (weights[n : n + _AT_ONCE] for n in range(0, len(weights), _AT_ONCE))
    return str(sum(int(np.count_nonzero(block > 0)) for block in blocks))
