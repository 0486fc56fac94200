"""What is said of a task's data."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import ClassVar

from processors.data_check.splitting import SplitPlan
from processors.readers.sieve import OnBadRow
from processors.tasks.records import RECORDS_ALONE
from processors.tasks.table_options import FileSettings, TableOptions
from runtime.errors import SettingsError
from runtime.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class DataSettings(FileSettings):
    """A task, and where its rows are and how they are read.

    Attributes:
        NEEDS_LABELS: Whether training and dev examples must have labels that make
            classes.
        OPTIONS: What of them describes tables.
    """

    NEEDS_LABELS: ClassVar[bool] = True
    OPTIONS: ClassVar[type[TableOptions]] = TableOptions

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

    # How training examples are dealt to splits.
    split: tuple[str, ...] = setting(
        (),
        help="Deals the training examples, as in train:0.8,dev:0.1,test:0.1: by label, "
        "in a draw by --seed; files of the splits that are named are not read.",
    )
    seed: int = setting(0, help="Decides draws, initial weights, order and dropout.")

    @property
    def has_records_alone(self) -> bool:
        """Whether the task is that of records without their texts."""
        return str(self.task_name).lower() == RECORDS_ALONE

    def table_options(self) -> TableOptions:
        """What is said of files, columns and labels.

        Raises:
            SettingsError: They do not fit each other.
        """
        fields = dataclasses.fields(self.OPTIONS)
        return self.OPTIONS(
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
