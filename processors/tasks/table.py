"""Any data set in TSV, CSV, JSON or JSON Lines whose user names the columns."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from processors.base import SPLITS, Format, Table, TableProcessor
from processors.tasks.table_options import TARGETS, TableOptions

_FILES = ("labels", "encoding", "train_file", "dev_file", "test_file")
_COLUMNS = ("text_a", "text_b", "label", "id", "split_group")


class OptionsProcessor(TableProcessor):
    """A data set whose files, columns and labels are options.

    Args:
        options: Which files, columns and labels.

    Attributes:
        takes: Names of the options that mean something here.

    Raises:
        SettingsError: other options were chosen, or needed ones were not.
    """

    takes: ClassVar[Collection[str]]

    def __init__(self, options: TableOptions) -> None:
        options.refuse_others(self.takes)
        self.default_data_dir = options.default_data_dir()
        self.labels, self.targets = options.labels, options.targets
        self.train, self.dev, self.test = (
            self._table_of(options, split=split) for split in SPLITS
        )

    def _table_of(self, options: TableOptions, *, split: str) -> Table | None:
        """Returns where a split is, None when there is none."""
        raise NotImplementedError


class FileProcessor(OptionsProcessor):
    """A data set of one file a split."""

    file_format = Format.TSV
    takes: ClassVar[Collection[str]] = (*_FILES, *_COLUMNS, *TARGETS)

    def _table_of(self, options: TableOptions, *, split: str) -> Table | None:
        return options.table(split, file_format=self.file_format)


class TsvProcessor(FileProcessor):
    """Tab-separated files, without quoting unless asked for."""

    takes = (*FileProcessor.takes, "header", "delimiter", "quoted")


class CsvProcessor(FileProcessor):
    """Files with commas between columns, whose fields may stand in quotes."""

    file_format = Format.CSV
    takes = (*FileProcessor.takes, "header", "delimiter")


class JsonProcessor(FileProcessor):
    """JSON files: an array of objects, or an object of them by id."""

    file_format = Format.JSON


class JsonlProcessor(FileProcessor):
    """Files of one JSON object a line."""

    file_format = Format.JSONL
