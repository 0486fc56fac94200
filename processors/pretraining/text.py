"""Sequences of text files, to train on at once: unmasked, in memory."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from processors.pretraining import create
from processors.pretraining.dataset import Description, PretrainingDataset
from processors.pretraining.records import Record
from processors.pretraining.settings import CorpusSettings, Mode
from processors.token_dataset import UNLABELLED, TokenDataset, offsets_of
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
    corpus = create.read_corpus(paths, tokenizer=tokenizer, settings=settings)
    made = create.make_records(
        corpus,
        tokenizer=tokenizer,
        settings=settings,
        mode=Mode.DYNAMIC,
        passes=1,
        seed=seed,
    )
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
        _dataset(made[held_out:], description),
        _dataset(made[:held_out], description),
    )


def _dataset(made: Sequence[Record], description: Description) -> PretrainingDataset:
    ids = np.concatenate([np.array(record.ids, np.int32) for record in made])
    starts = [np.array(record.starts_word, np.bool_) for record in made]
    labels = [UNLABELLED if record.label is None else record.label for record in made]
    return PretrainingDataset(
        tokens=TokenDataset(
            ids=ids,
            segments=np.concatenate(
                [np.array(record.segments, np.int8) for record in made]
            ),
            offsets=offsets_of([len(record.ids) for record in made]),
            label_ids=np.array(labels, np.int32),
        ),
        predictions=None,
        starts_word=np.concatenate(starts) if made[0].starts_word else None,
        description=description,
        checksums=(zlib.crc32(ids.tobytes()),),
    )
