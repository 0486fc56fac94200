"""Scores of the pairs of a file, or of the best partners of every text."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from typing import Any, BinaryIO

import numpy as np

from processors.labels.targets import Targets
from processors.readers import pairs as pair_files
from processors.readers.row import Row
from processors.readers.sieve import open_sieve
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime import storage
from runtime.devices.placement import Placement
from runtime.errors import DataError, SettingsError
from runtime.training import trained_run
from tf_bert.pairs import trained_pairs
from tf_bert.pairs.encoding import Encoded, TextEncoder
from tf_bert.pairs.nearest import Search, nearest
from tf_bert.pairs.scoring import PairModel, SideTable
from tf_bert.pairs.scoring_settings import Index, ScoringSettings
from tf_bert.pairs.trained_pairs import TrainedPairs

_MEGABYTE = 1 << 20
_PAIRS_A_CHUNK = 1 << 16
_THRESHOLD = 0.5
_NOT_IN_A_CELL = str.maketrans("\t\r\n", "   ")

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ScoringJob:
    """A scoring whose settings fit each other.

    Attributes:
        settings: What was asked for.
        trained: The bi-encoder.
        tokenizer: Texts to ids.
        texts: By id.
        label: The output that decides, for all pairs.
    """

    settings: ScoringSettings
    trained: TrainedPairs
    tokenizer: Tokenizer
    texts: Mapping[str, str]
    label: int


def fill(kind: Any, values: Mapping[str, Any], *, given: Set[str]) -> dict[str, Any]:
    """Takes what nobody has said from the run whose bi-encoder it is.

    Args:
        kind: `ScoringSettings`.
        values: Their fields.
        given: Flags that the command line gave: they stay.

    Raises:
        SettingsError: A file that the run was given is no longer there.
    """
    told = {**values, "do_train": False, "output_dir": None}
    found = trained_run.fill(kind, told, given=given)
    return {name: found[name] for name in values}


def prepare(settings: ScoringSettings) -> ScoringJob:
    """Reads what the settings name and checks that it fits together.

    Args:
        settings: What was asked for.

    Raises:
        SettingsError: Settings that do not fit.
        CheckpointError: There is no bi-encoder.
        DataError: A text cannot be used.
    """
    trained = trained_pairs.open_trained(str(settings.init_checkpoint))
    tokenizer = tokenizers.create(settings)
    trained_pairs.refuse_other_tokenizer(
        trained, tokenizer, max_seq_length=settings.max_seq_length
    )
    label = 0
    _refuse_index(settings.index, model=trained.model)
    if settings.all_pairs:
        label = trained_pairs.place_of(settings.label, model=trained.model)
    path = str(settings.texts_file)
    texts = pair_files.read_texts(path, encoding=settings.encoding)
    _refuse_unusable(texts, path=path)
    return ScoringJob(
        settings=settings,
        trained=trained,
        tokenizer=tokenizer,
        texts=texts,
        label=label,
    )


def _refuse_index(index: Index, *, model: PairModel) -> None:
    if index is not Index.EXACT and not model.is_product:
        head = model.head
        raise SettingsError(
            f"--index={index.value} is for runs of --combine=dot or reduced with "
            "--attend=vectors, whose scores are products of two vectors; this one has "
            f"--combine={head.combine.value} --attend={head.attend.value}. Use "
            "--index=exact."
        )


def _refuse_unusable(texts: Mapping[str, str], *, path: str) -> None:
    if not texts:
        raise DataError("holds no text.", path=path)
    empty = [name for name, text in texts.items() if not text.strip()]
    if empty:
        raise DataError(
            f"the text {empty[0]!r} is empty ({len(empty)} of {len(texts)} are). A"
            " vector needs a text: take them out, and the pairs that they are in.",
            path=path,
        )


def run(job: ScoringJob) -> None:
    """Writes the scores and, beside them, cache_report.txt.

    Args:
        job: From `prepare`.

    Raises:
        SettingsError: The cache is of another encoder.
        DataError: A pair cannot be used, or the cache is damaged.
    """
    settings = job.settings
    encoder, output_file = _encoder(job), str(settings.output_file)
    encoded = encoder.encode(job.texts.values(), cache=settings.cache_dir)
    _report(encoder, folder=storage.dirname(output_file))
    with storage.open_write(output_file) as file:
        file.write(_header(job.trained.model))
        if settings.all_pairs:
            search = _search(job)
            pairs = nearest(job.trained.model, encoded, search=search)
            _write(file, pairs, encoded=encoded, job=job)
        else:
            _write_listed(file, encoded=encoded, job=job)
    _log.info("Scores: %s", output_file)


def _encoder(job: ScoringJob) -> TextEncoder:
    settings, trained = job.settings, job.trained
    return TextEncoder(
        trained.source,
        config=trained.config,
        tokenizer=job.tokenizer,
        kept=trained.kept(
            max_seq_length=settings.max_seq_length,
            dtype=settings.cache_precision.value,
            precision=settings.precision,
        ),
        place=functools.partial(_place, settings),
        batch_size=settings.batch_size,
    )


def _place(settings: ScoringSettings) -> Placement:
    placement = settings.place()
    settings.refuse_other_cores(placement)
    return placement


def _write_listed(file: BinaryIO, *, encoded: Encoded, job: ScoringJob) -> None:
    """Writes a line for each pair of the pairs file, and rejects those that are bad."""
    settings = job.settings
    rejects = f"{settings.output_file}.rejects.jsonl"
    rows = pair_files.read_ids(
        str(settings.pairs_file),
        columns=(settings.text_a, settings.text_b),
        encoding=settings.encoding,
    )
    make = _places(job.texts, path=str(settings.texts_file))
    with open_sieve(settings.on_bad_row, rejects_path=rejects) as sieve:
        _write(file, _chunks(sieve.sift(rows, make)), encoded=encoded, job=job)
    if found := sieve.describe():
        _log.warning("%s; see %s", found, rejects)


def _search(job: ScoringJob) -> Search:
    settings = job.settings
    return Search(
        label=job.label,
        top_k=settings.top_k or 1,
        chunk_bytes=settings.chunk_megabytes * _MEGABYTE,
        index=settings.index,
    )


def _report(encoder: TextEncoder, *, folder: str) -> None:
    report = encoder.report
    path = storage.join(folder, "cache_report.txt")
    storage.write_text(path, "\n".join(report.lines()) + "\n")
    _log.info("Texts: %d, of which %d were kept", report.texts, report.found)
    if report.cut:
        _log.warning("%d texts are cut at --max_seq_length.", report.cut)


def _places(texts: Mapping[str, str], *, path: str) -> Callable[[Row], tuple[int, int]]:
    """Makes of a row the places of its two texts."""
    places = {name: place for place, name in enumerate(texts)}

    def make(row: Row) -> tuple[int, int]:
        first, second = row.name(0), row.name(1)
        for each in (first, second):
            if each not in places:
                raise row.error(f"no text with the id {each!r} in {path}")
        return places[first], places[second]

    return make


def _chunks(rows: Iterator[tuple[int, int]]) -> Iterator[np.ndarray]:
    """Pairs of places, int64 `[pairs, 2]`, some at a time."""
    while chunk := list(itertools.islice(rows, _PAIRS_A_CHUNK)):
        yield np.array(chunk, np.int64)


def _header(model: PairModel) -> bytes:
    labels = [label.translate(_NOT_IN_A_CELL) for label in model.labels]
    said = ["predicted"] if _has_answers(model) else []
    return ("\t".join(["id_a", "id_b", *labels, *said]) + "\n").encode()


def _write(
    file: BinaryIO,
    chunks: Iterable[np.ndarray],
    *,
    encoded: Encoded,
    job: ScoringJob,
) -> None:
    """Writes a line for each pair."""
    model = job.trained.model
    names = [name.translate(_NOT_IN_A_CELL) for name in job.texts]
    table = SideTable(model, encoded)
    for pairs in chunks:
        answers = table.scores(pairs, second=table)
        numbers = [map(_text, column) for column in answers.T.tolist()]
        said = [_predicted(answers, model)] if _has_answers(model) else []
        ids = ([names[place] for place in side] for side in pairs.T.tolist())
        lines = map("\t".join, zip(*ids, *numbers, *said, strict=True))
        file.write(("\n".join(lines) + "\n").encode())


def _has_answers(model: PairModel) -> bool:
    return model.targets is not Targets.NUMBER


def _predicted(answers: np.ndarray, model: PairModel) -> list[str]:
    labels = [label.translate(_NOT_IN_A_CELL) for label in model.labels]
    if model.targets is Targets.LABELS:
        held = (answers > _THRESHOLD).tolist()
        return [",".join(itertools.compress(labels, row)) for row in held]
    return [labels[place] for place in answers.argmax(axis=1).tolist()]


def _text(number: float) -> str:
    return f"{number:.7g}"
