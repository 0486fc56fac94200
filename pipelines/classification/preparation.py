"""What a task's settings name, read before a framework loads."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pipelines.classification import label_check
from pipelines.classification.rows import RowReader, all_fit
from pipelines.classification.settings import TaskSettings
from pipelines.classification.splits import Split
from processors.base import DataProcessor
from processors.batches.features import FEATURES, Features, TokenCounts, featurize
from processors.data_check.splitting import SplitProcessor
from processors.example import InputExample, checksum
from processors.labels import targets
from processors.labels.targets import Targets
from processors.readers.sieve import Unfit
from processors.records.manifest import Origin
from processors.tasks import registry
from processors.tasks.lists import ListsProcessor
from processors.tasks.settings import DataSettings
from processors.tasks.table import OptionsProcessor
from processors.tokenization import difference, kept
from processors.tokenization.base import Tokenizer
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import SettingsError
from runtime.training.job import Job
from runtime.training.same_run import Trait

PAIRS = "pairs"
"""In a checkpoint's state: whether its run was trained on pairs of texts."""

_log = logging.getLogger(__name__)

_ANSWERS = {
    Targets.LABEL: "The model in {} answers by one label: leave --multi_label and"
    " --objective=regression out.",
    Targets.LABELS: "The model in {} answers by any number of labels: say"
    " --multi_label, and no --objective.",
    Targets.NUMBER: "The model in {} answers by a number: say --objective=regression,"
    " and no --multi_label.",
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """The run whose weights are gone on from, evaluated or predicted with.

    Attributes:
        path: Where it lies.
        labels: Its labels in order of their ids.
        tokenizer: Fingerprint of its tokenizer; empty where not known.
        max_seq_length: Tokens that its texts were cut to; None where not known.
        targets: What it answers; None where not known.
    """

    path: str
    labels: tuple[str, ...] = ()
    tokenizer: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    max_seq_length: int | None = None
    targets: Targets | None = None

    @classmethod
    def of_checkpoint(cls, path: str, checkpoint: Checkpoint | None) -> TrainedRun:
        """What the newest checkpoint of a run says; without one only where it lies."""
        return cls.of_state(path, checkpoint.state if checkpoint else {})

    @classmethod
    def of_state(cls, path: str, state: Mapping[str, Any]) -> TrainedRun:
        """What the state of one of its checkpoints says."""
        settings = state.get("settings", {})
        return cls(
            path=path,
            labels=tuple(state.get("labels") or ()),
            tokenizer=state.get("tokenizer") or {},
            max_seq_length=settings.get("max_seq_length"),
            targets=targets.of_settings(settings),
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskJob(Job):
    """A run on a task whose settings fit each other.

    Attributes:
        settings: What was asked for.
        tokenizer: Texts to ids.
        rows: The rows of the splits of the work ahead.
        splits: These, tokenised.
        report: The page on the data; empty where none is made.
    """

    settings: TaskSettings
    tokenizer: Tokenizer
    rows: RowReader
    splits: Mapping[str, Split] = dataclasses.field(default_factory=dict)
    report: str = ""

    @property
    def labels(self) -> tuple[str, ...]:
        """The task's labels in order of their ids."""
        return label_check.labels_of(self.rows.processor, settings=self.settings)

    @property
    def features_format(self) -> str:
        """How `features` makes rows of texts, as manifests of records name it.

        A job that makes them otherwise has another name for it, or would take the
        records of this one.
        """
        return FEATURES

    @property
    def reading(self) -> tuple[str, ...]:
        """Sentences for the data report on how `features` reads texts."""
        return ()

    @property
    def origin(self) -> Origin:
        """What decides the records of the job's splits."""
        return Origin(
            tokenizer=self.tokenizer.fingerprint(),
            labels=self.labels,
            max_seq_length=self.settings.max_seq_length,
            features=self.features_format,
        )

    @property
    def total_steps(self) -> int:
        """See `Job.total_steps`."""
        return self.settings.num_train_steps(len(self.splits["train"].dataset))

    def model_traits(self) -> list[Trait]:
        """See `Job.model_traits`."""
        plan, group = self.settings.split_plan(), self.settings.split_group
        dealt = plan and f"{plan} --split_group={group or ''}"
        fingerprint = self.tokenizer.fingerprint()
        is_number = self.settings.targets is Targets.NUMBER
        same = _same_labels if is_number else _other_labels
        return [
            Trait(name="tokenizer", value=fingerprint, differ=difference.in_words),
            Trait(name="dealt splits", value=dealt),
            Trait(name="labels", value=self.labels, differ=same),
        ]

    def state(self) -> dict[str, Any]:
        """See `Job.state`; and what those ask who have the checkpoint alone."""
        return {
            **super().state(),
            "special_ids": self.tokenizer.special.known(),
            **self._form_of_texts(),
        }

    def _form_of_texts(self) -> dict[str, bool]:
        """Whether the training examples are pairs, where they are known."""
        split = self.splits.get("train")
        if split is None:
            return {}
        is_pair = any(example.text_b is not None for example in split.examples)
        return {PAIRS: is_pair or bool(split.dataset.segments.any())}

    def keep_vocabulary(self, folder: str) -> None:
        """See `Job.keep_vocabulary`; a run's folder is all that the next one needs."""
        kept.keep(self.tokenizer, folder=folder)

    def data_traits(self) -> list[Trait]:
        """See `Job.data_traits`."""
        if not self.settings.trains:
            return []
        examples = self.examples("train")
        value = {"examples": len(examples), "crc32c": checksum(examples)}
        return [
            Trait(name="train_data", value=value, accept="data_dir", differ=_other_data)
        ]

    def examples(self, name: str) -> Sequence[InputExample]:
        """The examples of a split that the job works on.

        Args:
            name: train, dev or test.

        Raises:
            DataError: A row cannot be used, or there are none.
        """
        return self.rows.examples(name)

    def features(
        self,
        examples: Iterable[InputExample],
        *,
        labels: Sequence[str],
        counts: TokenCounts,
    ) -> Iterator[Features]:
        """Yields the token ids of each example, as the model reads them.

        Args:
            examples: In the order of their split.
            labels: The task's labels in order of their ids.
            counts: Where to count tokens before any are cut off.
        """
        return featurize(
            examples,
            tokenizer=self.tokenizer,
            labels=labels,
            max_seq_length=self.settings.max_seq_length,
            counts=counts,
            targets=self.settings.targets,
        )


def open_rows(
    settings: TaskSettings,
    *,
    trained: TrainedRun,
    made: DataProcessor | None = None,
    unfit: Callable[[str], Unfit] = all_fit,
) -> RowReader:
    """Finds the task's processor and what it is to read.

    The labels of a trained run stay what they were. A run that trains collects them
    anew all the same, so that other data are known for what they are.

    Args:
        settings: Names the task, its files, columns, labels and dealt splits.
        trained: What the job goes on from, evaluates or predicts with.
        made: The processor, where the caller has made it; task_name names it.
        unfit: See `RowReader`.

    Raises:
        SettingsError: There is no such task, it takes no such options, or the trained
            run gives other answers.
        DataError: The training rows, looked at for their labels, cannot be used.
    """

    def reader(run: TrainedRun | None) -> RowReader:
        processor = find_processor(settings, trained=run, made=made)
        data_dir = find_data_dir(settings, processor=processor)
        return RowReader(
            processor,
            data_dir=data_dir,
            on_bad_row=settings.on_bad_row,
            unfit=unfit,
        )

    if not settings.trains:
        _tell_other_length(settings, trained)
        _refuse_other_targets(settings, trained)
    if not (settings.trains and trained.labels):
        return reader(trained)
    anew = reader(None)
    is_known = set(anew.collect_labels()) <= set(trained.labels)
    return reader(trained) if is_known else anew


def _tell_other_length(settings: TaskSettings, trained: TrainedRun) -> None:
    here, there = settings.max_seq_length, trained.max_seq_length
    if there is not None and there != here:
        _log.warning(
            "The run in %s was trained with --max_seq_length=%d; texts are cut at %d"
            " here.",
            *(trained.path, there, here),
        )


def _refuse_other_targets(settings: TaskSettings, trained: TrainedRun) -> None:
    if trained.targets not in {None, settings.targets}:
        raise SettingsError(_ANSWERS[trained.targets].format(trained.path))


def find_processor(
    settings: DataSettings,
    *,
    trained: TrainedRun | None = None,
    made: DataProcessor | None = None,
) -> DataProcessor:
    """The task's processor.

    Args:
        settings: Names the task, its files, columns, labels and dealt splits.
        trained: Its labels are the task's where they are open.
        made: The processor, where the caller has made it; task_name names it.

    Raises:
        SettingsError: There is no such task, or it takes no such options.
    """
    if made is None:
        task = _named_processor(settings, trained=trained)
    else:
        task = _of_targets(made, settings)
    task.needs_labels = settings.NEEDS_LABELS
    plan = settings.split_plan()
    if plan is None:
        return task
    if not task.has_texts:
        raise SettingsError(
            f"{plan} deals examples by their texts, and records alone have none. Deal"
            " them where the records are made: scripts/create_tfrecords.py --split."
        )
    return SplitProcessor(task, plan=plan)


def _of_targets(task: DataProcessor, settings: DataSettings) -> DataProcessor:
    """A processor that the caller has made; lists hold what the settings say."""
    if isinstance(task, ListsProcessor):
        task.targets = settings.targets
    registry.refuse_other_targets(task, settings.targets, task=str(settings.task_name))
    return task


def _named_processor(
    settings: DataSettings, *, trained: TrainedRun | None
) -> DataProcessor:
    options = settings.table_options()
    name = str(settings.task_name)
    is_open = not options.labels and options.targets is not Targets.NUMBER
    if trained is None or not trained.labels or not is_open:
        return registry.create(name, options)
    if not issubclass(registry.find(name), OptionsProcessor):
        return registry.create(name, options)
    task = registry.create(name, dataclasses.replace(options, labels=trained.labels))
    task.labels_of = f"the run in {trained.path}"
    return task


def find_data_dir(settings: DataSettings, *, processor: DataProcessor) -> str:
    """The folder of the task's files.

    Raises:
        SettingsError: None was named, and no data is shipped with the task.
    """
    folder = settings.data_dir or getattr(processor, "default_data_dir", None)
    if folder is None:
        raise SettingsError(f"--data_dir is required by task {settings.task_name}.")
    return folder


def refuse_other_tokenizer(trained: TrainedRun, tokenizer: Tokenizer) -> None:
    """Keeps weights from being read with ids that mean other tokens.

    Args:
        trained: Where the weights come from.
        tokenizer: Of the run that is to use them.

    Raises:
        SettingsError: Says what differs.
    """
    if not trained.tokenizer:
        return
    here = tokenizer.fingerprint()
    if said := difference.in_words("tokenizer", trained.tokenizer, here):
        raise SettingsError(
            f"--init_checkpoint={trained.path} was trained with another tokenizer."
            f" Give that run's, or other weights:\n{said}"
        )


def _same_labels(name: str, there: Any, here: Any) -> None:
    """A number is the same number, whatever its column is called."""
    del name, there, here


def _other_labels(name: str, there: Any, here: Any) -> str | None:
    if there == here:
        return None
    names = [", ".join(labels) or "none" for labels in (there, here)]
    return f"{name}: {names[0]} there; {names[1]} here."


def _other_data(name: str, there: Any, here: Any) -> str | None:
    del name
    if there["crc32c"] == here["crc32c"]:
        return None
    if there["examples"] == here["examples"]:
        return f"the training data are others: {here['examples']} examples here too."
    return (
        f"the training data are others: {there['examples']} examples there,"
        f" {here['examples']} here."
    )
