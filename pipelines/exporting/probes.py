"""What a model and its exports are asked, so that their answers can be compared."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipelines.serving.answer import Input
from pipelines.serving.predictor import example_of
from pipelines.serving.served import Served
from processors.batches.features import Features, TokenCounts
from runtime.exports.row_inputs import INPUTS

# What every kind of tokenizer has to do with, and rows of several lengths.
_TEXTS = (
    "吾輩は猫である。名前はまだ無い。",
    "メロスは激怒した。必ず、かの邪智暴虐の王を除かなければならぬと決意した。",
    "Ｅコマース事業の取扱開始や、当社独自技術を活用したｶﾞﾗｽの営業力強化",
    "Hello, World! It's 3.14 Über naïve café",
    "w1 hot cold wet",
    "東京都 千代田区　一丁目\t１番１号",
    "😀 ～ … “quoted” [SEP] ㍿ ①",
    "走れ",
    "いろはにほへとちりぬるをわかよたれそつねならむ" * 12,
    "",
)


@dataclasses.dataclass(frozen=True)
class Probes:
    """Texts, and what the model answers.

    Attributes:
        texts: Texts, or pairs.
        values: `[texts, outputs]`, probabilities or numbers.
    """

    texts: Sequence[Input]
    values: np.ndarray

    def where(self, keep: Sequence[bool]) -> Probes:
        """Some of them."""
        kept = [text for text, is_kept in zip(self.texts, keep, strict=True) if is_kept]
        return Probes(kept, self.values[np.array(keep, bool)])

    @property
    def by_name(self) -> dict[str, list[str]]:
        """The texts as a program is asked: `text`, and `text_b` of pairs."""
        if isinstance(self.texts[0], str):
            return {"text": [str(text) for text in self.texts]}
        firsts, seconds = zip(*self.texts, strict=True)
        return {"text": list(firsts), "text_b": list(seconds)}


def texts_of(served: Served) -> list[Input]:
    """The texts, or pairs, that a model is asked; each is one row."""
    if served.reading.in_windows:
        most = served.reading.max_seq_length
        rows = _rows(served, _TEXTS)
        sizes = [len(each.input_ids) for each in rows]
        return [t for t, size in zip(_TEXTS, sizes, strict=True) if size <= most]
    if not served.pairs:
        return list(_TEXTS)
    seconds = (*_TEXTS[3:-1], *_TEXTS[:4])
    return list(zip(_TEXTS, seconds, strict=True))


def block(served: Served, texts: Sequence[Input]) -> dict[str, list[list[int]]]:
    """Texts as the exported model reads them: `INPUTS`, as long as the longest.

    Args:
        served: The model.
        texts: Texts that it reads in one row each.
    """
    rows = _rows(served, texts)
    most = max(len(each.input_ids) for each in rows)
    made = np.zeros((len(INPUTS), len(rows), most), np.int32)
    for row, each in enumerate(rows):
        size = len(each.input_ids)
        made[0, row, :size] = each.input_ids
        made[1, row, :size] = 1
        made[2, row, :size] = each.segment_ids
    return dict(zip(INPUTS, made.tolist(), strict=True))


def _rows(served: Served, texts: Sequence[Any]) -> list[Features]:
    return list(served.features(map(example_of, texts), TokenCounts()))
