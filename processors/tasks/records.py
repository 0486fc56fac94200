"""Records alone: a data set that was tokenised elsewhere, its texts unknown.

Such as google-research/bert's `train.tf_record`, or scripts/create_tfrecords.py's.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from processors.base import SPLITS, Table
from processors.example import InputExample
from processors.labels.targets import Targets
from processors.records import manifest, reuse, store
from processors.records.reuse import Records
from processors.records.token_example import examples_of
from processors.tasks.table import OptionsProcessor
from processors.tasks.table_options import TableOptions
from runtime import storage
from runtime.errors import SettingsError

RECORDS_ALONE = "records"
"""The task's name."""


class RecordsProcessor(OptionsProcessor):
    """Reads the examples of records; `text_a` of each is empty.

    Attributes:
        found: The records of each split that was read.
    """

    takes: ClassVar[Collection[str]] = ("labels", "multi_label", "objective")
    has_texts = False

    def __init__(self, options: TableOptions) -> None:
        super().__init__(options)
        self.found: dict[str, Records] = {}

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read("train", data_dir)

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read("dev", data_dir)

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._read("test", data_dir)

    def read_labels(self, data_dir: str) -> list[str]:
        """See base class; by default those of a manifest.

        Raises:
            SettingsError: There are no records, or nothing says their labels.
        """
        paths = [store.record_path(data_dir, split) for split in SPLITS]
        if not any(map(reuse.are_there, paths)):
            names = ", ".join(map(storage.basename, paths))
            raise SettingsError(f"--data_dir={data_dir} has none of {names}.")
        written = [found.labels for path in paths if (found := manifest.find(path))]
        unsaid = ("number",) if self.targets is Targets.NUMBER else ()
        self.labels = self.labels or next(iter(written), unsaid)
        if self.needs_labels and not self.labels:
            raise SettingsError(
                f"The records in {data_dir} do not say what their labels are: name them"
                " by --labels, in the order of their ids."
            )
        return list(self.labels)

    def _read(self, split: str, data_dir: str) -> list[InputExample]:
        labels = self.read_labels(data_dir)
        found = self.found[split] = reuse.read(store.record_path(data_dir, split))
        return examples_of(found, split=split, labels=labels, targets=self.targets)

    def _table_of(self, options: TableOptions, *, split: str) -> Table | None:
        del options, split
        return None
