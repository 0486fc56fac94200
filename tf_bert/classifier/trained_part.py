"""Which part of a classifier is trained: `full`, `head` or `top:N`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from typing import Any, ClassVar

from runtime.errors import SettingsError

_TOP = re.compile(r"top:(\d+)")


@dataclasses.dataclass(frozen=True)
class TrainedPart:
    """The part that changes.

    Attributes:
        HEAD: The value of `--train` that trains the head alone.
        layers: How many layers below the pooler are trained by gradient; None for all
            and the embeddings.
        is_head_alone: Whether nothing but the head is trained, as a logistic regression
            on the pooled vectors of a frozen BERT.
    """

    HEAD: ClassVar[str] = "head"

    layers: int | None = None
    is_head_alone: bool = False

    @classmethod
    def parse(cls, text: str) -> TrainedPart:
        """Reads the value of `--train`.

        Raises:
            SettingsError: It is none of full, head and top:N.
        """
        if text == "full":
            return cls()
        if text == cls.HEAD:
            return cls(is_head_alone=True)
        if top := _TOP.fullmatch(text):
            return cls(layers=int(top[1]))
        raise SettingsError(
            f"--train: expected full, head or top:N such as top:2; got {text!r}."
        )

    def refuse_beyond(self, num_layers: int) -> None:
        """Refuses more layers than the BERT has.

        Args:
            num_layers: Those of the BERT.

        Raises:
            SettingsError: Says how many there are.
        """
        if self.layers is not None and self.layers > num_layers:
            raise SettingsError(
                f"--train=top:{self.layers}: the BERT has {num_layers} layers. Give at "
                f"most top:{num_layers}, which trains all but the embeddings, or full."
            )

    def frozen(self, names: Iterable[str], *, layers: int) -> list[str]:
        """Those of the BERT's variables that keep the values they start with.

        Args:
            names: Names of variables.
            layers: Layers of the BERT.
        """
        if self.layers is None and not self.is_head_alone:
            return []
        first = max(layers - self.layers, 0) if self.layers is not None else layers
        lower = (f"bert/encoder/layer_{number}/" for number in range(first))
        kept = ("bert/",) if self.is_head_alone else ("bert/embeddings/", *lower)
        return [name for name in names if name.startswith(kept)]

    def freeze(self, model: Any) -> None:
        """Keeps the rest of a built classifier as it is.

        Args:
            model: A `tf_bert.classifier.heads.BertClassifier`.
        """
        if self.layers is None:
            return
        blocks = model.bert.encoder.blocks
        model.bert.embeddings.trainable = False
        for block in blocks[: len(blocks) - self.layers]:
            block.trainable = False
