"""Sequences of text files, to train on at once: unmasked."""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Sequence

import numpy as np

from processors.batches.token_dataset import TokenDataset, gather
from processors.pretraining import create, documents, records
from processors.pretraining.dataset import (
    Description,
    PretrainingDataset,
    SequenceColumns,
)
from processors.pretraining.maker import SequenceMaker
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
    sentences = list(text.sentences(encoded=create.lines_encoded(settings)))
    maker = SequenceMaker(
        create.corpus_of(sentences, tokenizer=tokenizer, paths=files),
        tokenizer=tokenizer,
        settings=settings,
        mode=Mode.DYNAMIC,
        seed=seed,
    )
    description = create.describe(
        settings,
        tokenizer=tokenizer,
        mode=Mode.DYNAMIC,
        rates=(settings.masked_lm_prob,),
    )
    made = _made(maker, description)
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
    tokens, starts_word = made.tokens(), made.starts_word()

    def taken(some: np.ndarray) -> PretrainingDataset:
        return _take(tokens, some, starts_word=starts_word, description=description)

    return taken(order[held_out:]), taken(order[:held_out])


def _made(maker: SequenceMaker, description: Description) -> SequenceColumns:
    """Goes through the corpus once."""
    found = SequenceColumns()
    made = (
        record
        for number in range(maker.document_count)
        for record, _ in maker.sequences(number)
    )
    for block in records.in_blocks(made):
        records.add(found, records.columns_of(block, description=description))
    return found


def _take(
    tokens: TokenDataset,
    order: np.ndarray,
    *,
    starts_word: np.ndarray | None,
    description: Description,
) -> PretrainingDataset:
    found = tokens.take(order)
    if starts_word is not None:
        starts = tokens.offsets[order]
        starts_word = gather(starts_word, starts, lengths=found.lengths)
    return PretrainingDataset(
        tokens=found,
        predictions=None,
        starts_word=starts_word,
        description=description,
        checksums=(zlib.crc32(found.ids.data),),
    )
