"""How a text is written: which of the texts that a decoder finds likely is taken."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Iterator
from typing import Any

from runtime.errors import SettingsError


class EarlyStopping(enum.Enum):
    """When a beam search ends that has as many whole texts as beams.

    FALSE: when the best running beam, ended now, would be no better than the worst of
    them. TRUE: at once. NEVER: when no running beam could become better, however long.
    """

    FALSE = "false"
    TRUE = "true"
    NEVER = "never"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """A greedy or a beam search. Lengths count [SEP] and do not count [CLS].

    Attributes:
        num_beams: Beams; 1 is greedy search.
        max_target_length: Most tokens of a text.
        min_target_length: Fewest tokens of a text.
        length_penalty: A text's score is the sum of its tokens' log-probabilities over
            its length to this power: 0 is none, more favours long texts.
        no_repeat_ngram_size: No so many tokens occur twice in a text; 0: any may.
        early_stopping: When a beam search ends.
        num_return_sequences: Texts that are returned, the best ones.

    Raises:
        SettingsError: One sentence for each value that cannot be used.

    Source: transformers, generation/utils.py, whose `max_length` counts [CLS].
    """

    num_beams: int = 4
    max_target_length: int = 64
    min_target_length: int = 0
    length_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    early_stopping: EarlyStopping = EarlyStopping.FALSE
    num_return_sequences: int = 1

    def __post_init__(self) -> None:
        if problems := list(search_problems(self)):
            raise SettingsError(*problems)


def search_problems(settings: Any) -> Iterator[str]:
    """A sentence for each value of a search that cannot be used, by flag.

    Args:
        settings: Has the fields of `SearchSettings`.
    """
    for name, least in (
        ("num_beams", 1),
        ("max_target_length", 1),
        ("min_target_length", 0),
        ("no_repeat_ngram_size", 0),
        ("num_return_sequences", 1),
    ):
        if getattr(settings, name) < least:
            yield (f"--{name} must be at least {least}; got {getattr(settings, name)}.")
    if settings.min_target_length > settings.max_target_length:
        yield (
            f"--min_target_length={settings.min_target_length} is above "
            f"--max_target_length={settings.max_target_length}."
        )
    if settings.num_return_sequences > settings.num_beams:
        yield (
            f"--num_return_sequences={settings.num_return_sequences} is above "
            f"--num_beams={settings.num_beams}: a search has as many texts as beams."
        )
    if not math.isfinite(settings.length_penalty):
        yield f"--length_penalty must be finite; got {settings.length_penalty}."
