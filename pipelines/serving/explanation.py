"""What a model leaned on: each part of a text is left out, and the answer compared.

It says what the model does with another text, no more and no less: it needs no
gradients, holds for any model and can be done by hand. Parts that say the same twice
each look unimportant, and a text without a part may be one that nobody would write.

Source: "occlusion" of Zeiler and Fergus 2014; "leave-one-out" of Li, Monroe and
Jurafsky 2016, Understanding Neural Networks through Representation Erasure.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from pipelines.serving.answer import Answer, Input
from pipelines.serving.predictor import Token

MOST_PARTS = 64
METHOD = (
    "Leave one out: each part of the text is removed, the rest is asked again, and the"
    " change of the answer is the part's effect."
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Part:
    """Characters that are left out together: those of one token, or of a few.

    Attributes:
        text: Which text of a pair they are of, 0 or 1.
        start: The first of them.
        end: The one after the last.
    """

    text: int
    start: int
    end: int


def parts_of(tokens: Sequence[Token]) -> list[Part]:
    """The parts of a text by its tokens; of many tokens several are one.

    Args:
        tokens: From `Predictor.tokens`.
    """
    spans = [token for token in tokens if token.end > token.start]
    size = max(1, math.ceil(len(spans) / MOST_PARTS))
    found = []
    for text in sorted({span.text for span in spans}):
        own = [span for span in spans if span.text == text]
        for first in range(0, len(own), size):
            part = own[first : first + size]
            end = max(span.end for span in part)
            found.append(Part(text=text, start=part[0].start, end=end))
    return list(dict.fromkeys(found))  # a character may be several tokens


def without(text: Input, part: Part) -> Input:
    """The text, or pair, with a part of it left out."""
    texts = [text] if isinstance(text, str) else list(text)
    whole = texts[part.text]
    texts[part.text] = whole[: part.start] + whole[part.end :]
    return texts[0] if isinstance(text, str) else (texts[0], texts[1])


def as_json(
    tokens: Sequence[Token], parts: Sequence[Part], answers: Sequence[Answer]
) -> dict[str, Any]:
    """The explanation as JSON values.

    Args:
        tokens: Of the text.
        parts: What was left out.
        answers: To the whole text, then to it without each part.
    """
    whole, *others = answers
    label = _explained(whole)
    effects = [_value(whole, label) - _value(other, label) for other in others]
    return {
        "answer": whole.as_json(),
        "explained": label,
        "method": METHOD,
        "parts": [
            {**dataclasses.asdict(part), "effect": round(effect, 6)}
            for part, effect in zip(parts, effects, strict=True)
        ],
        "tokens": [dataclasses.asdict(token) for token in tokens],
    }


def _explained(answer: Answer) -> str | None:
    """The most probable label; None where the answer is a number."""
    found = answer.probabilities
    return max(found, key=lambda label: found[label]) if found else None


def _value(answer: Answer, label: str | None) -> float:
    return answer.values[0] if label is None else answer.probabilities[label]
