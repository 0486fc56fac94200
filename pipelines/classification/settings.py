"""What a run on a task is told, whatever its model.

The names, defaults and meanings of google-research/bert's `run_classifier.py` are kept;
what it did not have stands below.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar

from pipelines.classification import class_weights
from pipelines.classification.score_names import SCORES
from pipelines.steps.settings import TokenStepSettings
from processors.base import SPLITS
from processors.labels.targets import Targets
from processors.tasks.records import RECORDS_ALONE
from processors.tasks.settings import DataSettings
from processors.tasks.table_options import LabelSettings
from runtime.settings import setting
from runtime.training.evaluation_settings import Better
from runtime.training.run_settings import Carried, RunSettings, WorkBatch

_NUM_LABELS = 2  # where none are named: the head is a thousandth of the model
_NAME = re.compile(r"[\w.-]+")


@dataclasses.dataclass(frozen=True, kw_only=True)
class TaskStepSettings(TokenStepSettings, LabelSettings):
    """What decides the steps of a classifier, whatever its model.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    init_checkpoint: str | None = setting(
        None, path=True, help="Weights to start from."
    )
    predict_batch_size: int = setting(8, help="Examples a batch in prediction.")

    # New here.
    label_smoothing: float = setting(
        0.0,
        help="Share of a training target that is dealt to all labels alike; losses in "
        "evaluation have none.",
    )

    @property
    def num_outputs(self) -> int:
        """Outputs of the model as far as settings say; else two, as of two labels."""
        if self.targets is Targets.NUMBER:
            return 1
        return len(self.labels) or _NUM_LABELS

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if not 0 <= self.label_smoothing < 1:
            yield f"--label_smoothing must lie in [0, 1); got {self.label_smoothing}."
        if self.label_smoothing and self.targets is not Targets.LABEL:
            yield "--label_smoothing is for tasks in which a text has one label."

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
        "class_weights",
        "label_smoothing",
        "multi_label",
        "objective",
        *RunSettings.MUST_MATCH,
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        Carried(("max_seq_length",)),
        Carried(("multi_label", "objective"), unless=("multi_label", "objective")),
        Carried(("threshold",)),
        Carried(
            (
                *("task_name", "text_a", "text_b", "label", "label_separator"),
                *("header", "quoted", "delimiter", "encoding"),
            ),
            unless=("task_name",),
        ),
    )
    TRAINED_BY_UPDATES: ClassVar[str] = "full"
    """The values of `--train` but head, where there is such a flag."""

    MAY_DIFFER: ClassVar[tuple[str, ...]] = (
        *RunSettings.MAY_DIFFER,
        "data_dir",
        "records_dir",
    )

    # The original's flags.
    do_train: bool = setting(False, help="Whether to train.")
    do_eval: bool = setting(False, help="Whether to evaluate on the dev split.")
    do_predict: bool = setting(False, help="Whether to predict the test split.")

    # New here.
    threshold: str = setting(
        "0.5",
        help="With --multi_label: the probability from which on a label is a text's; "
        "best chooses one for each label by the dev split.",
    )
    compare: bool = setting(
        False,
        help="Whether to write compare.txt and compare.png: accuracies of the most "
        "frequent label, of TF-IDF with logistic regression, of a BERT frozen as it "
        "starts, and of this run.",
    )
    records_dir: str | None = setting(
        None,
        path=True,
        help="Folder of records, such as scripts/create_tfrecords.py writes, to take "
        "the splits from instead of tokenising; what does not fit is made anew. "
        "output_dir's own are taken without it.",
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
    class_weights: tuple[str, ...] = setting(
        (class_weights.NONE,),
        help="What training examples weigh: none, all the same; balanced, in inverse "
        "proportion to their class; or as in positive:2,negative:0.5, others 1.",
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
        yield from self._threshold_problems()
        yield from class_weights.problems(self.class_weights)
        is_weighed = self.class_weights != (class_weights.NONE,)
        if is_weighed and self.targets is not Targets.LABEL:
            yield "--class_weights is for tasks in which a text has one label."
        yield from self.data_problems()
        if self.has_records_alone:
            yield from self._records_problems()

    def _threshold_problems(self) -> Iterator[str]:
        is_asked = self.threshold != type(self).threshold
        if is_asked and self.targets is not Targets.LABELS:
            yield "--threshold is for --multi_label, which was not given."
        is_number = re.fullmatch(r"0?\.\d+", self.threshold)
        if not self.tunes_thresholds and not (is_number and float(self.threshold) > 0):
            yield (
                "--threshold must be a number above 0 and below 1, or best; got "
                f"{self.threshold}."
            )

    def _without_updates(self) -> Iterator[str]:
        """What cannot be asked of `--train=head`, which fits a head at once."""
        if self.targets is not Targets.LABEL:
            yield f"--train=head fits one label a text: use {self.TRAINED_BY_UPDATES}."
        if self._watches_training():
            yield "--best_by and --patience need updates, and --train=head has none."
        for name in ("class_weights", "label_smoothing"):
            if getattr(self, name) != getattr(type(self), name):
                yield (
                    f"--{name} is for training by updates, and --train=head fits a"
                    " logistic regression."
                )

    def _watches_training(self) -> bool:
        """Whether a score on the way decides which weights are used."""
        return self.watched_score is not None

    @property
    def tunes_thresholds(self) -> bool:
        """Whether the thresholds of labels are chosen by the dev split."""
        return self.threshold == "best"

    def _records_problems(self) -> Iterator[str]:
        if self.records_dir:
            yield (
                f"--task_name={RECORDS_ALONE} reads the records of --data_dir; "
                "--records_dir is for tasks that have texts, too."
            )
        if self.max_leakage is not None:
            yield "--max_leakage compares texts, and records alone have none."
        if self.compare:
            yield "--compare reads texts, and records alone have none."

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

    def scores(self) -> Mapping[str, Better]:
        """The scores of an evaluation, with which value of each is better."""
        return SCORES[self.targets]

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
