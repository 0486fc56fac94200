"""Sizes of an LSTM, and how it is kept from learning its text by heart."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

from runtime.errors import SettingsError


class StatePooling(enum.Enum):
    """How the states of a text's tokens become one vector."""

    MEAN = "mean"
    CONCAT = "concat"


class Transfer(enum.Enum):
    """What a classifier takes over from the model that it starts from."""

    ALL = "all"
    EMBEDDING = "embedding"

    def takes(self, weight: str) -> bool:
        """Whether a weight of this name is taken over."""
        return self is Transfer.ALL or weight.startswith("encoder/embedding/")


class Trained(enum.Enum):
    """What of a classifier is trained."""

    FULL = "full"
    HEAD = "head"


@dataclasses.dataclass(frozen=True, kw_only=True)
class LstmConfig:
    """Sizes of an encoder and of the language model on it.

    Attributes:
        vocab_size: Rows of the embedding.
        embedding_size: Width of the embedding.
        hidden_size: Units of each LSTM.
        num_layers: LSTMs one above the other.
        bidirectional: Whether a second stack reads each text from its end.
        tie_weights: Whether the output layer reads the embedding as its kernel.

    Raises:
        SettingsError: A size is not positive.
    """

    vocab_size: int
    embedding_size: int = 200
    hidden_size: int = 512
    num_layers: int = 1
    bidirectional: bool = False
    tie_weights: bool = False

    def __post_init__(self) -> None:
        problems = [
            f"{name}: expected at least 1, got {value}."
            for name, value in dataclasses.asdict(self).items()
            if not isinstance(value, bool) and value < 1
        ]
        if problems:
            raise SettingsError(*problems)

    @property
    def directions(self) -> tuple[str, ...]:
        """Names of the stacks."""
        return ("forward", "backward") if self.bidirectional else ("forward",)

    @property
    def output_size(self) -> int:
        """Width of what the encoder says of a token."""
        return self.hidden_size * len(self.directions)

    def to_dict(self) -> dict[str, Any]:
        """The sizes as JSON values."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Dropouts:
    """Shares that are dropped in training.

    Attributes:
        inputs: Of what each LSTM reads, one mask for a whole row.
        outputs: Of what the output layer reads.
        variational: Whether the outputs' mask is one for a whole row, too.
    """

    inputs: float = 0.0
    outputs: float = 0.0
    variational: bool = False
