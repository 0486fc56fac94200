"""How much texts that were written are like those that were given.

Texts are compared in a normal form, in which width, case and runs of spaces do not
count: vocabularies do not keep these. Every text counts once; one that is empty has 0.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from pipelines.generation import library_scores, rouge
from processors.tokenization.mecab_words import MecabWords

MAIN = "rougeL_char"
"""The score by which systems are compared."""

_REPEATED = 4  # characters of a run that occurs twice
_PERCENT = 100.0


def normalise(text: str) -> str:
    """Returns a text in the form in which texts are compared."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().split())


def characters(text: str) -> str:
    """Returns the characters of a normal form that are no white space."""
    return "".join(text.split())


def words(text: str) -> list[str]:
    """Returns the words of a normal form, as MeCab finds them with unidic-lite."""
    return _mecab().find(text)


@functools.cache
def _mecab() -> MecabWords:
    return MecabWords(normalize=False)


def rouge_of_each(
    written: Sequence[str], given: Sequence[str]
) -> dict[str, np.ndarray]:
    """ROUGE of each text.

    Args:
        written: Texts.
        given: What each should be like.

    Returns:
        `rouge1_char`, `rouge2_char`, `rougeL_char` and the same of words: float64
        `[texts]`, from 0 to 100.
    """
    pairs = [(normalise(w), normalise(g)) for w, g in zip(written, given, strict=True)]
    found = {}
    for unit, cut in (("char", characters), ("word", words)):
        tokens = [(cut(ours), cut(theirs)) for ours, theirs in pairs]
        for name, measure in _ROUGE.items():
            values = [measure(ours, theirs) for ours, theirs in tokens]
            found[f"{name}_{unit}"] = _PERCENT * np.array(values)
    return found


_ROUGE: Mapping[str, Callable[[Sequence[str], Sequence[str]], float]] = {
    "rouge1": functools.partial(rouge.rouge_n, n=1),
    "rouge2": functools.partial(rouge.rouge_n, n=2),
    "rougeL": rouge.rouge_l,
}


def likeness(written: Sequence[str], given: Sequence[str]) -> dict[str, float]:
    """ROUGE, BLEU, chrF and exact matches of some texts.

    Args:
        written: Texts.
        given: What each should be like.

    Returns:
        From 0 to 100, by name, the mean over texts or of the corpus; those of sacrebleu
        only where that is installed. `exact` is a share.
    """
    ours, theirs = list(map(normalise, written)), list(map(normalise, given))
    return {
        **{name: float(v.mean()) for name, v in rouge_of_each(written, given).items()},
        **library_scores.scores(ours, theirs),
        "exact": float(np.mean([w == g for w, g in zip(ours, theirs, strict=True)])),
    }


def habits(
    written: Sequence[str], given: Sequence[str], *, training: Sequence[str]
) -> Mapping[str, float]:
    """How texts are written, whatever they say.

    Args:
        written: Texts.
        given: What each should be like.
        training: The targets that the model has learned from; none where they are not
            known.

    Returns:
        `length_ratio`, characters written for each given; and shares of the texts:
        `repeated`, in which a run of four characters occurs twice; `distinct`, how many
        different ones there are; `copied`, how many are a training target, where
        these are known.
    """
    ours, theirs = list(map(normalise, written)), list(map(normalise, given))
    known = set(map(normalise, training))
    found = {
        "length_ratio": _length(ours) / max(_length(theirs), 1),
        "repeated": float(np.mean(list(map(_repeats, ours)))),
        "distinct": len(set(ours)) / len(ours),
    }
    if known:
        found["copied"] = float(np.mean([text in known for text in ours]))
    return found


def _length(texts: Sequence[str]) -> int:
    return sum(len(characters(text)) for text in texts)


def _repeats(text: str) -> bool:
    kept = characters(text)
    runs = [
        kept[start : start + _REPEATED] for start in range(len(kept) - _REPEATED + 1)
    ]
    return len(set(runs)) < len(runs)
