"""Requests that wait are answered together, and each has its own answers."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipelines.serving.batching import Batching


class Slow:
    """Answers a batch when it is let."""

    def __init__(self):
        self.batches = []
        self.may_go_on = threading.Semaphore(0)

    def __call__(self, texts):
        self.may_go_on.acquire()
        self.batches.append(list(texts))
        if "bad" in texts:
            raise ValueError("bad")
        return [text.upper() for text in texts]


def together(*requests, most_texts=8, cancel=None):
    """Asks all at once; returns the answers and the batches they came in."""
    slow, told = Slow(), []

    async def run():
        with ThreadPoolExecutor(1) as executor:
            batching = Batching(
                slow, executor=executor, most_texts=most_texts, on_batch=told.append
            )
            tasks = []
            for texts in requests:
                tasks.append(asyncio.create_task(batching.answer(texts)))
                await asyncio.sleep(0.01)
            assert batching.waiting == sum(map(len, requests))
            if cancel is not None:
                tasks[cancel].cancel()
            for _ in requests:
                slow.may_go_on.release()
            found = await asyncio.gather(*tasks, return_exceptions=True)
            assert batching.waiting == 0
            return found

    found = asyncio.run(run())
    assert told == [len(batch) for batch in slow.batches]
    return found, slow.batches


def test_what_waits_while_the_model_is_busy_is_one_batch():
    found, batches = together(["a"], ["b", "c"], ["d"])
    assert found == [["A"], ["B", "C"], ["D"]]
    assert batches == [["a"], ["b", "c", "d"]]


def test_a_batch_has_a_limit():
    _, batches = together(["a"], ["b"] * 5, ["c"] * 4, ["d"] * 9, most_texts=8)
    assert list(map(len, batches)) == [1, 5, 4, 9]


def test_a_client_who_goes_away_takes_nobody_along():
    found, batches = together(["a"], ["b"], ["c"], cancel=1)
    assert isinstance(found[1], asyncio.CancelledError)
    assert (found[0], found[2]) == (["A"], ["C"])
    assert batches == [["a"], ["b", "c"]]


def test_an_error_reaches_those_it_concerns():
    found, _ = together(["a"], ["bad"])
    assert found[0] == ["A"]
    with pytest.raises(ValueError, match="bad"):
        raise found[1]
