"""A folder of text files for each class."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from processors.base import SPLITS, Table
from processors.readers import data_files, folders
from processors.readers.row import BadRow, Row
from processors.tasks.table import OptionsProcessor
from processors.tasks.table_options import TableOptions
from runtime import storage
from runtime.errors import SettingsError, StorageError


@dataclass(frozen=True)
class ClassFolders(Table):
    """A split that is a folder `<split>/<class>/<file>`; `file` is the split's.

    Args:
        classes: The classes to read; none reads every folder.
    """

    classes: tuple[str, ...] = ()

    def rows(self, data_dir: str) -> Iterator[Row | BadRow]:
        """See base class.

        Raises:
            SettingsError: There are no training texts of a class.
        """
        folder = self.path(data_dir)
        missing = set(self.classes).difference(folders.classes(folder))
        if missing and self.file == "train":
            raise SettingsError(
                f"labels: {folder} has no folder {', '.join(sorted(missing))}."
            )
        yield from folders.read_folder(
            folder, labels=self.classes, encoding=self.encoding
        )

    def path(self, data_dir: str) -> str:
        """Returns the split's folder; the data folder where nothing is split.

        Raises:
            StorageError: There is no such folder.
        """
        data_files.refuse_no_folder(data_dir, wanted=f"{self.file}/<class>/<file>")
        folder = storage.join(data_dir, self.file)
        if storage.is_dir(folder):
            return folder
        is_split = any(storage.is_dir(storage.join(data_dir, name)) for name in SPLITS)
        if self.file == "train" and not is_split and storage.is_dir(data_dir):
            return data_dir
        raise StorageError(
            f"{folder} does not exist; expected {folder}/<class>/<file>, or in a data"
            f" set that is not split yet {data_dir}/<class>/<file>. The data folder"
            f" holds: {data_files.shown(storage.list_dir(data_dir))}."
        )


class FolderProcessor(OptionsProcessor):
    """Whole files as texts, named after their class; a test folder may lack classes."""

    takes = ("labels", "encoding")

    def _table_of(self, options: TableOptions, *, split: str) -> Table:
        return ClassFolders(
            split,
            text_a=folders.TEXT,
            label=folders.LABEL,
            id=folders.NAME,
            encoding=options.encoding,
            label_is_optional=split == "test",
            classes=options.labels,
        )
