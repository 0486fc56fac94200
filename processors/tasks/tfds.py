"""Any text set that TensorFlow Datasets has prepared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from processors.base import Table
from processors.readers.prepared import PreparedSet
from processors.readers.row import BadRow, Row
from processors.tasks.table import OptionsProcessor
from processors.tasks.table_options import TableOptions
from runtime import storage
from runtime.errors import SettingsError

_SPLITS = {"train": ("train",), "dev": ("validation", "dev"), "test": ("test",)}


@dataclass(frozen=True)
class PreparedTable(Table):
    """A split of a prepared set; `file` is the set's name."""

    split: str = "train"

    def path(self, data_dir: str) -> str:
        """Returns the folder of the set."""
        return storage.join(data_dir, self.file)

    def rows(self, data_dir: str) -> Iterator[Row | BadRow]:
        """See base class."""
        columns = [str(name) for name in (self.text_a, self.text_b, self.label) if name]
        return PreparedSet(self.file, data_dir=data_dir).rows(
            _SPLITS[self.split], columns=columns, path=self.path(data_dir)
        )


class TfdsProcessor(OptionsProcessor):
    """A prepared set; a label is the name of its class where it has one."""

    takes = ("labels", "tfds_name", "text_a", "text_b", "label")

    def __init__(self, options: TableOptions) -> None:
        super().__init__(options)
        self.default_data_dir = "~/tensorflow_datasets"

    def _table_of(self, options: TableOptions, *, split: str) -> Table:
        if not options.tfds_name:
            raise SettingsError("--tfds_name is required by the task tfds.")
        return PreparedTable(
            options.tfds_name,
            text_a=options.text_a,
            text_b=options.text_b,
            label=options.label,
            label_is_optional=split == "test",
            split=split,
        )

    def _known_labels(self, data_dir: str) -> tuple[str, ...]:
        if known := super()._known_labels(data_dir):
            return known
        table = self._table("train", data_dir)
        prepared = PreparedSet(table.file, data_dir=data_dir)
        return prepared.class_names(str(table.label))
