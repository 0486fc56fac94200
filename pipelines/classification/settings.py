"""What a run on a task is told, whatever its model; each field is a command-line flag.

The names, defaults and meanings of google-research/bert's `run_classifier.py` are kept;
what it did not have stands below.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import ClassVar

from pipelines.steps.settings import TokenStepSettings
from processors.base import SPLITS
from processors.tasks.settings import DataSettings, LabelSettings
from runtime.settings import setting
from runtime.training.run_settings import Carried, RunSettings, WorkBatch

_NAME = re.compile(r"[\w.-]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskStepSettings(TokenStepSettings, LabelSettings):
    """What decides the steps of a classifier.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    init_checkpoint: str | None = setting(
        None, path=True, help="Weights to start from."
    )
    predict_batch_size: int = setting(8, help="Examples a batch in prediction.")

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "predict_batch_size")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskSettings(TaskStepSettings, DataSettings, RunSettings):
    """Settings of a run that trains, evaluates and predicts on a task.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        "task_name",
        "max_seq_length",
        *RunSettings.MUST_MATCH,
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        Carried(("max_seq_length",)),
        Carried(
            (
                *("task_name", "text_a", "text_b", "label"),
                *("header", "quoted", "delimiter", "encoding"),
            ),
            unless=("task_name",),
        ),
    )
    MAY_DIFFER: ClassVar[tuple[str, ...]] = (*RunSettings.MAY_DIFFER, "data_dir")

    # The original's flags.
    do_train: bool = setting(False, help="Whether to train.")
    do_eval: bool = setting(False, help="Whether to evaluate on the dev split.")
    do_predict: bool = setting(False, help="Whether to predict the test split.")

    # New here.
    compare: bool = setting(
        False,
        help="Whether to write compare.txt and compare.png: accuracies of the most "
        "frequent label, of TF-IDF with logistic regression, of a BERT frozen as it "
        "starts, and of this run.",
    )
    predict_name: str | None = setting(
        None,
        help="Name of the test set, which its files are called after, as in "
        "predictions-NAME.tsv; without one they replace the last.",
    )
    score_test: bool = setting(
        False,
        help="Score the test split even if all its labels are one, which otherwise is "
        "taken for a placeholder.",
    )
    max_leakage: float | None = setting(
        None,
        help="Share of the dev or test examples that may be copies or near copies of "
        "training examples; more is an error. data_report.txt has the shares.",
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.max_leakage is not None and not 0 <= self.max_leakage <= 1:
            yield f"--max_leakage must lie in [0, 1]; got {self.max_leakage}."
        if self.predict_name and not _NAME.fullmatch(self.predict_name):
            yield (
                "--predict_name is part of file names: letters, digits, `.`, `-` and "
                f"`_`; got {self.predict_name!r}."
            )
        if self.compare and not (self.do_eval or self.do_predict):
            yield "--compare needs --do_eval or --do_predict."
        yield from self.data_problems()

    def _missing(self) -> Iterator[str]:
        if not self.task_name:
            yield "--task_name is required."
        yield from super()._missing()
        if not (self.do_train or self.do_eval or self.do_predict):
            yield (
                "At least one of `do_train`, `do_eval` or `do_predict' must be True."
            )

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "record_shards")

    @property
    def predict_suffix(self) -> str:
        """What the files of a prediction are told from those of others by."""
        return f"-{self.predict_name}" if self.predict_name else ""

    @property
    def drawn_by_seed(self) -> tuple[str, ...]:
        """What the seed decides of the data; empty where it is nothing."""
        if not self.split:
            return ()
        return ("which examples each split has, dealt by --split",)

    def splits_ahead(self) -> tuple[str, ...]:
        """The splits that the work ahead reads; simple classifiers learn from train."""
        asked = (self.do_train or self.compare, self.do_eval, self.do_predict)
        return tuple(itertools.compress(SPLITS, asked))

    @property
    def trains(self) -> bool:
        """Whether training is part of the work ahead."""
        return self.do_train

    @property
    def evaluates(self) -> bool:
        """Whether evaluation is part of the work ahead."""
        return self.do_eval

    def work(self) -> tuple[WorkBatch, ...]:
        """The batches of the work ahead, in the order in which it is done."""
        training = WorkBatch(
            "train_batch_size", accumulation=self.gradient_accumulation_steps
        )
        asked = (
            (self.do_train, training),
            (self.do_eval, WorkBatch("eval_batch_size")),
            (self.do_predict, WorkBatch("predict_batch_size")),
        )
        return tuple(batch for is_asked, batch in asked if is_asked)
