"""What a user says of the files of a data set of one's own."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from processors.base import Format, Table
from processors.labels import targets
from processors.labels.targets import Objective, Targets
from processors.readers import encodings
from processors.readers.columns import SEPARATORS
from processors.readers.encodings import EncodingSettings
from processors.readers.row import Column
from runtime.errors import SettingsError
from runtime.settings import flags_of, setting

TARGETS = ("multi_label", "label_separator", "objective")
"""The options that say what a label column holds."""

_FILES = ("train_file", "dev_file", "test_file", "pairs_file")
_COLUMNS = ("text_a", "text_b", "label", "id", "split_group")
_ROLES = {"split_group": "group"}  # option -> argument of Table, where they differ
_POSITION = re.compile("-?[0-9]+")


@dataclass(frozen=True, kw_only=True)
class LabelSettings:
    """What is learned, which decides the data as well as the model's outputs."""

    labels: tuple[str, ...] = setting(
        (), help="Labels in order; by default collected from the training split."
    )
    multi_label: bool = setting(
        False, help="Whether a text has any number of labels, also none."
    )
    objective: Objective = setting(
        Objective.CLASSIFICATION,
        help="classification learns labels; regression a number a text.",
    )

    @property
    def targets(self) -> Targets:
        """What the examples are told apart by."""
        return targets.of(self.objective, multi_label=self.multi_label)


@dataclass(frozen=True, kw_only=True)
class FormatSettings(EncodingSettings):
    """How a file of rows is written."""

    text_b: str | None = setting(None, help="Column of the second text of a pair.")
    header: bool = setting(True, help="Whether a table's first row names its columns.")
    quoted: bool = setting(
        False, help="Whether fields of a TSV may stand in quotes, as in CSV."
    )
    delimiter: str | None = setting(
        None,
        help="What stands between the columns of a TSV or CSV: a character, or tab, "
        "comma, semicolon, pipe or space; by default the format's own.",
    )

    def of_texts(
        self, file: str | None, *, text_a: str | None, header: bool
    ) -> TableOptions:
        """What is said of the columns of a table whose labels are not looked at.

        Args:
            file: The table.
            text_a: Column of the text; by default `text`.
            header: Whether its first row names its columns.

        Raises:
            SettingsError: They do not fit each other.
        """
        return TableOptions(
            text_a=text_a or "text",
            text_b=self.text_b,
            label="label" if self.header else "0",  # not looked at
            test_file=file,
            header=header,
            quoted=self.quoted,
            delimiter=self.delimiter,
            encoding=self.encoding,
        )


@dataclass(frozen=True, kw_only=True)
class FileSettings(LabelSettings, FormatSettings):
    """Files, columns and labels of a data set of one's own.

    A column is its name in the header or its JSON key; where there is no header its
    0-based position, from the end when negative.
    """

    text_a: str = setting("text", help="Column of the text.")
    label: str | None = setting("label", help="Column of the label.")
    label_separator: str | None = setting(
        None,
        help="What stands between the labels of a text with --multi_label; by default "
        "a comma in tables. JSON has arrays.",
    )
    id: str | None = setting(None, help="Column of the example's id.")
    split_group: str | None = setting(
        None, help="Column of what stays together when examples are dealt."
    )
    train_file: str | None = setting(
        None,
        path=True,
        help="The training file: a name below --data_dir, or a path of its own "
        "(absolute, gs://, a pipe such as /dev/stdin).",
    )
    dev_file: str | None = setting(
        None, path=True, help="The dev file, as --train_file."
    )
    test_file: str | None = setting(
        None, path=True, help="The test file, as --train_file."
    )
    texts_file: str | None = setting(
        None, path=True, help="JSON of the texts of pairs, by id."
    )
    pairs_file: str | None = setting(
        None, path=True, help="JSON of labelled pairs of ids."
    )
    tfds_name: str | None = setting(
        None,
        help="A set that TFDS has prepared in --data_dir, by default "
        "~/tensorflow_datasets.",
    )


@dataclass(frozen=True, kw_only=True)
class TableOptions(FileSettings):
    """Files, columns and labels that fit each other.

    Raises:
        SettingsError: a label repeats, a column without a header is no position, or the
            encoding or the delimiter is none.
    """

    def __post_init__(self) -> None:
        problems = [*encodings.problems(self.encoding)]
        problems += [
            f"labels: {label!r} is named more than once."
            for label in sorted(set(self.labels))
            if self.labels.count(label) > 1
        ]
        if not self.header:
            problems += [
                f"{flag}: the files have no header, so expected a position such as 0;"
                f" got {column!r}."
                for name, flag in self._column_flags().items()
                if (column := getattr(self, name)) is not None
                and not _POSITION.fullmatch(column)
            ]
        if self.delimiter is not None and self._separator() is None:
            problems.append(
                f"--delimiter: expected one of {', '.join(SEPARATORS)}, or one"
                f" character that is no quote and no line end; got {self.delimiter!r}."
            )
        problems += self._target_problems()
        if problems:
            raise SettingsError(*problems)

    def _target_problems(self) -> Iterator[str]:
        is_number = self.objective is Objective.REGRESSION
        if is_number and self.multi_label:
            yield "--multi_label is for classes, and --objective=regression has none."
        if is_number and self.labels:
            yield "--labels names classes, and --objective=regression has none."
        if self.label_separator is not None and not self.multi_label:
            yield "--label_separator is for --multi_label, which was not given."
        if self.label_separator == "":
            yield "--label_separator: expected at least one character, got none."

    def table(self, split: str, *, file_format: Format) -> Table:
        """Returns where and how a split is stored.

        Args:
            split: `train`, `dev` or `test`.
            file_format: What the files are written in.
        """
        files = {"train": self.train_file, "dev": self.dev_file, "test": self.test_file}
        return Table(
            files[split] or f"{split}.{file_format.value}",
            text_a=self._column(self.text_a),
            text_b=None if self.text_b is None else self._column(self.text_b),
            label=None if self.label is None else self._column(self.label),
            id=None if self.id is None else self._column(self.id),
            group=None if self.split_group is None else self._column(self.split_group),
            format=file_format,
            header=self.header,
            quoted=self.quoted,
            delimiter=self._separator(),
            encoding=self.encoding,
            label_is_optional=split == "test",
            label_separator=self.label_separator,
            flags={
                "file": f"{split}_file",
                **{_ROLES.get(n, n): flag for n, flag in self._column_flags().items()},
            },
        )

    def default_data_dir(self) -> str | None:
        """Returns the current folder where a file is named; None asks for a folder."""
        return "" if self.changed().intersection(_FILES) else None

    def changed(self) -> set[str]:
        """Returns the names of the options that are not the default."""
        defaults = type(self)()
        return {
            name
            for name in self.__dataclass_fields__
            if getattr(self, name) != getattr(defaults, name)
        }

    def refuse_others(self, takes: Collection[str]) -> None:
        """Refuses options that mean nothing to a task.

        Args:
            takes: Names of those that do.

        Raises:
            SettingsError: Others were chosen.
        """
        others = self.changed().difference(takes)
        flags = sorted(flag for name, flag in self._flags().items() if name in others)
        if flags:
            raise SettingsError(
                *(f"--{flag} has no meaning for this task." for flag in flags)
            )

    def _column_flags(self) -> dict[str, str]:
        """Option that names a column -> its flag."""
        flags = self._flags()
        return {name: flags[name] for name in _COLUMNS if name in flags}

    def _flags(self) -> dict[str, str]:
        return {field.name: flag for flag, field in flags_of(type(self)).items()}

    def _separator(self) -> str | None:
        """Returns the character between columns; None for the format's, or for none."""
        given = self.delimiter or ""
        character = SEPARATORS.get(given, "\t" if given == r"\t" else given)
        return character if len(character) == 1 and character not in '"\r\n' else None

    def _column(self, name: str) -> Column:
        return name if self.header else int(name)
