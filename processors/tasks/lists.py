"""A data set that is in memory, as in a notebook.

For example `ListsProcessor(train=[("a fine day", "good"), ("rain again", "bad")])`, or
of pandas `ListsProcessor(train=frame[["text", "label"]], test=others["text"])`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from processors.base import SPLITS, Table, TableProcessor
from processors.example import InputExample
from processors.labels import label_names
from processors.labels.targets import Targets
from processors.readers.row import Row, unsound

Example = InputExample | Sequence[object] | str
"""An example, (text, label) or (text, second text, label), or a text without a label. A
label may be a number, and None, NaN or pandas' NA where there is none. Where a text has
any number of labels, a list of them stands for the label; where a number is learned,
that."""

_NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class ListTable(Table):
    """A split that is a list; `file` is what errors call it.

    Args:
        examples: The examples.
    """

    examples: Sequence[Example]

    def path(self, data_dir: str) -> str:
        """Returns what errors call the list."""
        del data_dir
        return self.file

    def rows(self, data_dir: str) -> Iterator[Row]:
        """See base class."""
        for number, example in enumerate(self.examples, 1):
            yield Row(
                self.path(data_dir),
                number,
                (),
                _fields_of(example),
                source=repr(example),
            )

    def example(self, row: Row, *, split: str) -> InputExample:
        """See base class.

        Raises:
            DataError: It is no example.
        """
        example = self._example(row, split=split)
        for text in (example.text_a, example.text_b or ""):
            if problem := unsound(text):
                raise row.error(problem)
        return example

    def _example(self, row: Row, *, split: str) -> InputExample:
        """Returns the example that a row of any of the three shapes is.

        Raises:
            DataError: It is of another shape.
        """
        if len(row.fields) == 1 and isinstance(row.fields[0], InputExample):
            return row.fields[0]
        if len(row.fields) not in {2, 3}:
            raise row.error(
                "expected an InputExample, (text, label) or (text, second text, label),"
                f" got {row.source:.60}"
            )
        return InputExample(
            guid=f"{split}-{row.line}",
            text_a=row.text(0),
            text_b=row.text(1) if len(row.fields) == 3 else None,
            **self._target_of(row),
        )

    def label_of(self, row: Row) -> str | None:
        """See base class; True and False are Python's."""
        try:
            return label_names.name_of(row.value(-1))
        except ValueError as error:
            raise row.error(str(error)) from error


class ListsProcessor(TableProcessor):
    """A data set whose splits are lists.

    A split may be anything that gives one example after the other, once: a list, a
    generator, an array; also a pandas Series of texts, and a DataFrame whose two or
    three columns are those of an example. What the examples are told apart by, the
    settings of the run say.

    Args:
        train: The training examples.
        dev: The examples to evaluate on.
        test: The examples to predict.
        labels: The classes in the order of the outputs; none takes those of the
            training examples, in the order of numbers or of text.
    """

    default_data_dir = "."  # which is not looked at
    table: ClassVar[type[ListTable]] = ListTable

    def __init__(
        self,
        *,
        train: Iterable[Example] = (),
        dev: Iterable[Example] = (),
        test: Iterable[Example] = (),
        labels: Iterable[object] = (),
    ) -> None:
        self.labels = label_names.checked(labels, task=type(self).__name__)
        self.train, self.dev, self.test = (
            self.table(f"{name} examples", text_a=0, label=-1, examples=rows)
            if (rows := _rows_of(examples))
            else None
            for name, examples in zip(SPLITS, (train, dev, test), strict=True)
        )

    def _known_labels(self, data_dir: str) -> tuple[str, ...]:
        """See base class; a list's column has no name."""
        if self.targets is Targets.NUMBER:
            return (_NUMBER,)
        return super()._known_labels(data_dir)


def _rows_of(examples: Any) -> list[Example]:
    if hasattr(examples, "itertuples"):  # a DataFrame, which gives its columns' names
        return list(examples.itertuples(index=False, name=None))
    return list(examples)


def _fields_of(example: object) -> tuple[object, ...]:
    """Returns the fields of an example; what has none is a field by itself."""
    if isinstance(example, str):
        return (example, None)
    if isinstance(example, Iterable) and not isinstance(example, Mapping | bytes):
        return tuple(example)
    return (example,)
