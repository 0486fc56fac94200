"""What a run finds out about its sources and targets before a framework loads."""

from __future__ import annotations

import dataclasses
import logging
import textwrap
from collections.abc import Mapping, Sequence
from typing import TypeVar

from pipelines.classification import data_check
from pipelines.generation import library_scores, targets
from pipelines.generation.preparation import GenerationJob
from processors.base import SPLITS
from processors.batches.features import TokenSummary
from processors.data_check import text_table
from processors.data_check.report import DataReport, SplitData, Subject
from processors.example import InputExample

_Job = TypeVar("_Job", bound=GenerationJob)

_SOURCES = Subject(
    title="Data report: sources", limit="max_source_length", has_labels=False
)
_TARGETS = Subject(
    title="Data report: targets",
    limit="max_target_length",
    special="[SEP]",
    has_labels=False,
)
_ABOUT = (
    "The targets as the vocabulary spells them, beside what they are, both in the form"
    " in which written texts are measured: no model does better."
)
_LINE = 88  # characters

_log = logging.getLogger(__name__)


def checked(job: _Job) -> _Job:
    """Tokenises the splits of a run and reports on their sources and targets.

    Args:
        job: The run.

    Returns:
        The same with its splits and the report on them.

    Raises:
        SettingsError: As `pipelines.classification.data_check.checked`.
        DataError: As there; or there are more copies of training examples, on either
            side, than `--max_leakage` allows.
    """
    job = data_check.tokenised(job)
    examples, notes = _examples(job)
    pages = [
        _sources(job, examples, notes=[*data_check.how_dealt(job), *notes]),
        _targets(job, examples),
    ]
    texts = [page.text() for page in pages]
    job = dataclasses.replace(job, report="\n".join([*texts, _ceilings(job, examples)]))
    for page, side in zip(pages, ("source", "target"), strict=True):
        for sentence in page.copies_of_training():
            _log.warning("%ss: %s", side, sentence)
        data_check.refuse_leakage(job, page)
    return job


def _examples(
    job: GenerationJob,
) -> tuple[dict[str, Sequence[InputExample]], list[str]]:
    """The examples of all splits that can be read, and why the training's cannot."""
    found = {name: split.examples for name, split in job.splits.items()}
    notes: list[str] = []
    if "train" not in found:
        examples, notes = job.training_examples()
        found |= {"train": examples} if examples else {}
    return {name: found[name] for name in SPLITS if name in found}, notes


def _sources(
    job: GenerationJob,
    examples: Mapping[str, Sequence[InputExample]],
    *,
    notes: Sequence[str],
) -> DataReport:
    splits = {
        name: SplitData(
            [dataclasses.replace(each, text_b=None) for each in rows],
            job.splits[name].tokens if name in job.splits else None,
        )
        for name, rows in examples.items()
    }
    return DataReport(
        splits,
        labels=(),
        max_seq_length=job.settings.max_seq_length,
        notes=notes,
        subject=_SOURCES,
    )


def _targets(
    job: GenerationJob, examples: Mapping[str, Sequence[InputExample]]
) -> DataReport:
    splits = {
        name: SplitData(
            [
                dataclasses.replace(each, text_a=each.text_b, text_b=None)
                for each in rows
                if each.text_b is not None
            ],
            _tokens(job, name),
        )
        for name, rows in examples.items()
    }
    return DataReport(
        {name: split for name, split in splits.items() if split.examples},
        labels=(),
        max_seq_length=job.settings.max_target_length,
        subject=_TARGETS,
    )


def _known(examples: Sequence[InputExample]) -> list[str]:
    return [each.text_b for each in examples if each.text_b is not None]


def _tokens(job: GenerationJob, name: str) -> TokenSummary | None:
    given = _known(job.splits[name].examples) if name in job.splits else []
    if not given:
        return None
    return targets.summary(
        given,
        tokenizer=job.tokenizer,
        max_target_length=job.settings.max_target_length,
    )


def _ceilings(
    job: GenerationJob, examples: Mapping[str, Sequence[InputExample]]
) -> str:
    found = {
        name: targets.ceiling(given, tokenizer=job.tokenizer)
        for name, rows in examples.items()
        if (given := _known(rows))
    }
    if not found:
        return ""
    names = ["rougeL_char", *library_scores.NAMES[:2], "exact"]
    table = [["tokenizer's ceiling", "texts", *names]]
    for split, each in found.items():
        cells = [
            f"{each.scores[name]:.3g}" if name in each.scores else "-" for name in names
        ]
        table.append([split, str(each.texts), *cells])
    return text_table.aligned(table) + textwrap.fill(_ABOUT, _LINE) + "\n"
