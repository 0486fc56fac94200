"""The batches of the next call, made while the devices do this one's."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

_Call = TypeVar("_Call")

_Span = tuple[int, int]


class FeedAhead(Generic[_Call]):
    """Hands out what a feed makes, one call ahead.

    A feed is a pure function of the updates, so what is made early is what would be
    made late. It is called by one thread only.

    Args:
        feed: Makes the batches of the updates `first` to `stop - 1`.
        pool: Its thread.
    """

    def __init__(
        self, feed: Callable[[int, int], _Call], *, pool: ThreadPoolExecutor
    ) -> None:
        self._feed = feed
        self._pool = pool
        self._made: dict[_Span, Future[_Call]] = {}

    def take(self, span: _Span) -> _Call:
        """The batches of a call; those made for another are dropped.

        Args:
            span: First update, and the one after the last.
        """
        made = self._made.pop(span, None) or self._pool.submit(self._feed, *span)
        self._made.clear()
        return made.result()

    def prepare(self, span: _Span) -> None:
        """Begins to make the batches of the call that is expected next."""
        self._made[span] = self._pool.submit(self._feed, *span)


@contextlib.contextmanager
def opened(feed: Callable[[int, int], _Call]) -> Iterator[FeedAhead[_Call]]:
    """Yields a feed that is one call ahead; ends its thread afterwards."""
    pool = ThreadPoolExecutor(1, thread_name_prefix="feed")
    try:
        yield FeedAhead(feed, pool=pool)
    finally:
        pool.shutdown(cancel_futures=True)
