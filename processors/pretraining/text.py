"""Sequences of text files, to train on at once: unmasked, in memory."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence

import numpy as np

from processors.batches.token_dataset import (
    UNLABELLED,
    TokenDataset,
    offsets_of,
    ranges,
)
from processors.pretraining import create, documents
from processors.pretraining.dataset import Description, PretrainingDataset
from processors.pretraining.maker import SequenceMaker
from processors.pretraining.records import Record
from processors.pretraining.settings import CorpusSettings, Mode
from processors.pretraining.static_masks import shuffle
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError


def read_splits(
    paths: Sequence[str],
    *,
    tokenizer: Tokenizer,
    settings: CorpusSettings,
    eval_share: float,
    seed: int,
) -> tuple[PretrainingDataset, PretrainingDataset]:
    """Reads text and holds out some of its sequences.

    Args:
        paths: Files or patterns.
        tokenizer: Texts to ids.
        settings: How sequences are made.
        eval_share: Share of them that is held out.
        seed: Of all choices.

    Returns:
        What is trained on and what is evaluated on. Random next sentences aside, no
        token is in both.

    Raises:
        DataError: The text cannot be used, or it is too short to hold some out.
    """
    files = documents.find_files(paths)
    text = create.open_text(files, tokenizer=tokenizer, settings=settings)
    maker = SequenceMaker(
        create.corpus_of(list(text.sentences()), tokenizer=tokenizer, paths=files),
        tokenizer=tokenizer,
        settings=settings,
        mode=Mode.DYNAMIC,
        seed=seed,
    )
    made = _Columns.of(maker)
    numbers = array("q", range(len(made)))
    shuffle(numbers, rng=maker.rng)
    order = np.array(numbers)
    held_out = round(len(made) * eval_share)
    if not 0 < held_out < len(made):
        raise DataError(
            f"The text makes {len(made)} sequences; --eval_share={eval_share} of them "
            "leaves none to train or to evaluate on.",
            path=", ".join(paths),
        )
    description = create.describe(
        settings,
        tokenizer=tokenizer,
        mode=Mode.DYNAMIC,
        rates=(settings.masked_lm_prob,),
    )
    return (
        made.dataset(order[held_out:], description),
        made.dataset(order[:held_out], description),
    )


class _Columns:
    """Sequences in the order in which they are made, one long column each."""

    def __init__(self) -> None:
        self._ids, self._segments = array("i"), array("b")
        self._lengths, self._labels = array("i"), array("i")
        self._starts_word = array("b")

    @classmethod
    def of(cls, maker: SequenceMaker) -> _Columns:
        """Goes through the corpus once."""
        found = cls()
        for number in range(maker.document_count):
            for record, _ in maker.sequences(number):
                found.add(record)
        return found

    def add(self, record: Record) -> None:
        """Adds a sequence."""
        self._ids.extend(record.ids)
        self._segments.extend(record.segments)
        self._lengths.append(len(record.ids))
        self._labels.append(UNLABELLED if record.label is None else record.label)
        self._starts_word.extend(record.starts_word)

    def __len__(self) -> int:
        return len(self._lengths)

    def dataset(
        self, order: np.ndarray, description: Description
    ) -> PretrainingDataset:
        """Some of the sequences.

        Args:
            order: Their numbers, int64 [any].
            description: What they have in common.
        """
        whole = TokenDataset(
            ids=np.array(self._ids, np.int32),
            segments=np.array(self._segments, np.int8),
            offsets=offsets_of(self._lengths),
            label_ids=np.array(self._labels, np.int32),
        )
        tokens = whole.take(order)
        places = ranges(whole.offsets[order], lengths=tokens.lengths)
        starts = np.array(self._starts_word, np.bool_)
        return PretrainingDataset(
            tokens=tokens,
            predictions=None,
            starts_word=starts[places] if starts.size else None,
            description=description,
            checksums=(zlib.crc32(tokens.ids.tobytes()),),
        )
