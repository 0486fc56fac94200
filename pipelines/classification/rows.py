"""The rows of a task: read once, before anything is written."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence

from processors.base import DataProcessor
from processors.example import InputExample
from processors.readers.sieve import OnBadRow, RejectingSieve, Sieve, Unfit, fits
from runtime import storage
from runtime.errors import DataError

_log = logging.getLogger(__name__)


def all_fit(split: str) -> Unfit:
    """No row of a split is bad that is an example."""
    del split
    return fits


class RowReader:
    """Reads the examples of a task's splits and remembers them.

    Args:
        processor: Splits and labels of the task.
        data_dir: Folder that the processor reads.
        on_bad_row: What becomes of bad rows.
        unfit: Which rows of a split's file are bad, beside those that are no examples.
    """

    def __init__(
        self,
        processor: DataProcessor,
        *,
        data_dir: str,
        on_bad_row: OnBadRow,
        unfit: Callable[[str], Unfit] = all_fit,
    ) -> None:
        self.processor = processor
        self._data_dir = data_dir
        self._on_bad_row = on_bad_row
        self._unfit = unfit
        self._examples: dict[str, Sequence[InputExample]] = {}
        self._sieves: dict[str, Sieve] = {}
        self._rejects: dict[str, io.BytesIO] = {}

    def examples(self, split: str) -> Sequence[InputExample]:
        """Returns the examples of a split, in the order of its file.

        Args:
            split: train, dev or test.

        Raises:
            DataError: A row cannot be used, or there are none.
        """
        if split not in self._examples:
            read = getattr(self.processor, f"get_{split}_examples")
            with self.processor.sifted_by(self._sieve(split)):
                found = read(self._data_dir)
            if not found:
                name = type(self.processor).__name__
                raise DataError(f"{name}: the {split} split holds no examples.")
            self._examples[split] = found
        return self._examples[split]

    def collect_labels(self) -> tuple[str, ...]:
        """Returns the task's labels, which may take a look at the training rows.

        Raises:
            DataError: A row cannot be used.
        """
        with self.processor.sifted_by(self._sieve("train").rehearsal()):
            return tuple(self.processor.read_labels(self._data_dir))

    def write_rejects(self, split: str, *, folder: str, suffix: str = "") -> None:
        """Writes the rows of a split's file that were rejected; none leave no file.

        Args:
            split: train, dev or test.
            folder: Where to.
            suffix: What tells the file from others of that split.
        """
        source = self.processor.source_of(split)
        path = storage.join(folder, rejects_file(source + suffix))
        sieve = self._sieve(split)
        if found := sieve.describe():
            storage.write_bytes(path, self._rejects[source].getvalue())
            _log.warning("%s; see %s", found, path)
        elif storage.exists(path):
            storage.delete(path)  # of an earlier run

    def _sieve(self, split: str) -> Sieve:
        """What the rows of a split's file go through: one for dealt splits."""
        source = self.processor.source_of(split)
        if source not in self._sieves:
            file = self._rejects[source] = io.BytesIO()
            unfit = self._unfit(source)
            if self._on_bad_row is OnBadRow.ERROR:
                self._sieves[source] = Sieve(unfit=unfit)
            else:
                self._sieves[source] = RejectingSieve(lambda: file, unfit=unfit)
        return self._sieves[source]


def rejects_file(name: str) -> str:
    """Returns the name of the file of rejected rows."""
    return f"{name}.rejects.jsonl"
