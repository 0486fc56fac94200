"""Sequences of a corpus, document by document and pass by pass.

Source: google-research/bert, create_pretraining_data.py, create_training_instances,
whose order of random numbers is kept: of the same seed come the same sequences.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from random import Random

from processors.pretraining.corpus import Corpus
from processors.pretraining.records import Record
from processors.pretraining.sequences import Cut, Segments, refuse_single, sequences
from processors.pretraining.settings import CorpusSettings, Mode
from processors.pretraining.static_masks import StaticMasks, shuffle
from processors.tokenization.base import Tokenizer
from runtime.errors import DataError


class SequenceMaker:
    """Cuts the documents of a corpus to sequences, and masks them.

    Args:
        corpus: The documents.
        tokenizer: What made their tokens.
        settings: How they are cut and masked.
        mode: Whether they are masked.
        seed: Of all choices.

    Attributes:
        rng: Source of all choices, after those for the order of the documents.
        document_count: Documents of the corpus.

    Raises:
        DataError: The vocabulary has no [MASK], or next sentences are asked for of one
            document.
    """

    def __init__(
        self,
        corpus: Corpus,
        *,
        tokenizer: Tokenizer,
        settings: CorpusSettings,
        mode: Mode,
        seed: int,
    ) -> None:
        refuse_single(corpus, objective=settings.objective)
        self._corpus = corpus
        self.document_count = len(corpus)
        self._settings = settings
        self._special = tokenizer.special
        self._masks = static_masks(tokenizer, settings) if mode is Mode.STATIC else None
        self._cut = Cut(
            max_seq_length=settings.max_seq_length,
            short_seq_prob=settings.short_seq_prob,
        )
        self.rng = Random(seed)
        self._order = array("q", range(len(corpus)))
        shuffle(self._order, rng=self.rng)

    def sequences(self, number: int) -> Iterator[tuple[Record, Segments]]:
        """Yields the sequences of the next document.

        Args:
            number: How many documents came before, in all passes together.
        """
        for segments in sequences(
            self._corpus,
            number % self.document_count,
            order=self._order,
            objective=self._settings.objective,
            cut=self._cut,
            rng=self.rng,
        ):
            yield self._record(segments), segments

    def _record(self, segments: Segments) -> Record:
        tokens, kinds = self._joined(segments)
        if self._masks is not None:
            masked = self._masks.mask(tokens, rng=self.rng)
            return Record(
                masked.ids, kinds, segments.label, masked.positions, masked.labels
            )
        whole = self._settings.do_whole_word_mask
        return Record(
            ids=[~token if token < 0 else token for token in tokens],
            segments=kinds,
            label=segments.label,
            starts_word=[token >= 0 for token in tokens] if whole else [],
        )

    def _joined(self, segments: Segments) -> tuple[list[int], list[int]]:
        """`[CLS] a [SEP]` or `[CLS] a [SEP] b [SEP]`, and the segment of each token."""
        first, second = segments.first, segments.second
        tokens = [self._special.cls, *first, self._special.sep]
        kinds = [0] * len(tokens)
        if second:
            tokens += [*second, self._special.sep]
            kinds += [1] * (len(second) + 1)
        return tokens, kinds


def static_masks(tokenizer: Tokenizer, settings: CorpusSettings) -> StaticMasks:
    """What masks the tokens of a tokenizer.

    Raises:
        DataError: The vocabulary has no [MASK].
    """
    return StaticMasks(
        mask_id=mask_id(tokenizer),
        special_ids=frozenset({tokenizer.special.cls, tokenizer.special.sep}),
        vocabulary=list(tokenizer.vocabulary.ids.values()),
        rate=settings.masked_lm_prob,
        max_predictions=settings.max_predictions_per_seq,
    )


def mask_id(tokenizer: Tokenizer) -> int:
    """The id of [MASK].

    Raises:
        DataError: The vocabulary has none.
    """
    if tokenizer.special.mask is None:
        raise DataError(
            "expected a vocabulary with [MASK], which stands for what is to be "
            "predicted; train one with it (scripts/train_tokenizer.py)",
            path=tokenizer.vocabulary.path,
        )
    return tokenizer.special.mask
