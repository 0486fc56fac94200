"""BLEU and chrF of Japanese, through sacrebleu, which need not be installed."""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping, Sequence

PACKAGES = ("sacrebleu", "MeCab", "ipadic")
"""What the extra `titles` brings; MeCab is of the package mecab-python3."""

NAMES = ("bleu_word", "bleu_char", "chrf")
INSTALL = "not measured: pip install --editable '.[titles]'"


@functools.cache
def are_there() -> bool:
    """Whether the packages are installed."""
    return all(importlib.util.find_spec(name) is not None for name in PACKAGES)


def scores(written: Sequence[str], given: Sequence[str]) -> Mapping[str, float]:
    """BLEU of MeCab's words and of characters, and chrF, of a whole corpus.

    Args:
        written: Texts, normalised.
        given: What each should be like, normalised.

    Returns:
        From 0 to 100, by name; none where the packages are not installed.
    """
    if not are_there():
        return {}
    import sacrebleu

    references = [list(given)]

    def bleu(tokenize: str) -> float:
        found = sacrebleu.corpus_bleu(
            list(written), references, tokenize=tokenize, force=True
        )
        return float(found.score)

    chrf = sacrebleu.corpus_chrf(list(written), references)
    return {
        "bleu_word": bleu("ja-mecab"),
        "bleu_char": bleu("char"),
        "chrf": float(chrf.score),
    }
