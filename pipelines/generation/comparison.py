"""What can be had without a model, measured as the model is."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipelines.generation import library_scores, scores
from processors.data_check import text_table
from processors.example import InputExample
from runtime import storage
from runtime.training.training import RunContext

Table = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Split to system to score to value."""

FIRST_SENTENCE = "first sentence"
NEAREST = "target of the nearest training text"

_SENTENCE_END = re.compile("[。！？!?]")
_LENGTHS = (16, 24, 32, 48, 64, 96, 128)  # characters of a beginning
_NGRAMS = (2, 3)
_RESAMPLES = 1000
_SEED = 0
_SIDES = (2.5, 97.5)  # of a 95 % interval, in percent

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Written:
    """What systems wrote for a split whose targets are known.

    Attributes:
        given: The targets.
        systems: System to what it wrote.
    """

    given: Sequence[str]
    systems: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Difference:
    """By how much one system's texts score more than another's.

    Attributes:
        mean: The mean over texts.
        low: Where the 95 % interval begins.
        high: Where it ends.
    """

    mean: float
    low: float
    high: float


def baselines(
    train: Sequence[InputExample],
    others: Mapping[str, Sequence[InputExample]],
) -> dict[str, dict[str, list[str]]]:
    """Split to system to what it writes, of systems that learn no weights.

    Args:
        train: Sources with targets.
        others: Splits, `dev` first; how long a beginning is best is seen by the first.
    """
    longest = _best_length(next(iter(others.values())))
    found = {}
    for split, examples in others.items():
        sources = [example.text_a for example in examples]
        found[split] = {
            FIRST_SENTENCE: list(map(first_sentence, sources)),
            f"first {longest} characters": [text[:longest] for text in sources],
            NEAREST: nearest_targets(sources, train=train),
        }
    return found


def first_sentence(text: str) -> str:
    """Returns a text up to its first full stop, exclamation or question mark."""
    end = _SENTENCE_END.search(text)
    return text if end is None else text[: end.end()]


def nearest_targets(
    sources: Sequence[str], *, train: Sequence[InputExample]
) -> list[str]:
    """Returns for each source the target of the training text that is most like it.

    Texts are compared by TF-IDF of their runs of 2 and 3 characters; of equally near
    ones the first counts.

    Args:
        sources: Texts.
        train: Sources with targets.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [example.text_a for example in train]
    shortest, longest = _NGRAMS
    shortest = min(shortest, max(map(len, texts)))  # texts of one character have none
    counter = TfidfVectorizer(
        analyzer="char", ngram_range=(shortest, longest), dtype=np.float32
    )
    known = counter.fit_transform(texts)
    asked = counter.transform(sources)
    nearest = [
        int(row.argmax())
        for start in range(0, len(sources), 256)
        for row in (asked[start : start + 256] @ known.T).toarray()
    ]
    return [train[place].text_b or "" for place in nearest]


def _best_length(examples: Sequence[InputExample]) -> int:
    given = [example.text_b or "" for example in examples]

    def score(length: int) -> float:
        written = [example.text_a[:length] for example in examples]
        return float(scores.rouge_of_each(written, given)[scores.MAIN].mean())

    return max(_LENGTHS, key=score)


def difference(one: np.ndarray, other: np.ndarray) -> Difference:
    """Compares two systems on the same texts, which are drawn again and again.

    Args:
        one: A score of each text, float `[texts]`.
        other: The other system's.

    Source: Koehn, Statistical Significance Tests for Machine Translation Evaluation,
        2004.
    """
    gains = one - other
    random = np.random.RandomState(_SEED)
    drawn = random.randint(len(gains), size=(_RESAMPLES, len(gains)))
    low, high = np.percentile(gains[drawn].mean(axis=1), _SIDES)
    return Difference(float(gains.mean()), float(low), float(high))


def compare(
    splits: Mapping[str, Written], *, name: str, context: RunContext
) -> dict[str, dict[str, dict[str, float]]]:
    """Writes compare.txt.

    Args:
        splits: What each system wrote, the model's among them.
        name: What the model is called there.
        context: Where the run writes.

    Returns:
        Split to system to score to value.
    """
    found = {
        split: {
            system: scores.likeness(texts, written.given)
            for system, texts in written.systems.items()
        }
        for split, written in splits.items()
    }
    pages = [
        page(split, written, found[split], name=name)
        for split, written in splits.items()
    ]
    storage.write_text(context.path("compare.txt"), "\n".join(pages))
    for line in "\n".join(pages).splitlines():
        _log.info("%s", line)
    return found


def page(
    split: str,
    written: Written,
    found: Mapping[str, Mapping[str, float]],
    *,
    name: str,
) -> str:
    """A split's table, and what the model's differences to the others are.

    Args:
        split: Its name.
        written: What systems wrote.
        found: System to score to value.
        name: What the model is called.
    """
    columns = [column for column in next(iter(found.values())) if column != "exact"]
    table = [[f"{split}, {len(written.given)} texts", *columns]]
    table += [
        [system, *(f"{row[column]:.1f}" for column in columns)]
        for system, row in found.items()
    ]
    lines = [text_table.aligned(table)]
    if not library_scores.are_there():
        lines.append(f"{', '.join(library_scores.NAMES)}: {library_scores.INSTALL}\n")
    of_each = {
        system: scores.rouge_of_each(texts, written.given)[scores.MAIN]
        for system, texts in written.systems.items()
    }
    for system in found:
        if system != name:
            gain = difference(of_each[name], of_each[system])
            lines.append(f"{_verdict(name, system, gain)}\n")
    return "".join(lines)


def _verdict(name: str, system: str, gain: Difference) -> str:
    if gain.low > 0:
        said = f"{name} is better than {system}"
    elif gain.high < 0:
        said = f"{system} is better than {name}"
    else:
        said = f"{name} and {system} cannot be told apart"
    return (
        f"{said}: {scores.MAIN} {gain.mean:+.1f}, 95 % interval {gain.low:+.1f} to"
        f" {gain.high:+.1f} (paired bootstrap)."
    )
