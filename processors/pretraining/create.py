"""Text files to sequences for pre-training."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from random import Random

from processors.pretraining import documents, records, words
from processors.pretraining.dataset import Description
from processors.pretraining.documents import Document
from processors.pretraining.records import Record
from processors.pretraining.sequences import Cut, Segments, sequences
from processors.pretraining.settings import CorpusSettings, DataSettings, Mode
from processors.pretraining.static_masks import StaticMasks
from processors.tokenization import create as tokenizers
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError

_log = logging.getLogger(__name__)

_LOGGED = 20  # examples, as in the original


def create(settings: DataSettings) -> int:
    """Makes the records that the settings ask for.

    Args:
        settings: Text, tokenizer, masks and files.

    Returns:
        How many sequences were written.

    Raises:
        SettingsError: The tokenizer cannot be made, or no file matches.
        DataError: The text cannot be used, or the vocabulary has no [MASK].
    """
    tokenizer = tokenizers.create(settings)
    corpus = read_corpus(settings.input_file, tokenizer=tokenizer, settings=settings)
    made = make_records(
        corpus,
        tokenizer=tokenizer,
        settings=settings,
        mode=settings.mode,
        passes=settings.passes,
        seed=settings.random_seed,
    )
    for record in made[:_LOGGED]:
        _log_example(record, tokenizer=tokenizer)
    rates = tuple(map(float, settings.mlm_schedule)) or (settings.masked_lm_prob,)
    count = records.write(
        settings.output_file,
        made,
        description=describe(
            settings, tokenizer=tokenizer, mode=settings.mode, rates=rates
        ),
    )
    _log.info("Wrote %d total instances", count)
    return count


def read_corpus(
    paths: Sequence[str], *, tokenizer: Tokenizer, settings: CorpusSettings
) -> list[Document]:
    """Reads and tokenises text files.

    Args:
        paths: Files or patterns.
        tokenizer: Texts to ids.
        settings: Encoding, sentences and words.

    Raises:
        SettingsError: No file matches, or there is no such dictionary.
        DataError: A file is in another encoding, or there is no text.
    """
    encode = words.encoder(
        tokenizer,
        whole_words=settings.do_whole_word_mask,
        dictionary=settings.mecab_dic or settings.word_dic,
    )
    return documents.read_documents(
        paths,
        encode=encode,
        encoding=settings.text_encoding,
        split_sentences=settings.split_sentences,
    )


def make_records(
    corpus: list[Document],
    *,
    tokenizer: Tokenizer,
    settings: CorpusSettings,
    mode: Mode,
    passes: int,
    seed: int,
) -> list[Record]:
    """Makes sequences of documents, in random order.

    Args:
        corpus: The documents; their order is shuffled.
        tokenizer: What made their tokens.
        settings: How they are cut and masked.
        mode: Whether they are masked.
        passes: Times the corpus is gone through.
        seed: Of all choices.

    Raises:
        DataError: The vocabulary has no [MASK], or next sentences are asked for of one
            document.
    """
    rng = Random(seed)
    rng.shuffle(corpus)
    masks = _static_masks(tokenizer, settings)
    special = tokenizer.special
    cut = Cut(
        max_seq_length=settings.max_seq_length, short_seq_prob=settings.short_seq_prob
    )
    made = []
    for _ in range(passes):
        for segments in sequences(
            corpus, objective=settings.objective, cut=cut, rng=rng
        ):
            tokens, kinds = _joined(segments, cls=special.cls, sep=special.sep)
            if mode is Mode.STATIC:
                made.append(_masked(tokens, kinds, segments, masks=masks, rng=rng))
            else:
                made.append(_unmasked(tokens, kinds, segments, settings=settings))
    rng.shuffle(made)
    return made


def describe(
    settings: CorpusSettings,
    *,
    tokenizer: Tokenizer,
    mode: Mode,
    rates: tuple[float, ...],
) -> Description:
    """What the sequences of these settings have in common.

    Args:
        settings: How they are cut and masked.
        tokenizer: What made their tokens.
        mode: Whether they are masked.
        rates: Share of the tokens that are masked: one, or a schedule.

    Raises:
        DataError: The vocabulary has no [MASK].
    """
    return Description(
        mode=mode,
        objective=settings.objective.value,
        max_seq_length=settings.max_seq_length,
        max_predictions_per_seq=settings.max_predictions_per_seq,
        mlm_rates=rates,
        tokenizer=tokenizer.fingerprint(),
        vocab_size=tokenizer.vocab_size,
        special_ids={
            **dataclasses.asdict(tokenizer.special),
            "mask": _mask_id(tokenizer),
        },
    )


def _static_masks(tokenizer: Tokenizer, settings: CorpusSettings) -> StaticMasks:
    return StaticMasks(
        mask_id=_mask_id(tokenizer),
        special_ids=frozenset({tokenizer.special.cls, tokenizer.special.sep}),
        vocabulary=list(tokenizer.vocabulary.ids.values()),
        rate=settings.masked_lm_prob,
        max_predictions=settings.max_predictions_per_seq,
    )


def _mask_id(tokenizer: Tokenizer) -> int:
    if tokenizer.special.mask is None:
        raise DataError(
            "expected a vocabulary with [MASK], which stands for what is to be "
            "predicted; train one with it (scripts/train_tokenizer.py)",
            path=tokenizer.vocabulary.path,
        )
    return tokenizer.special.mask


def _joined(segments: Segments, *, cls: int, sep: int) -> tuple[list[int], list[int]]:
    """`[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, and the segment of each token."""
    first, second = segments.first, segments.second
    tokens = [cls, *first, sep]
    kinds = [0] * len(tokens)
    if second:
        tokens += [*second, sep]
        kinds += [1] * (len(second) + 1)
    return tokens, kinds


def _masked(
    tokens: list[int],
    kinds: list[int],
    segments: Segments,
    *,
    masks: StaticMasks,
    rng: Random,
) -> Record:
    masked = masks.mask(tokens, rng=rng)
    return Record(masked.ids, kinds, segments.label, masked.positions, masked.labels)


def _unmasked(
    tokens: list[int], kinds: list[int], segments: Segments, *, settings: CorpusSettings
) -> Record:
    starts = [token >= 0 for token in tokens] if settings.do_whole_word_mask else []
    ids = [~token if token < 0 else token for token in tokens]
    return Record(ids, kinds, segments.label, starts_word=starts)


def _log_example(record: Record, *, tokenizer: Tokenizer) -> None:
    _log.info("*** Example ***")
    _log.info("tokens: %s", " ".join(tokenizer.convert_ids_to_tokens(record.ids)))
    for name in ("positions", "labels"):
        values = getattr(record, name)
        _log.info("%s: %s", name, " ".join(map(str, values)))
    _log.info("next_sentence_label: %s", record.label)
