"""What a user says of the files of a data set of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from processors.base import Format, Table
from processors.labels import targets
from processors.labels.targets import Objective, Targets
from processors.readers import encodings
from processors.readers.columns import SEPARATORS
from processors.readers.row import Column
from runtime.errors import SettingsError

TARGETS = ("multi_label", "label_separator", "objective")
"""The options that say what a label column holds."""

_FILES = ("train_file", "dev_file", "test_file", "pairs_file")
_ROLES = {"split_group": "group"}  # flag -> argument of Table, where they differ
_POSITION = re.compile("-?[0-9]+")


@dataclass(frozen=True, kw_only=True)
class TableOptions:
    """Files, columns and labels, as text from flags.

    Args:
        text_a: Column of the text: its name in the header or JSON key; its 0-based
            position, from the end when negative, where there is no header.
        text_b: Column of the second text; None for single texts.
        label: Column of the label, which the test file may lack or leave empty.
        id: Column of a name for each example; None takes the place in the file.
        split_group: Column of what examples that stay in one split have in common.
        labels: The classes in the order of the outputs; none takes those of the
            training file, in the order of numbers or of text.
        multi_label: Whether a row has any number of labels.
        label_separator: What stands between them in a text; None for a comma in tables.
            JSON has arrays.
        objective: What is learned: classes, or a number.
        train_file: Name below the data folder, or a path of its own (absolute, `~/...`,
            `gs://...`); None is `train.tsv` (.csv, .json, ...).
        dev_file: The file to evaluate on; None is `dev.tsv` (.csv, .json, ...).
        test_file: The file to predict; None is `test.tsv` (.csv, .json, ...).
        header: Whether the first row of a TSV or CSV file names its columns.
        quoted: Whether fields of a TSV file may stand in quotes, as in CSV.
        delimiter: What stands between the columns of a TSV or CSV file: a character, or
            its name (tab, comma, semicolon, pipe, space); None is the format's own.
        encoding: What the files are written in.
        texts_file: JSON file of the texts of pairs, by id.
        pairs_file: JSON file of the labelled pairs of ids.
        tfds_name: A TensorFlow data set, with its configuration and version if wanted.
        tfds_text: Its feature that is the text.
        tfds_text_b: Its feature that is the second text.
        tfds_label: Its feature that is the label.
        tfds_data_dir: Where TensorFlow Datasets has prepared it.

    Raises:
        SettingsError: a label repeats, a column without a header is no position, or the
            encoding or the delimiter is none.
    """

    text_a: str = "text"
    text_b: str | None = None
    label: str = "label"
    id: str | None = None
    split_group: str | None = None
    labels: tuple[str, ...] = ()
    multi_label: bool = False
    label_separator: str | None = None
    objective: Objective = Objective.CLASSIFICATION
    train_file: str | None = None
    dev_file: str | None = None
    test_file: str | None = None
    header: bool = True
    quoted: bool = False
    delimiter: str | None = None
    encoding: str = "utf-8"
    texts_file: str | None = None
    pairs_file: str | None = None
    tfds_name: str | None = None
    tfds_text: str = "text"
    tfds_text_b: str | None = None
    tfds_label: str = "label"
    tfds_data_dir: str | None = None

    def __post_init__(self) -> None:
        encodings.refuse_unknown(self.encoding)
        problems = [
            f"labels: {label!r} is named more than once."
            for label in sorted(set(self.labels))
            if self.labels.count(label) > 1
        ]
        if not self.header:
            problems += [
                f"{role}: the files have no header, so expected a position such as 0;"
                f" got {column!r}."
                for role, column in self._columns().items()
                if not (column is None or _POSITION.fullmatch(column))
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

    @property
    def targets(self) -> Targets:
        """What the examples are told apart by."""
        return targets.of(self.objective, multi_label=self.multi_label)

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
            label=self._column(self.label),
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
                **{_ROLES.get(flag, flag): flag for flag in self._columns()},
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

    def _columns(self) -> dict[str, str | None]:
        roles = ("text_a", "text_b", "label", "id", "split_group")
        return {role: getattr(self, role) for role in roles}

    def _separator(self) -> str | None:
        """Returns the character between columns; None for the format's, or for none."""
        given = self.delimiter or ""
        character = SEPARATORS.get(given, "\t" if given == r"\t" else given)
        return character if len(character) == 1 and character not in '"\r\n' else None

    def _column(self, name: str) -> Column:
        return name if self.header else int(name)
