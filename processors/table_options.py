"""What a user says of the files of a data set of one's own."""

from __future__ import annotations

import re
from dataclasses import dataclass

from processors.base import Format, Table
from processors.readers import Column
from runtime.errors import SettingsError

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
            training file, sorted.
        train_file: Name below the data folder; None is `train.tsv` (.json, .jsonl).
        dev_file: The file to evaluate on; None is `dev.tsv` (.json, .jsonl).
        test_file: The file to predict; None is `test.tsv` (.json, .jsonl).
        header: Whether the first line of a TSV file names its columns.

    Raises:
        SettingsError: a label repeats, or a column without a header is no position.
    """

    text_a: str = "text"
    text_b: str | None = None
    label: str = "label"
    id: str | None = None
    split_group: str | None = None
    labels: tuple[str, ...] = ()
    train_file: str | None = None
    dev_file: str | None = None
    test_file: str | None = None
    header: bool = True

    def __post_init__(self) -> None:
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
        if problems:
            raise SettingsError(*problems)

    def table(self, split: str, *, file_format: Format) -> Table:
        """Returns where and how a split is stored.

        Args:
            split: `train`, `dev` or `test`.
            file_format: What the files are written in.

        Raises:
            SettingsError: JSON files were said to have no header.
        """
        if not self.header and file_format is not Format.TSV:
            raise SettingsError("header: only TSV files can have or lack a header.")
        files = {"train": self.train_file, "dev": self.dev_file, "test": self.test_file}
        return Table(
            files[split] or f"{split}.{file_format.value}",
            text_a=self._column(self.text_a),
            text_b=None if self.text_b is None else self._column(self.text_b),
            label=self._column(self.label),
            id=None if self.id is None else self._column(self.id),
            group=None if self.split_group is None else self._column(self.split_group),
            format=file_format if self.header else Format.TSV_WITHOUT_HEADER,
            label_is_optional=split == "test",
        )

    def _columns(self) -> dict[str, str | None]:
        roles = ("text_a", "text_b", "label", "id", "split_group")
        return {role: getattr(self, role) for role in roles}

    def _column(self, name: str) -> Column:
        return name if self.header else int(name)
