"""What is said of a task's data; each field is a command-line flag."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from processors.data_check.splitting import SplitPlan
from processors.labels import targets
from processors.labels.targets import Objective, Targets
from processors.readers.sieve import OnBadRow
from processors.tasks.records import RECORDS_ALONE
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError
from runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings(LabelSettings):
    """A task, and where its rows are and how they are read.

    Attributes:
        NEEDS_LABELS: Whether training and dev examples must have labels that make
            classes.
    """

    NEEDS_LABELS: ClassVar[bool] = True

    # The original's flags.
    task_name: str | None = setting(
        None, help="The task: a known name or package.module:ClassName of your own."
    )
    data_dir: str | None = setting(
        None,
        path=True,
        help="Folder of the task's files; tasks with shipped data need none.",
    )

    # New here.
    record_shards: int = setting(1, help="Files that a split's TFRecords fill.")
    on_bad_row: OnBadRow = setting(
        OnBadRow.ERROR,
        help="What a row that cannot be used does: error ends the run and names it; "
        "reject writes it to SPLIT.rejects.jsonl with the reason and goes on.",
    )

    # Files and columns of the tasks tsv, csv, json, jsonl and folder.
    text_a: str = setting("text", help="Column of the text.")
    text_b: str | None = setting(None, help="Column of the second text of a pair.")
    label: str = setting("label", help="Column of the label.")
    label_separator: str | None = setting(
        None,
        help="What stands between the labels of a text with --multi_label; by default "
        "a comma in tables. JSON has arrays.",
    )
    id: str | None = setting(None, help="Column of the example's id.")
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
    header: bool = setting(True, help="Whether a table's first row names its columns.")
    quoted: bool = setting(
        False, help="Whether fields of a TSV may stand in quotes, as in CSV."
    )
    delimiter: str | None = setting(
        None,
        help="What stands between the columns of a TSV or CSV: a character, or tab, "
        "comma, semicolon, pipe or space; by default the format's own.",
    )
    encoding: str = setting(
        "utf-8", help="What the files are written in, such as cp932 or euc_jp."
    )

    # How training examples are dealt to splits.
    split: tuple[str, ...] = setting(
        (),
        help="Deals the training examples, as in train:0.8,dev:0.1,test:0.1: by label, "
        "in a draw by --seed; files of the splits that are named are not read.",
    )
    split_group: str | None = setting(
        None, help="Column of what stays together when examples are dealt."
    )
    seed: int = setting(0, help="Decides draws, initial weights, order and dropout.")

    # The task pairs.
    texts_file: str | None = setting(
        None, path=True, help="JSON of the texts of pairs, by id."
    )
    pairs_file: str | None = setting(
        None, path=True, help="JSON of labelled pairs of ids."
    )

    # The task tfds.
    tfds_name: str | None = setting(None, help="A set that TFDS has prepared.")
    tfds_text: str = setting("text", help="Its feature that is the text.")
    tfds_text_b: str | None = setting(None, help="Its feature of the second text.")
    tfds_label: str = setting("label", help="Its feature that is the label.")
    tfds_data_dir: str | None = setting(
        None, path=True, help="Where it was prepared; ~/tensorflow_datasets by default."
    )

    @property
    def has_records_alone(self) -> bool:
        """Whether the task is that of records without their texts."""
        return str(self.task_name).lower() == RECORDS_ALONE

    def table_options(self) -> TableOptions:
        """What is said of files, columns and labels.

        Raises:
            SettingsError: They do not fit each other.
        """
        fields = dataclasses.fields(TableOptions)
        return TableOptions(
            **{field.name: getattr(self, field.name) for field in fields}
        )

    def split_plan(self) -> SplitPlan | None:
        """How the training examples are dealt to the splits; None where they are not.

        Raises:
            SettingsError: The shares do not make a plan.
        """
        return SplitPlan.parse(self.split, seed=self.seed) if self.split else None

    def data_problems(self) -> Iterator[str]:
        """A sentence for each setting that does not fit the others."""
        if self.split_group and not self.split:
            yield "--split_group is for --split, which was not given."
        try:
            self.split_plan()
        except SettingsError as error:
            yield from error.problems
