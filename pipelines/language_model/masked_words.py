"""What a model predicts for masked tokens, for people to read."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from processors.tokenization.base import Tokenizer
from runtime import storage

_AROUND = 12  # tokens of context on either side
_BEST = 3


@dataclasses.dataclass(frozen=True)
class Shown:
    """One masked token.

    Attributes:
        context: The tokens around it, with brackets around what the model saw there.
        answer: The token that stood there.
        predictions: The most probable tokens with their probabilities.
    """

    context: str
    answer: str
    predictions: tuple[tuple[str, float], ...]


def show(
    outputs: Mapping[str, np.ndarray],
    arrays: Mapping[str, np.ndarray],
    *,
    tokenizer: Tokenizer,
) -> list[Shown]:
    """Puts the predictions of a batch into words.

    Args:
        outputs: What the model says, `[replicas, ...]`.
        arrays: What it was given, `[replicas, ...]`.
        tokenizer: Ids to tokens.

    Returns:
        One for each masked token.
    """
    found = []
    for replica, place in np.argwhere(arrays["masked_weight"] > 0):
        ids, probabilities = (
            outputs[name][replica, place, :_BEST]
            for name in ("best_ids", "best_probabilities")
        )
        answer = [int(arrays["masked_ids"][replica, place])]
        names = tokenizer.convert_ids_to_tokens(ids.tolist())
        found.append(
            Shown(
                context=_context(arrays, replica, place, tokenizer=tokenizer),
                answer=tokenizer.convert_ids_to_tokens(answer)[0],
                predictions=tuple(zip(names, probabilities.tolist(), strict=True)),
            )
        )
    return found


def as_json(shown: Sequence[Shown]) -> list[dict[str, Any]]:
    """Masked tokens as JSON values; a checkpoint carries them."""
    return [dataclasses.asdict(each) for each in shown]


def from_json(values: Sequence[Mapping[str, Any]]) -> list[Shown]:
    """The masked tokens of which `as_json` has made these values."""
    return [
        Shown(
            context=each["context"],
            answer=each["answer"],
            predictions=tuple((token, share) for token, share in each["predictions"]),
        )
        for each in values
    ]


def write(path: str, *, before: Sequence[Shown], after: Sequence[Shown]) -> None:
    """Writes predictions before and after training side by side.

    Args:
        path: The text file.
        before: As they were.
        after: As they are, of the same masked tokens.
    """
    right = [_right(shown) for shown in (before, after)]
    lines = [f"Right: {right[0]} of {len(before)} before, {right[1]} after.", ""]
    for earlier, later in zip(before, after, strict=True):
        lines += [
            earlier.context,
            f"  answer  {earlier.answer}",
            f"  before  {_listed(earlier)}",
            f"  after   {_listed(later)}",
            "",
        ]
    storage.write_text(path, "\n".join(lines))


def _context(
    arrays: Mapping[str, np.ndarray], replica: int, place: int, *, tokenizer: Tokenizer
) -> str:
    ids, owners = (
        arrays[name][replica].ravel() for name in ("input_ids", "example_ids")
    )
    row_length = arrays["input_ids"].shape[-1]
    centre = int(arrays["masked_positions"][replica, place])
    row = centre - centre % row_length
    span = range(
        max(row, centre - _AROUND), min(row + row_length, centre + _AROUND + 1)
    )
    inside = [at for at in span if owners[at] == owners[centre]]
    tokens = tokenizer.convert_ids_to_tokens(ids[inside].tolist())
    return " ".join(
        f"【{token}】" if at == centre else token
        for at, token in zip(inside, tokens, strict=True)
    )


def _right(shown: Sequence[Shown]) -> int:
    return sum(each.predictions[0][0] == each.answer for each in shown)


def _listed(shown: Shown) -> str:
    return ", ".join(f"{token} {share:.2f}" for token, share in shown.predictions)
