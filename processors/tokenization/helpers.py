"""Several processes that encode a long stream of texts."""

from __future__ import annotations

import contextlib
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from runtime import processes

if TYPE_CHECKING:
    from processors.tokenization.base import Tokenizer

_Texts = Sequence[str]
_Ids = list[list[int]]

# Processes take a second to start, as MeCab does for so many lists of 1,000 texts.
_FEW = 16


@dataclass(frozen=True)
class Helpers:
    """Processes that help a tokenizer.

    Args:
        make: Makes the same tokenizer in each of them; to be pickled.
        workers: How many.
    """

    make: Callable[[], Tokenizer]
    workers: int

    def encode(
        self, lists: Iterable[_Texts], *, here: Callable[[_Texts], _Ids]
    ) -> Iterator[_Ids]:
        """Yields the ids of each list of texts in turn; few are read ahead.

        Args:
            lists: They are streamed.
            here: `encode_batch` of this process, by which few lists are encoded.
        """
        rest = iter(lists)
        first = list(itertools.islice(rest, _FEW))
        if len(first) < _FEW:
            yield from map(here, first)
            return
        make_work = functools.partial(_encoding, self.make)
        encoded = processes.in_order(
            itertools.chain(first, rest), make_work=make_work, workers=self.workers
        )
        with contextlib.closing(encoded):
            yield from map(_Packed.rows, encoded)


class _Packed(NamedTuple):
    """Ids of some texts as arrays, which cost a process little to send."""

    ids: np.ndarray
    lengths: np.ndarray

    def rows(self) -> _Ids:
        ids = iter(self.ids.tolist())
        return [list(itertools.islice(ids, n)) for n in self.lengths.tolist()]


def _encoding(make: Callable[[], Tokenizer]) -> Callable[[_Texts], _Packed]:
    """What another process does."""
    tokenizer = make()

    def encode(texts: _Texts) -> _Packed:
        rows = tokenizer.encode_batch(texts)
        ids = np.fromiter(itertools.chain.from_iterable(rows), np.int32)
        return _Packed(ids, np.fromiter(map(len, rows), np.int32))

    return encode
