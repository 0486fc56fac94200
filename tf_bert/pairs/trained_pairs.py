"""A trained bi-encoder, opened to score pairs without the run that trained it."""

from __future__ import annotations

import dataclasses
from typing import Any

from processors.labels.targets import Targets
from processors.tokenization.base import Tokenizer
from runtime.errors import CheckpointError, SettingsError
from runtime.training import trained_run
from tf_bert.classifier.settings import Architecture
from tf_bert.formats import find, tokenizer_files
from tf_bert.formats.source import Source
from tf_bert.model import config as configs
from tf_bert.model.config import BertConfig
from tf_bert.pairs.encoding import Kept
from tf_bert.pairs.heads import PREFIX, Attend, Combine, PairHead
from tf_bert.pairs.scoring import PairModel
from tf_bert.pairs.settings import TextPooling


@dataclasses.dataclass(frozen=True, kw_only=True)
class TrainedPairs:
    """The parts of a trained bi-encoder.

    Attributes:
        source: Its weights.
        config: Sizes of its encoder.
        model: Its head, ready to score.
        pooling: What the vector of a text is.
    """

    source: Source
    config: BertConfig
    model: PairModel
    pooling: TextPooling

    def kept(self, **how: Any) -> Kept:
        """What a cache is to keep of a text.

        Args:
            how: The other fields of `Kept`.
        """
        return Kept(pooling=self.pooling, attend=self.model.head.attend, **how)


def open_trained(path: str) -> TrainedPairs:
    """Opens what a run has trained.

    Args:
        path: The run's folder, or one of its checkpoints.

    Raises:
        CheckpointError: It is no bi-encoder, or damaged.
    """
    source = find.open_source(path)
    told = trained_run.state_of(path).get("settings", {})
    if told.get("architecture") != Architecture.BI.value or source.config is None:
        raise CheckpointError(
            f"{path} holds no bi-encoder: train one with scripts/run_classifier.py"
            " --architecture=bi. A cross-encoder reads both texts together, so that"
            " nothing of one can be kept."
        )
    head = PairHead(
        combine=Combine(told["combine"]),
        attend=Attend(told["attend"]),
        attention_size=told["attention_size"],
        reduced_size=told["reduced_size"],
    )
    return TrainedPairs(
        source=source,
        config=source.config,
        model=_model(source, head, width=source.config.hidden_size),
        pooling=TextPooling(told["pooling"]),
    )


def refuse_other_tokenizer(
    trained: TrainedPairs, tokenizer: Tokenizer, *, max_seq_length: int
) -> None:
    """Refuses ids that mean something else to the encoder, or texts too long for it.

    Args:
        trained: The bi-encoder.
        tokenizer: What makes the ids.
        max_seq_length: Longest text in tokens.

    Raises:
        SettingsError: Says what differs.
    """
    tokenizer_files.refuse_other_vocabulary(trained.source, tokenizer)
    configs.check_vocabulary(trained.config, tokenizer_vocab_size=tokenizer.vocab_size)
    configs.check_sequence_length(trained.config, max_seq_length=max_seq_length)


def place_of(label: str | None, *, model: PairModel) -> int:
    """The output that a label means.

    Args:
        label: Its name, or its place; may be left out where there is one output.
        model: What has the outputs.

    Raises:
        SettingsError: There is none of that name, or none was named.
    """
    if len(model.labels) == 1 and label is None:
        return 0
    if label in model.labels:
        return model.labels.index(label)
    if label and label.isdecimal() and int(label) < len(model.labels):
        return int(label)
    known = ", ".join(f"{place} {name}" for place, name in enumerate(model.labels))
    raise SettingsError(f"--label: expected one of {known}; got {label}.")


def _model(source: Source, head: PairHead, *, width: int) -> PairModel:
    names = (*head.shapes(width), "output_weights", "output_bias")
    if absent := sorted({PREFIX + name for name in names} - source.shapes().keys()):
        raise CheckpointError(f"{source.path} lacks {', '.join(absent)}.")
    weights = {name: source.read(PREFIX + name) for name in names}
    outputs = len(weights["output_bias"])
    targets = source.targets or Targets.LABEL
    labels = source.labels or tuple(map(str, range(outputs)))
    return PairModel(head=head, weights=weights, labels=labels, targets=targets)
