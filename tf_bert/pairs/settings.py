"""Everything a bi-encoder's run is told; each field is a command-line flag.

They are a classifier's, and what is new about pairs whose texts are encoded apart.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator
from typing import ClassVar

from processors.batches.long_texts import LongTexts
from processors.batches.texts_apart import Sides
from processors.labels.targets import Targets
from runtime.engine.optimizer_settings import OptimizerSettings, ParameterGroup
from runtime.errors import SettingsError
from runtime.settings import setting
from runtime.training.run_settings import Carried
from tf_bert.classifier.settings import (
    Architecture,
    BertClassifierStepSettings,
    ClassifierSettings,
)
from tf_bert.pairs.heads import PREFIX, Attend, Combine, PairHead

_HEAD = ("combine", "attend", "attention_size", "reduced_size", "pooling")


class TextPooling(enum.Enum):
    """What the vector of a text is."""

    MEAN = "mean"  # of its tokens' vectors, [CLS] and [SEP] with them
    CLS = "cls"  # that of [CLS]
    POOLED = "pooled"  # the tanh projection of that


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiEncoderStepSettings(BertClassifierStepSettings):
    """What decides the steps that a device computes.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    combine: Combine = setting(
        Combine.ADDITIVE,
        help="With --architecture=bi, what two texts are combined by: additive or dot "
        "attention, dot of reduced dimensions, or features, [u, v, |u - v|].",
    )
    attend: Attend = setting(
        Attend.VECTORS,
        help="With --architecture=bi, what of the other text is looked at: its vector, "
        "or each of its tokens.",
    )
    attention_size: int = setting(
        128, help="With --architecture=bi, width of additive and hidden layers."
    )
    reduced_size: int = setting(
        64, help="With --architecture=bi, dimensions of --combine=reduced."
    )
    pooling: TextPooling = setting(
        TextPooling.MEAN,
        help="With --architecture=bi, the vector of a text: mean of its tokens', that "
        "of [CLS] (cls), or its tanh projection (pooled).",
    )

    head_learning_rate: float | None = setting(
        None,
        help="With --architecture=bi, peak learning rate of the head, which starts at "
        "random; by default learning_rate.",
    )
    ranking_loss: float = setting(
        0.0,
        help="With --architecture=bi, weight of a second loss in training: pairs of "
        "--ranking_label are to be nearer, by cosine, than others of their batch.",
    )
    ranking_label: str | None = setting(
        None, help="The label of pairs that belong together, for --ranking_loss."
    )

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        yield from self._ranking_problems()
        if self.head_learning_rate is not None and not (
            self.head_learning_rate > 0 and self.learning_rate > 0
        ):
            yield (
                "--head_learning_rate and --learning_rate must be above 0; got"
                f" {self.head_learning_rate} and {self.learning_rate}."
            )
        if self.attend is Attend.TOKENS and self.combine is Combine.FEATURES:
            yield (
                "--combine=features compares two vectors: use --attend=vectors, or"
                " additive, dot or reduced."
            )

    def _ranking_problems(self) -> Iterator[str]:
        if self.ranking_loss < 0:
            yield f"--ranking_loss must be at least 0; got {self.ranking_loss}."
        if bool(self.ranking_loss) != (self.ranking_label is not None):
            yield "--ranking_loss and --ranking_label belong together: give both."
        if self.ranking_loss and self.targets is not Targets.LABEL:
            yield "--ranking_loss is for tasks in which a pair has one label."

    def _counts(self) -> tuple[str, ...]:
        return (*super()._counts(), "attention_size", "reduced_size")

    def optimizer_settings(self, num_train_steps: int) -> OptimizerSettings:
        """See base class; the head may have a learning rate of its own."""
        usual = super().optimizer_settings(num_train_steps)
        if self.head_learning_rate is None:
            return usual
        share = self.head_learning_rate / self.learning_rate
        group = ParameterGroup(pattern=f"^{PREFIX}", rate=share)
        return dataclasses.replace(usual, groups=(group,))

    @property
    def head(self) -> PairHead:
        """How two texts are combined."""
        return PairHead(
            combine=self.combine,
            attend=self.attend,
            attention_size=self.attention_size,
            reduced_size=self.reduced_size,
        )

    @property
    def sides(self) -> Sides:
        """See base class."""
        return Sides.APART

    def refuse_other_sizes(self, *, hidden_size: int) -> None:
        """Refuses a head that does not fit the BERT.

        Args:
            hidden_size: Width of the BERT.

        Raises:
            SettingsError: It reduces to more dimensions than there are.
        """
        if self.combine is Combine.REDUCED and self.reduced_size > hidden_size:
            raise SettingsError(
                f"--reduced_size={self.reduced_size}: the BERT's vectors have"
                f" {hidden_size} dimensions; give at most as many."
            )


@dataclasses.dataclass(frozen=True, kw_only=True)
class BiEncoderSettings(BiEncoderStepSettings, ClassifierSettings):
    """Settings of `train`, `evaluate` and `predict`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    ARCHITECTURE: ClassVar[Architecture] = Architecture.BI
    HEAD_FLAGS: ClassVar[tuple[str, ...]] = (*ClassifierSettings.HEAD_FLAGS, *_HEAD)
    MUST_MATCH: ClassVar[tuple[str, ...]] = (
        *ClassifierSettings.MUST_MATCH,
        *_HEAD,
        "head_learning_rate",
        "ranking_loss",
        "ranking_label",
    )
    CARRIED: ClassVar[tuple[Carried, ...]] = (
        *ClassifierSettings.CARRIED,
        *(Carried((name,)) for name in HEAD_FLAGS),
    )

    architecture: Architecture = setting(Architecture.BI, help="bi.")

    def _problems(self) -> Iterator[str]:
        yield from super()._problems()
        if self.long_texts is LongTexts.CHUNK:
            yield (
                "--long_texts=chunk reads single texts in windows: use truncate or"
                " head_tail with --architecture=bi."
            )

    def _without_updates(self) -> Iterator[str]:
        """Here the head is trained by updates, whatever is trained beside it."""
        yield from ()

    @property
    def needs_trained_pooler(self) -> bool:
        """See base class."""
        return self.trained_part.is_head_alone and self.pooling is TextPooling.POOLED
