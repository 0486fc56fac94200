"""Texts to vectors, each distinct text once, whatever pairs it is in.

What is kept depends on the encoder alone, not on the head. Keras is loaded where there
is a text that was not encoded before, and not otherwise.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from processors.batches.features import Features, encode
from processors.batches.texts_apart import token_mask
from processors.example import InputExample
from processors.tokenization.base import Tokenizer
from runtime.devices.placement import Placement, Precision
from tf_bert.formats.source import Source
from tf_bert.model.config import BertConfig
from tf_bert.pairs.heads import Attend
from tf_bert.pairs.settings import TextPooling
from tf_bert.vectors.vector_cache import UNKNOWN, VectorCache, key_of

_ENCODER = "bert/"
_POOLER = "bert/pooler/"
_NUMBERS_A_FILE = 1 << 25  # 64 MB of float16

_log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept of a text.

    Attributes:
        pooling: What its vector is.
        attend: Whether those of its tokens are kept behind it.
        max_seq_length: Longest text in tokens, [CLS] and [SEP] included.
        dtype: float16 or float32.
        precision: Arithmetic of the encoder.
    """

    pooling: TextPooling
    attend: Attend
    max_seq_length: int
    dtype: str = "float16"
    precision: Precision = Precision.FLOAT32


@dataclasses.dataclass(frozen=True, eq=False)
class Encoded:
    """Texts, encoded.

    Attributes:
        cache: Their vectors.
        places: Where the vectors of each text are, int64 `[texts]`.
        attend: What is kept of each.
    """

    cache: VectorCache
    places: np.ndarray
    attend: Attend

    def __len__(self) -> int:
        return len(self.places)

    def vectors(self, index: np.ndarray) -> np.ndarray:
        """The vectors of some texts, float32 `[index, hidden]`."""
        return self._rows(index)[0]

    def tokens(
        self, index: np.ndarray, *, columns: int | None = None
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors, token vectors and mask of some texts; see `PairHead.of_tokens`.

        Args:
            index: Which.
            columns: Of tokens; None for as many as the longest of them has.
        """
        vectors, rows, lengths = self._rows(index)
        mask = token_mask(lengths, buckets=(columns or int(lengths.max(initial=1)),))
        found = np.zeros((*mask.shape, rows.shape[-1]), np.float32)
        found[mask > 0] = rows
        return vectors, found, mask

    @property
    def longest(self) -> int:
        """Tokens of the longest text; 0 where none are kept."""
        if self.attend is Attend.VECTORS:
            return 0
        return int(self.lengths.max(initial=1))

    @functools.cached_property
    def lengths(self) -> np.ndarray:
        """Token vectors that are kept of each text, int64 `[texts]`."""
        return self.cache.lengths(self.places) - 1

    @property
    def width(self) -> int:
        """Numbers in a vector."""
        return self.cache.width

    def _rows(self, index: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of texts, those of their tokens end to end, and how many each has."""
        places = self.places[index]
        lengths = self.cache.lengths(places)
        rows = self.cache.vectors(places)
        firsts = np.cumsum(lengths) - lengths
        is_token = np.ones(len(rows), bool)
        is_token[firsts] = False
        return rows[firsts], rows[is_token], lengths - 1


@dataclasses.dataclass
class EncodingReport:
    """What encoding took.

    Attributes:
        texts: Distinct texts.
        found: Those of them that were in the cache.
        seconds_finding: To tokenise them and to look for them.
        seconds_encoding: To encode the others.
        bytes: Of all vectors in the cache.
        cut: Texts that were longer than `max_seq_length`.
    """

    texts: int = 0
    found: int = 0
    seconds_finding: float = 0.0
    seconds_encoding: float = 0.0
    bytes: int = 0
    cut: int = 0

    def lines(self) -> list[str]:
        """As a page, `key = value`."""
        return [
            f"texts = {self.texts}",
            f"found = {self.found}",
            f"encoded = {self.texts - self.found}",
            f"cut = {self.cut}",
            f"seconds_finding = {self.seconds_finding:.2f}",
            f"seconds_encoding = {self.seconds_encoding:.2f}",
            f"bytes = {self.bytes}",
        ]


class TextEncoder:
    """The encoder of a bi-encoder.

    Args:
        source: Its weights.
        config: Its sizes.
        tokenizer: Texts to ids.
        kept: What is kept of a text.
        place: Chooses the devices, called where a text is to be encoded.
        batch_size: Texts a batch.
    """

    def __init__(
        self,
        source: Source,
        *,
        config: BertConfig,
        tokenizer: Tokenizer,
        kept: Kept,
        place: Callable[[], Placement],
        batch_size: int = 64,
    ) -> None:
        self._source = source
        self._config = config
        self._tokenizer = tokenizer
        self._kept = kept
        self._place = place
        self._batch_size = batch_size
        self.report = EncodingReport()

    def encode(self, texts: Iterable[str], *, cache: str | None = None) -> Encoded:
        """Encodes texts that the cache has not.

        Args:
            texts: In any order, also more than once.
            cache: Folder of the cache; None keeps vectors in memory.

        Returns:
            Where the vectors of each text are, in the order of the texts.

        Raises:
            SettingsError: The cache is of another encoder.
            DataError: It is damaged, or vectors cannot be kept in its precision.
        """
        return self.encode_rows(self._features(texts), cache=cache)

    def encode_rows(
        self, texts: Iterable[Features], *, cache: str | None = None
    ) -> Encoded:
        """Encodes texts whose tokens are known; see `encode`.

        Args:
            texts: Of each, `[CLS] text [SEP]`.
            cache: As for `encode`, as are results and errors.
        """
        started = time.perf_counter()
        kept = self._kept
        store = VectorCache(cache, made_by=self.identity(), dtype=kept.dtype)
        rows = list(texts)
        keys = [key_of(row) for row in rows]
        distinct = dict(zip(keys, rows, strict=True))
        is_new = store.find(list(distinct)) == UNKNOWN
        unseen = {
            key: row
            for (key, row), new in zip(distinct.items(), is_new, strict=True)
            if new
        }
        found = time.perf_counter()
        if unseen:
            self._encode(unseen, store=store)
        report = self.report
        report.texts, report.found = len(distinct), len(distinct) - len(unseen)
        report.seconds_finding = found - started
        report.seconds_encoding = time.perf_counter() - found
        report.bytes = store.size
        return Encoded(store, store.find(keys), kept.attend)

    def identity(self) -> dict[str, str]:
        """What decides the vectors of a text, in words; other values, other vectors."""
        kept = self._kept
        about = {
            "weights": self._digest_of_weights,
            "config": _digest(self._config.to_dict()),
            "tokenizer": _digest(self._tokenizer.fingerprint()),
            "max_seq_length": str(kept.max_seq_length),
            "pooling": kept.pooling.value,
            "kept": kept.attend.value,
            "kept as": kept.dtype,
            "precision": kept.precision.value,
        }
        return {"fingerprint": _digest(about), **about}

    @functools.cached_property
    def _digest_of_weights(self) -> str:
        is_pooled = self._kept.pooling is TextPooling.POOLED
        digest = hashlib.sha256()
        for name in sorted(self._source.shapes()):
            if name.startswith(_ENCODER) and (
                is_pooled or not name.startswith(_POOLER)
            ):
                digest.update(name.encode())
                digest.update(self._source.read(name).tobytes())
        return digest.hexdigest()[:32]

    def _features(self, texts: Iterable[str]) -> Iterator[Features]:
        """`[CLS] text [SEP]` of each text."""
        special, longest = self._tokenizer.special, self._kept.max_seq_length - 2
        self.report.cut = 0
        examples = (InputExample(str(n), text) for n, text in enumerate(texts))
        for _, ids, _ in encode(examples, tokenizer=self._tokenizer):
            self.report.cut += len(ids) > longest
            row = np.array([special.cls, *ids[:longest], special.sep], np.int32)
            yield Features(row, np.zeros(len(row), np.int32), None)

    def _encode(self, unseen: Mapping[bytes, Features], *, store: VectorCache) -> None:
        """Encodes texts and keeps what was made, file by file."""
        encoder = self._load()
        keys = sorted(unseen, key=lambda key: len(unseen[key].input_ids))
        for part in _parts(keys, unseen, width=self._width):
            made = encoder.vectors([unseen[key] for key in part])
            store.add(dict(zip(part, map(self._entry, made), strict=True)))
            _log.info("Encoded %d texts", len(part))

    @property
    def _width(self) -> Callable[[Features], int]:
        """Numbers that are kept of a text."""
        hidden = self._config.hidden_size
        if self._kept.attend is Attend.VECTORS:
            return lambda _: hidden
        return lambda row: hidden * (len(row.input_ids) + 1)

    def _load(self) -> Any:
        placement = self._place()  # before Keras is imported
        from processors.batches.batch_shape import PadTo
        from tf_bert.vectors.encoder import VectorEncoder, WantedVectors
        from tf_bert.vectors.settings import Pooling

        of_texts = {
            TextPooling.MEAN: Pooling.MEAN,
            TextPooling.CLS: Pooling.CLS,
            TextPooling.POOLED: Pooling.POOLED,
        }
        with_tokens = self._kept.attend is Attend.TOKENS
        pooling = self._kept.pooling
        return VectorEncoder(
            self._config,
            source=self._source,
            wanted=WantedVectors(
                pooling=Pooling.LAYERS if with_tokens else of_texts[pooling],
                max_seq_length=self._kept.max_seq_length,
                batch_size=self._batch_size,
                pad_to=PadTo.PACK,
            ),
            placement=placement,
        )

    def _entry(self, made: np.ndarray) -> np.ndarray:
        """What is kept of a text: `[1, hidden]`, or `[1 + tokens, hidden]`."""
        rows = made.reshape(-1, made.shape[-1])
        if self._kept.attend is Attend.VECTORS:
            return rows
        return np.concatenate([self._pooled(rows)[np.newaxis], rows])

    def _pooled(self, tokens: np.ndarray) -> np.ndarray:
        if self._kept.pooling is TextPooling.MEAN:
            mean: np.ndarray = tokens.mean(axis=0)
            return mean
        if self._kept.pooling is TextPooling.CLS:
            return tokens[0]
        kernel = self._source.read(f"{_POOLER}dense/kernel")
        bias = self._source.read(f"{_POOLER}dense/bias")
        pooled: np.ndarray = np.tanh(tokens[0] @ kernel + bias)
        return pooled


def _parts(
    keys: Sequence[bytes],
    features: Mapping[bytes, Features],
    *,
    width: Callable[[Features], int],
) -> Iterator[list[bytes]]:
    """Cuts keys into lists of texts whose vectors fill a file each."""
    part: list[bytes] = []
    numbers = 0
    for key in keys:
        more = width(features[key])
        if part and numbers + more > _NUMBERS_A_FILE:
            yield part
            part, numbers = [], 0
        part.append(key)
        numbers += more
    if part:
        yield part


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
