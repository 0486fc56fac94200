"""The splits of a task to TFRecords, without training."""

from __future__ import annotations

import dataclasses
import enum
import functools
import logging
from collections.abc import Iterator, Sequence

from pipelines.classification import label_check
from pipelines.classification.preparation import find_data_dir, find_processor
from pipelines.classification.rows import RowReader, rejects_file
from processors.base import SPLITS, DataProcessor
from processors.batches.long_texts import LongTexts
from processors.example import InputExample
from processors.labels import label_names
from processors.labels.targets import Targets
from processors.records import beam_conversion, conversion, store
from processors.records.conversion import Recipe
from processors.records.manifest import Manifest
from processors.tasks.records import RECORDS_ALONE
from processors.tasks.settings import DataSettings
from processors.tokenization import create as tokenizers
from processors.tokenization.settings import TokenizerSettings
from runtime import storage
from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training import run_lock

_LOG = logging.getLogger(__name__)


class Runner(enum.Enum):
    """What runs a conversion."""

    LOCAL = "local"
    BEAM = "beam"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ConversionSettings(DataSettings, TokenizerSettings):
    """What a conversion is told.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    output_dir: str | None = setting(None, path=True, help="Folder for the records.")
    splits: tuple[str, ...] = setting(
        (), help="Splits to convert; by default all that the task has."
    )
    max_seq_length: int = setting(
        128, help="Longest input in tokens, special tokens included."
    )
    long_texts: LongTexts = setting(
        LongTexts.TRUNCATE,
        help="What is kept of a text longer than max_seq_length: its start; head_tail, "
        "a quarter from its start and the rest from its end; chunk, all of it, for "
        "runs that read it in windows.",
    )
    runner: Runner = setting(
        Runner.LOCAL, help="local converts here; beam as an Apache Beam pipeline."
    )
    beam_options: tuple[str, ...] = setting(
        (), help="Options of the Beam pipeline, as in runner=FlinkRunner,parallelism=8."
    )

    def __post_init__(self) -> None:
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        for name in ("task_name", "output_dir"):
            if not getattr(self, name):
                yield f"--{name} is required."
        for name in ("record_shards", "max_seq_length"):
            if getattr(self, name) < 1:
                yield f"--{name} must be at least 1; got {getattr(self, name)}."
        for name in sorted(set(self.splits) - set(SPLITS)):
            yield f"--splits: expected some of {', '.join(SPLITS)}; got {name!r}."
        if self.has_records_alone:
            yield f"--task_name={RECORDS_ALONE} names what is tokenised already."
        yield from self.data_problems()
        yield from self.tokenizer_problems()
        if self.runner is Runner.BEAM and self.workers > 1:
            yield "--workers is for --runner=local; a Beam runner has its own workers."
        if self.beam_options and self.runner is not Runner.BEAM:
            yield "--beam_options is for --runner=beam."


def run(settings: ConversionSettings) -> None:
    """Converts the splits that the settings name.

    Args:
        settings: What to convert, and how.

    Raises:
        SettingsError: The settings do not fit the task.
        DataError: A row cannot be used.
        StorageError: A run or another conversion writes to the output directory.
    """
    processor = find_processor(settings)
    data_dir = find_data_dir(settings, processor=processor)
    names = settings.splits or tuple(filter(processor.has_split, SPLITS))
    for name in names:
        processor.refuse_missing(name, data_dir=data_dir)
    task = str(settings.task_name)
    reader = RowReader(processor, data_dir=data_dir, on_bad_row=settings.on_bad_row)
    labels = label_names.checked(reader.collect_labels(), task=task)
    if settings.targets is Targets.LABEL:
        label_check.refuse_one_label(labels, task=task)
    for remark in label_names.remarks(labels):
        _LOG.warning("%s", remark)
    recipe = Recipe(
        make_tokenizer=functools.partial(tokenizers.create, settings),
        labels=labels,
        max_seq_length=settings.max_seq_length,
        long_texts=settings.long_texts,
        targets=settings.targets,
    )
    sources = [
        SplitSource(
            name, processor, data_dir=data_dir, labels=labels, settings=settings
        )
        for name in names
    ]
    with run_lock.hold(str(settings.output_dir)):
        for source in sources:
            source.forget_rejects()
        for name, source in zip(names, sources, strict=True):
            manifest = _convert(source, recipe=recipe)
            _LOG.info("%s: %d examples in %s", name, manifest.examples, source.path)


@dataclasses.dataclass(frozen=True)
class SplitSource:
    """A split of a task, whichever process is to read it.

    Args:
        name: train, dev or test.
        processor: The task.
        data_dir: Folder that the processor reads.
        labels: The task's labels.
        settings: What becomes of bad rows, and where the records go.
    """

    name: str
    processor: DataProcessor
    data_dir: str
    labels: Sequence[str]
    settings: ConversionSettings

    @property
    def path(self) -> str:
        """The records of the split."""
        return store.record_path(str(self.settings.output_dir), self.name)

    def examples(self) -> Iterator[InputExample]:
        """Streams the examples; rejected rows go to a file beside the records."""
        sifting = self.processor.sifting(
            self.settings.on_bad_row, rejects_path=self._rejects_path
        )
        with sifting:
            rows = self.processor.stream_examples(self.name, data_dir=self.data_dir)
            if self.name == "test":
                rows = label_check.without_placeholder(rows, labels=self.labels)
            yield from rows

    def forget_rejects(self) -> None:
        """Deletes what an earlier conversion has rejected."""
        if storage.exists(self._rejects_path):
            storage.delete(self._rejects_path)

    @property
    def _rejects_path(self) -> str:
        return self._beside(rejects_file(self.processor.source_of(self.name)))

    def _beside(self, name: str) -> str:
        return storage.join(str(self.settings.output_dir), name)


def _convert(source: SplitSource, *, recipe: Recipe) -> Manifest:
    settings = source.settings
    if settings.runner is Runner.BEAM:
        return beam_conversion.convert(
            source.path,
            source.examples,
            recipe=recipe,
            shards=settings.record_shards,
            options=settings.beam_options,
        )
    return conversion.convert(
        source.path,
        source.examples(),
        recipe=recipe,
        shards=settings.record_shards,
        workers=settings.workers,
    )
