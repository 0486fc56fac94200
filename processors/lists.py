"""A data set that is in memory, as in a notebook.

For example `ListsProcessor(train=[("a fine day", "good"), ("rain again", "bad")])`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from processors.base import SPLITS, Table, TableProcessor
from processors.example import InputExample
from processors.readers.row import Row, unsound

Example = InputExample | Sequence[object]
"""An example, (text, label) or (text, second text, label); a label may be None."""


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
            if isinstance(example, InputExample):
                fields: tuple[object, ...] = (example,)
            else:
                fields = tuple(example)
            yield Row(self.path(data_dir), number, (), fields, source=repr(example))

    def example(self, row: Row, *, split: str) -> InputExample:
        """See base class.

        Raises:
            DataError: It is no example.
        """
        example = _example(row, split=split)
        for text in (example.text_a, example.text_b or ""):
            if problem := unsound(text):
                raise row.error(problem)
        return example


class ListsProcessor(TableProcessor):
    """A data set whose splits are lists.

    Args:
        train: The training examples.
        dev: The examples to evaluate on.
        test: The examples to predict.
        labels: The classes in the order of the outputs; none takes those of the
            training examples, sorted.
    """

    default_data_dir = "."  # which is not looked at

    def __init__(
        self,
        *,
        train: Sequence[Example] = (),
        dev: Sequence[Example] = (),
        test: Sequence[Example] = (),
        labels: Sequence[str] = (),
    ) -> None:
        self.labels = labels
        self.train, self.dev, self.test = (
            ListTable(f"{name} examples", text_a=0, examples=examples)
            if examples
            else None
            for name, examples in zip(SPLITS, (train, dev, test), strict=True)
        )


def _example(row: Row, *, split: str) -> InputExample:
    """Returns the example that a row of any of the three shapes is.

    Raises:
        DataError: It is of another shape.
    """
    if len(row.fields) == 1 and isinstance(row.fields[0], InputExample):
        return row.fields[0]
    if len(row.fields) not in {2, 3}:
        raise row.error(
            "expected an InputExample, (text, label) or (text, second text, label), got"
            f" {row.source:.60}"
        )
    return InputExample(
        guid=f"{split}-{row.line}",
        text_a=row.text(0),
        text_b=row.text(1) if len(row.fields) == 3 else None,
        label=None if row.value(-1) is None else row.name(-1),
    )
