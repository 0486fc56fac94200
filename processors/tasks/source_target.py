"""Texts that are to be written from others: sources, and a target for each.

An example is a pair: `text_a` is the source and `text_b` the target, None where it is
not known. So readers, splits, records and the search for copies are those of pairs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from processors.base import Format, Table
from processors.example import InputExample
from processors.labels.targets import Objective
from processors.readers.row import BadRow, Row
from processors.tasks.lists import ListsProcessor, ListTable
from processors.tasks.settings import DataSettings
from processors.tasks.table_options import FileSettings, TableOptions
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError
from runtime.settings import fixed, setting


@dataclass(frozen=True)
class _SourceTargetTable(Table):
    """A table whose second text is the target.

    Args:
        target_is_optional: Whether a row may lack it, or be null there.
    """

    target_is_optional: bool = False

    def example(self, row: Row, *, split: str) -> InputExample | None:
        """See base class."""
        if self.target_is_optional and not self._has_target(row):
            source_alone = dataclasses.replace(self, text_b=None)
            return super(_SourceTargetTable, source_alone).example(row, split=split)
        return super().example(row, split=split)

    def rows(self, data_dir: str) -> Iterator[Row | BadRow]:
        """See base class; a column that may be missing is not looked for."""
        if not self.target_is_optional or self.text_b is None:
            return super().rows(data_dir)
        source_alone = dataclasses.replace(self, text_b=None)
        return source_alone.rows(data_dir)

    def _has_target(self, row: Row) -> bool:
        column = self.text_b
        return column is not None and row.has(column) and row.value(column) is not None


@dataclass(frozen=True, kw_only=True)
class SourceTargetColumns(FileSettings):
    """Files and columns of sources and targets; each field is a command-line flag."""

    text_a: str = setting("source", flag="source", help="Column of the source.")
    text_b: str | None = setting(
        "target", flag="target", help="Column of the text to write; a test needs none."
    )
    label: str | None = fixed(None)
    labels: tuple[str, ...] = fixed(())
    multi_label: bool = fixed(False)
    objective: Objective = fixed(Objective.CLASSIFICATION)
    label_separator: str | None = fixed(None)
    texts_file: str | None = fixed(None)
    pairs_file: str | None = fixed(None)
    tfds_name: str | None = fixed(None)


@dataclass(frozen=True, kw_only=True)
class SourceTargetOptions(SourceTargetColumns, TableOptions):
    """See `TableOptions`."""

    def table(self, split: str, *, file_format: Format) -> Table:
        """See base class; the targets of a test may be unknown."""
        given = super().table(split, file_format=file_format)
        values = {f.name: getattr(given, f.name) for f in dataclasses.fields(given)}
        return _SourceTargetTable(**values, target_is_optional=split == "test")


@dataclass(frozen=True, kw_only=True)
class SourceTargetSettings(SourceTargetColumns, DataSettings):
    """See `DataSettings`."""

    NEEDS_LABELS: ClassVar[bool] = False
    OPTIONS: ClassVar[type[TableOptions]] = SourceTargetOptions

    def data_problems(self) -> Iterator[str]:
        """See base class."""
        yield from super().data_problems()
        if self.text_a == self.text_b:
            yield (
                f"--source and --target are one column, {self.text_a}: name the column"
                " of the texts to write by --target."
            )


class _SourceTargetList(ListTable):
    """A split that is a list of (source, target), (source,) or sources."""

    def _example(self, row: Row, *, split: str) -> InputExample:
        fields = row.fields
        if len(fields) == 1 and isinstance(fields[0], InputExample):
            return fields[0]
        if len(fields) not in {1, 2} or not isinstance(fields[0], str):
            raise row.error(
                "expected an InputExample, (source, target) or (source,), got"
                f" {row.source:.60}"
            )
        is_known = len(fields) == 2 and fields[1] is not None
        return InputExample(
            guid=f"{split}-{row.line}",
            text_a=row.text(0),
            text_b=row.text(1) if is_known else None,
        )


class SourceTargetLists(ListsProcessor):
    """Sources and targets in memory, as in a notebook.

    For example `SourceTargetLists(train=[("a long story", "its title")])`. See the base
    class.
    """

    table = _SourceTargetList


class SourceTargetRule:
    """Which examples nothing can be learned from, or no target be written for.

    Args:
        tokenizer: Texts to ids.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer

    def unfit(self, split: str) -> Callable[[InputExample], str | None]:
        """Says what is wrong with an example of a split; None where nothing is.

        Args:
            split: train, dev or test.
        """
        return lambda example: self._problem(example, split=split)

    def settle(
        self, examples: Sequence[InputExample], *, split: str
    ) -> list[InputExample]:
        """Returns the examples; a target of nothing but spaces is none.

        Args:
            examples: A split's, of any processor.
            split: train, dev or test.

        Raises:
            DataError: One cannot be used.
        """
        for example in examples:
            if problem := self._problem(example, split=split):
                raise DataError(f"Example {example.guid}: {problem}.")
        return [
            example
            if example.text_b is None or example.text_b.strip()
            else dataclasses.replace(example, text_b=None)
            for example in examples
        ]

    def _problem(self, example: InputExample, *, split: str) -> str | None:
        if not example.text_a.strip():
            return "source is empty: there is nothing to write a text from"
        target = example.text_b or ""
        if not target.strip():
            return None if split == "test" else "target is empty"
        unknown = self._tokenizer.special.unk
        if set(self._tokenizer.encode(target)) <= {unknown}:
            return f"target has no token that the vocabulary knows: {target!r:.60}"
        return None
