"""What the comparison of pretrained and random starts is told."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import Any

from lstm_pretrain.classifier.settings import LstmClassifierSettings
from lstm_pretrain.language_model.settings import LanguageModelSettings
from runtime import storage
from runtime.settings import fixed, setting

ALL = "all"
"""The value of `train_sizes` that takes all examples."""

_SIZE = re.compile(rf"({ALL}|0*[1-9][0-9]*)(:0*[1-9][0-9]*)?")

# What a language model, which reads no labels, is not told.
_OF_LABELS = (
    *("class_weights", "label_smoothing"),
    *("multi_label", "label_separator", "objective"),
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Size:
    """One amount of labelled data.

    Attributes:
        examples: Training examples.
        seeds: Runs of each start.
    """

    examples: int
    seeds: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentSettings(LstmClassifierSettings):
    """Settings of the experiment; those of the classifier keep their names.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    do_train: bool = fixed(True)
    do_eval: bool = fixed(False)
    do_predict: bool = fixed(False)
    predict_batch_size: int = fixed(1)
    train_examples: int | None = fixed(None)
    train_sizes: tuple[str, ...] = setting(
        (ALL, "3000", "1000"),
        help="Labelled training examples; all for all of them; 50:12 for other seeds "
        "than --seeds has.",
    )
    seeds: int = setting(
        3, help="Runs of each size and start; each draws its own examples."
    )
    workers: int = setting(
        1,
        help="Processes that train classifiers at once, on CPUs, and that tokenise "
        "where there are many texts; equal results.",
    )
    lm_epochs: float = setting(60.0, help="Passes of the language model.")
    lm_batch_size: int = setting(32, help="Texts an update of the language model.")
    lm_learning_rate: float = setting(1e-3, help="Of the language model.")
    lm_dropout: float = setting(0.3, help="Of what the language model's softmax reads.")
    patience: int | None = setting(
        None,
        help="Epochs of the language model without a better loss on dev after which "
        "its training ends; its best weights are used.",
    )
    best_by: str | None = fixed(None)
    lm_task_name: str | None = setting(
        None, help="Task whose texts the language model reads; by default task_name."
    )
    lm_data_dir: str | None = setting(
        None, path=True, help="Its folder; by default data_dir."
    )
    tuning_epochs: float = setting(
        0.0,
        help="Passes over the task's own texts, after those over lm_task_name's.",
    )
    tie_weights: bool | None = setting(
        None,
        help="Read the embedding as the output layer's kernel; by default "
        "init_checkpoint's choice, else not.",
    )
    variational_dropout: bool = setting(
        False, help="One mask for a whole text in lm_dropout, too."
    )

    def evaluation_problems(self, *, evaluates: bool) -> Iterator[str]:
        """See base class; here they are of the language model, which is evaluated."""
        del evaluates
        yield from super().evaluation_problems(evaluates=True)

    def _watches_training(self) -> bool:
        """See base class; `--patience` is of the language model here."""
        return False

    def _has_pretrained(self) -> bool:
        """See base class; one is trained here."""
        return True

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        for size in self.train_sizes:
            if not _SIZE.fullmatch(size):
                yield (
                    f"--train_sizes: expected {ALL} or a number, with :SEEDS behind it "
                    f"or without, got {size!r}."
                )
        if self.lm_epochs <= 0:
            yield f"--lm_epochs must be above 0; got {self.lm_epochs}."
        if not 0 <= self.lm_dropout < 1:
            yield f"--lm_dropout must lie in [0, 1); got {self.lm_dropout}."
        if self.lm_learning_rate < 0:
            yield f"--lm_learning_rate must be at least 0; got {self.lm_learning_rate}."
        if self.tuning_epochs < 0:
            yield f"--tuning_epochs must not be negative; got {self.tuning_epochs}."
        if self.tuning_epochs and not self.lm_task_name:
            yield (
                "--tuning_epochs is a second stage on the task's own texts: name the "
                "first one's by --lm_task_name."
            )

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "seeds", "lm_batch_size")

    def classifier(self, *, init_checkpoint: str) -> ExperimentSettings:
        """Settings of the classifiers.

        Args:
            init_checkpoint: Folder of the language model that half of them start from.
        """
        return dataclasses.replace(
            self,
            output_dir=storage.join(str(self.output_dir), "classifiers"),
            init_checkpoint=init_checkpoint,
            do_eval=True,
            do_predict=True,
            patience=None,  # they are measured after each epoch, to the last
            min_improvement=0.0,
            tie_weights=None,  # they have no output layer over the vocabulary
            vocab_size=None,  # its vocabulary is read
        )

    def language_model(self) -> LanguageModelSettings:
        """Settings of the language model's training."""
        return self._pretraining(
            output_dir=storage.join(str(self.output_dir), "language_model"),
            task_name=self.lm_task_name or self.task_name,
            data_dir=self.lm_data_dir or self.data_dir,
            num_train_epochs=self.lm_epochs,
        )

    def tuning(self) -> LanguageModelSettings | None:
        """Settings of its second stage; None where there is none."""
        if not self.tuning_epochs:
            return None
        return self._pretraining(
            output_dir=storage.join(str(self.output_dir), "tuned_language_model"),
            init_checkpoint=self.language_model().output_dir,
            vocab_size=None,  # its vocabulary is read
            num_train_epochs=self.tuning_epochs,
        )

    def _pretraining(self, **others: Any) -> LanguageModelSettings:
        names = {field.name for field in dataclasses.fields(LanguageModelSettings)}
        own = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        shared = {name: own[name] for name in names & set(own)}
        return LanguageModelSettings(
            **{
                **shared,
                "do_train": True,
                "do_eval": True,
                "do_predict": False,
                "score_test": False,
                **{name: getattr(LanguageModelSettings, name) for name in _OF_LABELS},
                "train_batch_size": self.lm_batch_size,
                "learning_rate": self.lm_learning_rate,
                "dropout": self.lm_dropout,
                **others,
            }
        )

    def sizes(self, available: int) -> dict[str, Size]:
        """The sizes, by what --train_sizes calls them.

        Args:
            available: Training examples there are.
        """
        return {name: self._size(name, available) for name in self.train_sizes}

    def _size(self, name: str, available: int) -> Size:
        count, _, seeds = name.partition(":")
        return Size(
            examples=available if count == ALL else int(count),
            seeds=int(seeds or self.seeds),
        )
