"""What a task's settings name, read before a framework loads."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from processors import registry
from processors.base import DataProcessor
from processors.classification.settings import TaskSettings
from processors.example import InputExample
from processors.features import Features, featurize
from processors.table_options import TableOptions
from processors.tasks.table import FileProcessor
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
        return {"tokenizer": self.tokenizer.fingerprint()}

    def features(
        self, examples: Iterable[InputExample], *, labels: Sequence[str]
    ) -> Iterator[Features]:
        """Yields the token ids of each example, as the model reads them.

        Args:
            examples: In the order of their split.
            labels: The task's labels in order of their ids.
        """
        return featurize(
            examples,
            tokenizer=self.tokenizer,
            labels=labels,
            max_seq_length=self.settings.max_seq_length,
        )


def find_processor(
    settings: TaskSettings, *, restored: Checkpoint | None
) -> DataProcessor:
    """The task's processor; labels once collected from train stay those of the run.

    Args:
        settings: Names the task, its files, columns and labels.
        restored: What the run goes on from.

    Raises:
        SettingsError: There is no such task, or it takes no such options.
    """
    options = TableOptions(
        **{
            field.name: getattr(settings, field.name)
            for field in dataclasses.fields(TableOptions)
        }
    )
    name = str(settings.task_name)
    is_table = issubclass(registry.find(name), FileProcessor)
    if is_table and restored is not None and not options.labels:
        options = dataclasses.replace(options, labels=tuple(restored.state["labels"]))
    return registry.create(name, options)


def find_data_dir(settings: TaskSettings, *, processor: DataProcessor) -> str:
    """The folder of the task's files.

    Raises:
        SettingsError: None was named, and no data is shipped with the task.
    """
    folder = settings.data_dir or getattr(processor, "default_data_dir", None)
    if folder is None:
        raise SettingsError(f"--data_dir is required by task {settings.task_name}.")
    return folder
