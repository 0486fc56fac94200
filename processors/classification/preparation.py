"""What a task's settings name, read before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from processors import registry
from processors.base import DataProcessor
from processors.classification.data_settings import DataSettings
from processors.classification.settings import TaskSettings
from processors.example import InputExample
from processors.features import Features, TokenCounts, featurize
from processors.splitting import SplitProcessor
from processors.tasks.table import OptionsProcessor
from processors.tokenization.base import Tokenizer
from runtime.checkpoints import Checkpoint
from runtime.errors import SettingsError
from runtime.job import Job


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskJob(Job):
    """A run on a task whose settings fit each other.

    Attributes:
        settings: What was asked for.
        tokenizer: Texts to ids.
        processor: Splits and labels of the task.
        data_dir: Folder that the processor reads.
    """

    settings: TaskSettings
    tokenizer: Tokenizer
    processor: DataProcessor
    data_dir: str

    def identity(self) -> dict[str, Any]:
        """See `Job.identity`."""
        plan, group = self.settings.split_plan(), self.settings.split_group
        return {
            "tokenizer": self.tokenizer.fingerprint(),
            "dealt splits": plan and f"{plan} --split_group={group or ''}",
        }

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
        )


def find_processor(
    settings: DataSettings,
    *,
    restored: Checkpoint | None,
    made: DataProcessor | None = None,
) -> DataProcessor:
    """The task's processor; labels once collected from train stay those of the run.

    Args:
        settings: Names the task, its files, columns, labels and dealt splits.
        restored: What the run goes on from.
        made: The processor, where the caller has made it; task_name names it.

    Raises:
        SettingsError: There is no such task, or it takes no such options.
    """
    task = _named_processor(settings, restored=restored) if made is None else made
    task.needs_labels = settings.NEEDS_LABELS
    plan = settings.split_plan()
    return task if plan is None else SplitProcessor(task, plan=plan)


def _named_processor(
    settings: DataSettings, *, restored: Checkpoint | None
) -> DataProcessor:
    options = settings.table_options()
    name = str(settings.task_name)
    is_table = issubclass(registry.find(name), OptionsProcessor)
    if is_table and restored is not None and not options.labels:
        options = dataclasses.replace(options, labels=tuple(restored.state["labels"]))
    return registry.create(name, options)


def find_data_dir(settings: DataSettings, *, processor: DataProcessor) -> str:
    """The folder of the task's files.

    Raises:
        SettingsError: None was named, and no data is shipped with the task.
    """
    folder = settings.data_dir or getattr(processor, "default_data_dir", None)
    if folder is None:
        raise SettingsError(f"--data_dir is required by task {settings.task_name}.")
    return folder
