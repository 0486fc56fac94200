"""Any data set in TSV, JSON or JSON Lines whose user names the columns."""

from __future__ import annotations

from processors.base import Format, TableProcessor
from processors.table_options import TableOptions


class FileProcessor(TableProcessor):
    """A data set whose files, columns and labels are options.

    Args:
        options: Which files, columns and labels.
    """

    file_format = Format.TSV

    def __init__(self, options: TableOptions) -> None:
        self.labels = options.labels
        self.train = options.table("train", file_format=self.file_format)
        self.dev = options.table("dev", file_format=self.file_format)
        self.test = options.table("test", file_format=self.file_format)


class TsvProcessor(FileProcessor):
    """Tab-separated files, without quoting."""


class JsonProcessor(FileProcessor):
    """JSON files: an array of objects, or an object of them by id."""

    file_format = Format.JSON


class JsonlProcessor(FileProcessor):
    """Files of one JSON object a line."""

    file_format = Format.JSONL
