"""From the rows of a data set to its examples; most data sets are a declaration.

A new data set in ten lines, in a `reviews.py` of one's own:

    from processors.base import Table, TableProcessor

    class ReviewsProcessor(TableProcessor):
        labels = ("bad", "good")
        train = Table("train.tsv", text_a="review", label="verdict")
        dev = Table("dev.tsv", text_a="review", label="verdict")
        test = Table("test.tsv", text_a="review")

`--task_name=reviews:ReviewsProcessor` runs it. What no table describes subclasses
DataProcessor and builds its examples itself; a processor that was written for
google-research/bert does so as it is:

    class LinesProcessor(DataProcessor):
        def get_train_examples(self, data_dir):
            lines = self._read_tsv(os.path.join(data_dir, "train.tsv"))
            return [InputExample(guid=f"train-{i}", text_a=line[0], label=line[1])
                    for i, line in enumerate(lines)]

        def get_labels(self):
            return ["0", "1"]

Source: DataProcessor of google-research/bert, run_classifier.py.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from processors.example import InputExample
from processors.readers import Column, Row, read_json, read_jsonl, read_tsv
from runtime import storage
from runtime.errors import DataError, SettingsError, StorageError

SPLITS = ("train", "dev", "test")


class Format(enum.Enum):
    """What a file of rows is written in."""

    TSV = "tsv"
    TSV_WITHOUT_HEADER = "tsv without a header"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Table:
    """The file of one split, and where its rows keep what an example is made of.

    Args:
        file: Path of the file below the data folder, names separated by `/`.
        text_a: Column of the text, by header name, JSON key or 0-based position.
        text_b: Column of the second text, in a task on pairs.
        label: Column of the label; None when the file is unlabelled.
        id: Column of the example's name; without it the row's place in the file,
            counted from 0 with the header, names the example.
        group: Column of what the row is a part of; see `InputExample.group`.
        format: What the file is written in.
        label_is_optional: Whether a row may lack its label and so be unlabelled.
        rename_labels: Label in the file -> label of the data set, where they differ.
        keep: Column -> value that a row must have to belong to the data set.
        guid_prefix: What guids start with where it is not the split's name.
    """

    file: str
    text_a: Column
    text_b: Column | None = None
    label: Column | None = None
    id: Column | None = None
    group: Column | None = None
    format: Format = Format.TSV
    label_is_optional: bool = False
    rename_labels: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[Column, str] = field(default_factory=dict)
    guid_prefix: str | None = None

    def rows(self, data_dir: str) -> Iterator[Row]:
        """Streams the rows that belong to the data set.

        Args:
            data_dir: The folder that holds the file.

        Yields:
            The rows, in the order of the file.

        Raises:
            StorageError: there is no such folder or file.
        """
        path = storage.join(data_dir, *self.file.split("/"))
        _expect_file(path, data_dir=data_dir)
        for row in _READERS[self.format](path):
            if all(row.text(column) == text for column, text in self.keep.items()):
                yield row

    def label_of(self, row: Row) -> str | None:
        """Returns the row's label, None when it is unlabelled."""
        if self.label is None:
            return None
        if self.label_is_optional and _is_blank(row, self.label):
            return None
        label = row.name(self.label)
        return self.rename_labels.get(label, label)

    def example(self, row: Row, *, split: str) -> InputExample:
        """Returns the example that the row holds.

        Args:
            row: A row of this table.
            split: `train`, `dev` or `test`.
        """
        return InputExample(
            guid=f"{self.guid_prefix or split}-{self._name(row)}",
            text_a=row.text(self.text_a),
            text_b=None if self.text_b is None else row.text(self.text_b),
            label=self.label_of(row),
            group=None if self.group is None else row.name(self.group),
        )

    def _name(self, row: Row) -> str:
        if self.id is not None:
            return row.name(self.id)
        return str(row.index) if row.key is None else row.key


class DataProcessor:
    """What a data set answers; subclasses give the splits they have.

    Attributes:
        default_data_dir: Where the data lies when no folder is named; None when a
            folder must be named.
    """

    default_data_dir: str | None = None

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """Returns the training examples that `data_dir` holds."""
        raise self._no_split("train", data_dir)

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """Returns the examples to evaluate on that `data_dir` holds."""
        raise self._no_split("dev", data_dir)

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """Returns the examples to predict that `data_dir` holds."""
        raise self._no_split("test", data_dir)

    def get_labels(self) -> list[str]:
        """Returns the names of the classes; their order is that of the outputs.

        Raises:
            SettingsError: the data set does not know them.
        """
        raise SettingsError(f"{type(self).__name__} must define get_labels().")

    def _no_split(self, split: str, data_dir: str) -> SettingsError:
        return SettingsError(
            f"{type(self).__name__} has no {split} split to read from {data_dir}: leave"
            f" that step out, or define get_{split}_examples() in a processor of your"
            " own."
        )

    @classmethod
    def _read_tsv(cls, input_file: str) -> list[list[str]]:
        """Returns the rows of a TSV file, its header included, without quoting."""
        rows = read_tsv(input_file, header=False)
        return [[str(value) for value in row.fields] for row in rows]


class TableProcessor(DataProcessor):
    """A data set that is a table a split.

    Attributes:
        labels: The names of the classes. When empty they are those of the training
            rows, sorted.
        train: The training table.
        dev: The table to evaluate on; None when the data set has none.
        test: The table to predict; None when the data set has none.
    """

    labels: Sequence[str] = ()
    train: Table | None = None
    dev: Table | None = None
    test: Table | None = None

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._examples(data_dir, split="train")

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._examples(data_dir, split="dev")

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return self._examples(data_dir, split="test")

    def get_labels(self) -> list[str]:
        """Returns the names of the classes.

        Raises:
            SettingsError: they come from the training rows and no split was read yet.
        """
        if not self.labels:
            raise SettingsError(
                f"{type(self).__name__} does not know its labels before it has read a"
                " split; name the labels, or read the training split first."
            )
        return list(self.labels)

    def _examples(self, data_dir: str, *, split: str) -> list[InputExample]:
        table = self._table(split, data_dir)
        self.labels = self.labels or self._collect_labels(data_dir)
        examples = []
        for row in table.rows(data_dir):
            example = table.example(row, split=split)
            if example.label is not None and example.label not in self.labels:
                raise row.error(
                    f"unknown label {example.label!r}; the labels of"
                    f" {type(self).__name__} are {', '.join(self.labels)}"
                )
            examples.append(example)
        if not examples:
            raise DataError(
                f"the {split} split holds no examples",
                path=storage.join(data_dir, table.file),
            )
        return examples

    def _table(self, split: str, data_dir: str) -> Table:
        tables = {"train": self.train, "dev": self.dev, "test": self.test}
        table = tables[split]
        if table is None:
            raise self._no_split(split, data_dir)
        return table

    def _collect_labels(self, data_dir: str) -> tuple[str, ...]:
        table = self._table("train", data_dir)
        labels = {table.label_of(row) for row in table.rows(data_dir)} - {None}
        if not labels:
            raise DataError(
                "no labelled rows to learn the labels from",
                path=storage.join(data_dir, table.file),
            )
        return tuple(sorted(str(label) for label in labels))


def _is_blank(row: Row, column: Column) -> bool:
    return not row.has(column) or row.value(column) in (None, "")


def _expect_file(path: str, *, data_dir: str) -> None:
    if storage.exists(path):
        return
    if not storage.is_dir(data_dir):
        raise StorageError(
            f"The data folder {data_dir} does not exist; expected {path} there."
        )
    names = storage.list_dir(data_dir)
    raise StorageError(
        f"{path} does not exist. The data folder holds: {', '.join(names) or 'nothing'}"
    )


def _read_tsv_without_header(path: str) -> Iterator[Row]:
    return read_tsv(path, header=False)


_READERS = {
    Format.TSV: read_tsv,
    Format.TSV_WITHOUT_HEADER: _read_tsv_without_header,
    Format.JSON: read_json,
    Format.JSONL: read_jsonl,
}
