"""The sizes and shapes of two BERTs, of which one reads and the other writes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from runtime.errors import SettingsError
from tf_bert.model.config import BertConfig


@dataclasses.dataclass(frozen=True)
class EncoderDecoderConfig:
    """What an encoder-decoder of two BERTs is made of.

    Args:
        encoder: Of the one that reads.
        decoder: Of the one that writes.

    Raises:
        SettingsError: They have different vocabularies.
    """

    encoder: BertConfig
    decoder: BertConfig

    def __post_init__(self) -> None:
        theirs, ours = self.encoder.vocab_size, self.decoder.vocab_size
        if theirs != ours:
            raise SettingsError(
                f"The encoder has a vocabulary of {theirs} tokens and the decoder one "
                f"of {ours}. One tokenizer makes the ids of both: give two BERTs with "
                "the same vocabulary."
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EncoderDecoderConfig:
        """Makes a configuration of what `to_dict` gave.

        Args:
            values: The parsed JSON object.

        Raises:
            SettingsError: A side is missing, or a value is wrong.
        """
        missing = [side for side in ("encoder", "decoder") if side not in values]
        if missing:
            raise SettingsError(
                f"The configuration of an encoder-decoder has no {', '.join(missing)}"
            )
        return cls(
            BertConfig.from_dict(values["encoder"]),
            BertConfig.from_dict(values["decoder"]),
        )

    def to_dict(self) -> dict[str, dict[str, int | float | str]]:
        """Returns the settings of both sides by name."""
        return {"encoder": self.encoder.to_dict(), "decoder": self.decoder.to_dict()}
