"""Requests that come while the model is busy are answered together after that."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from concurrent.futures import Executor

from pipelines.serving.answer import Answer, Input


@dataclasses.dataclass(eq=False)
class _Batch:
    """Texts that will be answered together.

    Attributes:
        texts: Of all requests.
        answered: Ends with the answers to them.
    """

    texts: list[Input] = dataclasses.field(default_factory=list)
    answered: asyncio.Task[Sequence[Answer]] | None = None


class Batching:
    """What stands in front of a model that answers one batch at a time.

    No request waits for others: what is there when the model gets free is a batch. All
    methods are called from one event loop.

    Args:
        predict: From texts to their answers.
        executor: Its one thread.
        most_texts: Of a batch; a request of more is one by itself.
        on_batch: Told how many texts each batch has.
    """

    def __init__(
        self,
        predict: Callable[[Sequence[Input]], Sequence[Answer]],
        *,
        executor: Executor,
        most_texts: int,
        on_batch: Callable[[int], None],
    ) -> None:
        self._predict = predict
        self._executor = executor
        self._most_texts = most_texts
        self._on_batch = on_batch
        self._is_free = asyncio.Lock()
        self._open = _Batch()
        self._waiting = 0

    @property
    def waiting(self) -> int:
        """Texts that are not answered yet."""
        return self._waiting

    async def answer(self, texts: Sequence[Input]) -> Sequence[Answer]:
        """The answers to a request's texts.

        Args:
            texts: At least one.
        """
        batch = self._batch_for(len(texts))
        start = len(batch.texts)
        batch.texts.extend(texts)
        if batch.answered is None:
            batch.answered = asyncio.create_task(self._compute(batch))
        self._waiting += len(texts)
        try:
            # One client who goes away must not take the others' answers along.
            answers = await asyncio.shield(batch.answered)
        finally:
            self._waiting -= len(texts)
        return answers[start : start + len(texts)]

    def _batch_for(self, count: int) -> _Batch:
        if self._open.texts and len(self._open.texts) + count > self._most_texts:
            self._open = _Batch()
        return self._open

    async def _compute(self, batch: _Batch) -> Sequence[Answer]:
        async with self._is_free:
            if self._open is batch:
                self._open = _Batch()
            self._on_batch(len(batch.texts))
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._executor, self._predict, batch.texts
            )
