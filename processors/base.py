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

import contextlib
import enum
import functools
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from processors import label_column
from processors.example import InputExample
from processors.labels import label_names
from processors.labels.label_rule import LabelRule
from processors.labels.targets import Targets
from processors.readers import data_files
from processors.readers.columns import TableLayout, WantedColumns
from processors.readers.json_rows import read_json, read_jsonl
from processors.readers.row import BadRow, Column, Row
from processors.readers.sieve import OnBadRow, Sieve, open_sieve
from processors.readers.tables import read_table, read_tsv
from runtime.errors import SettingsError

_LOG = logging.getLogger(__name__)

SPLITS = ("train", "dev", "test")


class Format(enum.Enum):
    """What a file of rows is written in."""

    TSV = "tsv"
    CSV = "csv"
    JSON = "json"
    JSONL = "jsonl"


@dataclass(frozen=True)
class Table:
    """The file of one split, and where its rows keep what an example is made of.

    Args:
        file: Path of the file below the data folder, names separated by `/`, or one of
            its own (absolute, `~/...`, `gs://...`). The last name may be a pattern with
            `*` that one file fits. Where the file is not there, its name with `.gz` is
            looked for.
        text_a: Column of the text, by header name, JSON key or 0-based position.
        text_b: Column of the second text, in a task on pairs.
        label: Column of the label; None when the file is unlabelled.
        id: Column of the example's name; without it the row's place in the file,
            counted from 0 with the header, names the example.
        group: Column of what the row is a part of; see `InputExample.group`.
        format: What the file is written in.
        header: Whether the first row of a TSV or CSV file names the columns.
        quoted: Whether fields of a TSV file may stand in quotes, as in CSV.
        delimiter: Character between the columns of a TSV or CSV file where it is no
            tab or comma.
        encoding: The file's encoding.
        label_is_optional: Whether a row may lack its label and so be unlabelled; in a
            test file it may be empty anyway.
        rename_labels: Label in the file -> label of the data set, where they differ.
        keep: Column -> value that a row must have to belong to the data set.
        guid_prefix: What guids start with where it is not the split's name.
        flags: Name of an argument above -> the flag it was given by, for errors.
        targets: What the label column holds; a processor says it of all its tables.
        label_separator: What stands between several labels in a text; None for a comma
            in tables and nothing in JSON, which has arrays.
    """

    file: str
    text_a: Column
    text_b: Column | None = None
    label: Column | None = None
    id: Column | None = None
    group: Column | None = None
    format: Format = Format.TSV
    header: bool = True
    quoted: bool = False
    delimiter: str | None = None
    encoding: str = "utf-8"
    label_is_optional: bool = False
    rename_labels: Mapping[str, str] = field(default_factory=dict)
    keep: Mapping[Column, str] = field(default_factory=dict)
    guid_prefix: str | None = None
    flags: Mapping[str, str] = field(default_factory=dict)
    targets: Targets = Targets.LABEL
    label_separator: str | None = None

    def rows(self, data_dir: str) -> Iterator[Row | BadRow]:
        """Streams the rows of the file, in their order.

        Args:
            data_dir: The folder that holds the file.

        Yields:
            The rows, also those that do not belong to the data set.

        Raises:
            DataError: The file is damaged, or is not what its format says.
            StorageError: There is no such folder or file.
        """
        path = self.path(data_dir)
        if self.format is Format.JSON:
            yield from read_json(path, encoding=self.encoding)
        elif self.format is Format.JSONL:
            yield from read_jsonl(path, encoding=self.encoding)
        else:
            layout = self._layout()
            check = functools.partial(self._wanted.refuse_missing, layout=layout)
            yield from read_table(
                path, layout=layout, encoding=self.encoding, check=check
            )

    def path(self, data_dir: str) -> str:
        """Returns the path of the file.

        Raises:
            StorageError: There is no such folder or file, or several fit the pattern.
        """
        flag = self.flags.get("file")
        return data_files.find(self.file, data_dir=data_dir, flag=flag)

    def label_of(self, row: Row) -> str | None:
        """Returns the row's label, None when it is unlabelled.

        Raises:
            DataError: There is no such column, or what it holds is no label.
        """
        if self.label is None:
            return None
        label = label_column.label_in(
            row, self.label, is_optional=self.label_is_optional
        )
        return None if label is None else self.rename_labels.get(label, label)

    def example(self, row: Row, *, split: str) -> InputExample | None:
        """Returns the example that the row holds.

        Args:
            row: A row of this table.
            split: `train`, `dev` or `test`.

        Returns:
            The example; None where the row does not belong to the data set.
        """
        self._wanted.refuse_missing(row)
        if any(row.text(column) != text for column, text in self.keep.items()):
            return None
        return InputExample(
            guid=f"{self.guid_prefix or split}-{self._name(row)}",
            text_a=row.text(self.text_a),
            text_b=None if self.text_b is None else row.text(self.text_b),
            group=None if self.group is None else row.name(self.group),
            **self._target_of(row),
        )

    def _target_of(self, row: Row) -> dict[str, Any]:
        """Returns what `InputExample` is told of the row's label, labels or number."""
        if self.targets is Targets.LABEL or self.label is None:
            return {"label": self.label_of(row)}
        is_table = self.format in {Format.TSV, Format.CSV}
        return label_column.target_in(
            row,
            self.label,
            targets=self.targets,
            separator=self.label_separator or ("," if is_table else None),
            is_optional=self.label_is_optional,
        )

    @functools.cached_property
    def _wanted(self) -> WantedColumns:
        roles: dict[str, Column | None] = {
            "text_a": self.text_a,
            "text_b": self.text_b,
            "label": None if self.label_is_optional else self.label,
            "id": self.id,
            "group": self.group,
            **{f"keep {column}": column for column in self.keep},
        }
        columns = {role: column for role, column in roles.items() if column is not None}
        return WantedColumns(columns, flags=self.flags)

    def _layout(self) -> TableLayout:
        is_csv = self.format is Format.CSV
        delimiter = self.delimiter or ("," if is_csv else "\t")
        return TableLayout(delimiter, header=self.header, quoted=self.quoted or is_csv)

    def _name(self, row: Row) -> str:
        if self.id is not None:
            return row.name(self.id)
        return str(row.index) if row.key is None else row.key


class DataProcessor:
    """What a data set answers; subclasses give the splits they have.

    A data set that is not split has training examples only.

    Attributes:
        default_data_dir: Where the data lies when no folder is named, or None.
        sieve: What becomes of bad rows, in a processor that reads files of rows; None
            ends with an error at the first.
        labels_of: What trained run the labels are of, for errors; None: the data set's.
        needs_labels: Whether training and dev examples must have labels.
        targets: What its examples are told apart by.
        has_texts: Whether they have texts; records alone have none.
    """

    default_data_dir: str | None = None
    labels_of: str | None = None
    sieve: Sieve | None = None
    needs_labels: bool = True
    targets: Targets = Targets.LABEL
    has_texts: bool = True

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

    @contextlib.contextmanager
    def sifting(self, on_bad_row: OnBadRow, *, rejects_path: str) -> Iterator[None]:
        """Says what becomes of bad rows within the `with` block.

        Args:
            on_bad_row: What becomes of them.
            rejects_path: Where rejected rows go, each with the reason.
        """
        opened = open_sieve(on_bad_row, rejects_path=rejects_path)
        with opened as sieve, self.sifted_by(sieve):
            yield
        if found := sieve.describe():
            _LOG.warning("%s; see %s", found, rejects_path)

    @contextlib.contextmanager
    def sifted_by(self, sieve: Sieve) -> Iterator[None]:
        """Gives the rows to that sieve within the `with` block."""
        self.sieve = sieve
        try:
            yield
        finally:
            self.sieve = None

    def has_split(self, split: str) -> bool:
        """Returns whether the data set has `train`, `dev` or `test`."""
        method = f"get_{split}_examples"
        return getattr(type(self), method) is not getattr(DataProcessor, method)

    def source_of(self, split: str) -> str:
        """Returns the split whose file the examples of a split are read from."""
        return split

    def refuse_missing(self, split: str, *, data_dir: str) -> None:
        """Refuses a split whose file is not there, where that shows without reading.

        Args:
            split: `train`, `dev` or `test`.
            data_dir: The folder that holds the data.
        """

    def read_labels(self, data_dir: str) -> list[str]:
        """Returns what `get_labels` does, after reading data where that takes some."""
        del data_dir
        return self.get_labels()

    def stream_examples(self, split: str, *, data_dir: str) -> Iterator[InputExample]:
        """Yields the examples of a split; a table's without holding them all.

        Args:
            split: `train`, `dev` or `test`.
            data_dir: The folder that holds the data.
        """
        yield from getattr(self, f"get_{split}_examples")(data_dir)

    def _no_split(self, split: str, data_dir: str) -> SettingsError:
        return SettingsError(
            f"{type(self).__name__} has no {split} split to read from {data_dir}: leave"
            f" that step out, or define get_{split}_examples() in a processor of your"
            " own."
        )

    @classmethod
    def _read_tsv(
        cls, input_file: str, quotechar: str | None = None
    ) -> list[list[str]]:
        """Returns the rows of a TSV file, its header included.

        Raises:
            SettingsError: `quotechar` is neither None nor `"`.
        """
        if quotechar not in {None, '"'}:
            raise SettingsError(
                f"_read_tsv: quotechar is None or '\"', not {quotechar!r}."
            )
        rows = read_tsv(input_file, header=False, quoted=quotechar is not None)
        return list(Sieve().sift(rows, lambda row: [str(f) for f in row.fields]))


class TableProcessor(DataProcessor):
    """A data set that is a table a split.

    Attributes:
        labels: The names of the classes. When empty they are those of the training
            rows, numbers in the order of numbers and names in that of text. Where a
            number is learned, there is one: the name of its column.
        train: The training table.
        dev: The table to evaluate on; None when the data set has none.
        test: The table to predict; None when the data set has none.
    """

    labels: Sequence[str] = ()
    train: Table | None = None
    dev: Table | None = None
    test: Table | None = None

    def get_train_examples(self, data_dir: str) -> list[InputExample]:
        """See base class; the same pass gives the labels where they are not known."""
        self.labels = self._known_labels(data_dir)
        examples = list(self._stream("train", data_dir=data_dir))
        if not self.labels:
            sieve = self.sieve or Sieve()
            self.labels = self._collect(examples, sieve=sieve, data_dir=data_dir)
        return examples

    def get_dev_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return list(self._stream("dev", data_dir=data_dir))

    def get_test_examples(self, data_dir: str) -> list[InputExample]:
        """See base class."""
        return list(self._stream("test", data_dir=data_dir))

    def get_labels(self) -> list[str]:
        """Returns the names of the classes.

        Raises:
            SettingsError: they come from the training rows and no split was read yet.
        """
        if self.needs_labels and not self.labels:
            raise SettingsError(
                f"{type(self).__name__} does not know its labels before it has read a"
                " split; name the labels, or read the training split first."
            )
        return list(self.labels)

    def has_split(self, split: str) -> bool:
        """See base class."""
        return getattr(self, split) is not None

    def read_labels(self, data_dir: str) -> list[str]:
        """See base class."""
        self.labels = self._known_labels(data_dir)
        if not self.labels:
            sieve = self._rehearsal()
            examples = self._sift("train", sieve=sieve, data_dir=data_dir)
            self.labels = self._collect(examples, sieve=sieve, data_dir=data_dir)
        return self.get_labels()

    def refuse_missing(self, split: str, *, data_dir: str) -> None:
        """See base class."""
        table: Table | None = getattr(self, split)
        if table is not None:
            table.path(data_dir)

    def stream_examples(self, split: str, *, data_dir: str) -> Iterator[InputExample]:
        """See base class; an own `get_*_examples` of a subclass is what counts."""
        method = f"get_{split}_examples"
        if getattr(type(self), method) is getattr(TableProcessor, method):
            self.read_labels(data_dir)
            return self._stream(split, data_dir=data_dir)
        return super().stream_examples(split, data_dir=data_dir)

    def _stream(self, split: str, *, data_dir: str) -> Iterator[InputExample]:
        table = self._table(split, data_dir)
        if split != "train":
            self.read_labels(data_dir)
        rule = self._rule(split, data_dir=data_dir)

        def make(row: Row) -> InputExample | None:
            example = table.example(row, split=split)
            if example is not None and (problem := rule.problem(example.label_set)):
                raise row.error(problem)
            return example

        sieve = self.sieve or Sieve()
        is_empty = True
        for example in sieve.sift(table.rows(data_dir), make):
            is_empty = False
            yield example
        if is_empty:
            message = f"the {split} split holds no examples"
            raise sieve.nothing_left(message, path=table.path(data_dir))

    def _table(self, split: str, data_dir: str) -> Table:
        table: Table | None = getattr(self, split)
        if table is None:
            raise self._no_split(split, data_dir)
        table = replace(table, targets=self.targets)
        return table if self.needs_labels else replace(table, label_is_optional=True)

    def _known_labels(self, data_dir: str) -> tuple[str, ...]:
        """Returns the labels that are known before a row is read; none where none are.

        Raises:
            SettingsError: One is no label, or is named twice.
        """
        if self.targets is Targets.NUMBER:
            return (str(self._table("train", data_dir).label),)
        return label_names.checked(self.labels, task=type(self).__name__)

    def _rule(self, split: str, *, data_dir: str) -> LabelRule:
        table, is_test = self._table(split, data_dir), split == "test"
        may_be_other = is_test and self.targets is Targets.LABEL
        may_lack = is_test or table.label is None or table.label_is_optional

        @functools.cache
        def test_labels() -> Counter[str]:
            rehearsed = self._sift("test", sieve=self._rehearsal(), data_dir=data_dir)
            return label_column.count(rehearsed)

        return LabelRule(
            task=self.labels_of or type(self).__name__,
            labels=self.labels if self.needs_labels else (),
            is_required=not may_lack,
            test_labels=test_labels if may_be_other else None,
        )

    def _sift(
        self, split: str, *, sieve: Sieve, data_dir: str
    ) -> Iterator[InputExample]:
        """Streams a split whatever its labels, to see which there are."""
        table = self._table(split, data_dir)
        make = functools.partial(table.example, split=split)
        return sieve.sift(table.rows(data_dir), make)

    def _rehearsal(self) -> Sieve:
        return Sieve() if self.sieve is None else self.sieve.rehearsal()

    def _collect(
        self, examples: Iterable[InputExample], *, sieve: Sieve, data_dir: str
    ) -> tuple[str, ...]:
        """Returns the labels of the training examples, in order.

        Raises:
            DataError: There are none, or they do not look like classes.
        """
        counts = label_column.count(examples)
        if self.needs_labels:
            path = self._table("train", data_dir).path(data_dir)
            if not counts:
                message = "no labelled rows to learn the labels from"
                raise sieve.nothing_left(message, path=path)
            if self.targets is Targets.LABEL:
                label_column.refuse_other_than_classes(counts, path=path)
        return label_names.in_order(counts)
