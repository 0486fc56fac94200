"""What decides the examples of pre-training.

The names, defaults and meanings of google-research/bert's `create_pretraining_data.py`
are kept; what it did not have stands below.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterator, Sequence

from processors.readers import encodings
from processors.tokenization.settings import TokenizerSettings
from runtime.errors import SettingsError
from runtime.settings import setting


class PretrainingTask(enum.Enum):
    """What is learnt beside nothing but text."""

    MLM_NSP = "mlm_nsp"
    MLM = "mlm"
    MLM_SOP = "mlm_sop"


class Mode(enum.Enum):
    """When tokens are masked."""

    STATIC = "static"
    DYNAMIC = "dynamic"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CorpusSettings(TokenizerSettings):
    """How text becomes sequences."""

    # The original's flags.
    max_seq_length: int = setting(
        128, help="Longest sequence in tokens, special tokens included."
    )
    max_predictions_per_seq: int = setting(20, help="Most masked tokens of a sequence.")
    masked_lm_prob: float = setting(0.15, help="Share of the tokens that are masked.")
    short_seq_prob: float = setting(
        0.1,
        help="Share of the documents that are cut into shorter sequences; for "
        "--objective=mlm of the sequences.",
    )
    do_whole_word_mask: bool = setting(
        False, help="Whether to mask all tokens of a word or none."
    )

    # New here.
    objective: PretrainingTask = setting(
        PretrainingTask.MLM_NSP,
        help="mlm_nsp adds whether the second half follows the first or comes from "
        "another document; mlm_sop which of two halves comes first; mlm nothing.",
    )
    text_encoding: str = setting("utf-8", help="Encoding of the text, such as cp932.")
    split_sentences: bool = setting(
        False, help="Whether to cut lines after each of 。！？ outside brackets."
    )
    word_dic: str = setting(
        "unidic_lite",
        path=True,
        help="MeCab dictionary whose words are masked whole, where the vocabulary has "
        "no ## pieces that tell them.",
    )

    def corpus_problems(self) -> Iterator[str]:
        """A sentence for each value that cannot be used."""
        yield from self.tokenizer_problems()
        yield from encodings.problems(self.text_encoding, flag="text_encoding")
        if self.max_seq_length < 5:
            yield f"--max_seq_length must be at least 5; got {self.max_seq_length}."
        if not 0 <= self.short_seq_prob <= 1:
            yield f"--short_seq_prob must lie in [0, 1]; got {self.short_seq_prob}."
        yield from mask_problems(
            {"masked_lm_prob": self.masked_lm_prob},
            max_seq_length=self.max_seq_length,
            max_predictions_per_seq=self.max_predictions_per_seq,
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class PretrainingDataSettings(CorpusSettings):
    """Settings of `create`.

    Raises:
        SettingsError: One sentence for each value that cannot be used.
    """

    # The original's flags.
    input_file: tuple[str, ...] = setting(
        (),
        path=True,
        help="Text files or patterns: a sentence a line, a blank line between.",
    )
    output_file: tuple[str, ...] = setting(
        (), path=True, help="TFRecord files to write."
    )
    random_seed: int = setting(12345, help="Decides cuts, order and masks.")
    dupe_factor: int | None = setting(
        None,
        help="Times the corpus is gone through, each with other cuts and masks; 10, or "
        "1 with --mode=dynamic.",
    )

    # New here.
    mode: Mode = setting(
        Mode.STATIC,
        help="static stores masked tokens; dynamic stores them unmasked, and every "
        "epoch of training masks anew.",
    )
    mlm_prob: float | None = setting(None, help="The same as --masked_lm_prob.")
    mlm_schedule: tuple[str, ...] = setting(
        (),
        help="Rates of masking from the first update of training to the last, such as "
        "0.3,0.15; in between they lie on a line. For --mode=dynamic.",
    )

    def __post_init__(self) -> None:
        if self.mlm_prob is not None:
            object.__setattr__(self, "masked_lm_prob", self.mlm_prob)
        problems = list(self._problems())
        if problems:
            raise SettingsError(*problems)

    def _problems(self) -> Iterator[str]:
        for name in ("input_file", "output_file"):
            if not getattr(self, name):
                yield f"--{name} is required."
        yield from self.corpus_problems()
        if self.dupe_factor is not None and self.dupe_factor < 1:
            yield f"--dupe_factor must be at least 1; got {self.dupe_factor}."
        if self.mlm_schedule and self.mode is Mode.STATIC:
            yield "--mlm_schedule needs --mode=dynamic: static masks never change."
        yield from schedule_problems(
            self.mlm_schedule,
            max_seq_length=self.max_seq_length,
            max_predictions_per_seq=self.max_predictions_per_seq,
        )

    @property
    def passes(self) -> int:
        """Times the corpus is gone through."""
        return self.dupe_factor or (10 if self.mode is Mode.STATIC else 1)


def mask_problems(
    rates: dict[str, float], *, max_seq_length: int, max_predictions_per_seq: int
) -> Iterator[str]:
    """A sentence for each rate of masking that cannot be used.

    Args:
        rates: Rates by the name of their flag.
        max_seq_length: Longest sequence in tokens.
        max_predictions_per_seq: Most masked tokens of a sequence.
    """
    for name, rate in rates.items():
        wanted = int(max_seq_length * rate)
        if not 0 < rate < 1:
            yield f"--{name} must lie between 0 and 1; got {rate}."
        elif wanted > max_predictions_per_seq:
            yield (
                f"--{name}={rate} of {max_seq_length} tokens is {wanted}, and "
                f"--max_predictions_per_seq={max_predictions_per_seq} is less: raise "
                "it, or lower the rate."
            )


def schedule_problems(
    schedule: Sequence[str], *, max_seq_length: int, max_predictions_per_seq: int
) -> Iterator[str]:
    """A sentence for each point of --mlm_schedule that cannot be used."""
    for point in schedule:
        try:
            rate = float(point)
        except ValueError:
            yield f"--mlm_schedule: expected numbers such as 0.3,0.15; got {point!r}."
            continue
        yield from mask_problems(
            {"mlm_schedule": rate},
            max_seq_length=max_seq_length,
            max_predictions_per_seq=max_predictions_per_seq,
        )
