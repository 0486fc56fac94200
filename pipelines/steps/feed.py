"""The batches of a run, as its training loop reads them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from processors.batches.batches import Batch, TrainBatches, stack
from runtime.engine.engine import Arrays
from runtime.training import loop


def feed(
    batches: TrainBatches,
    *,
    names: Callable[[Batch], Sequence[str]],
    arrays: Callable[[Sequence[Batch], range], Arrays] = lambda several, _: stack(
        several
    ),
) -> loop.BatchFeed:
    """Makes the feed of a training loop.

    Args:
        batches: The training batches.
        names: What the examples of a batch are called; for messages.
        arrays: What the model reads of some batches, those of a range of updates.

    Returns:
        A pure function of the updates asked for.
    """

    def call(first: int, stop: int) -> loop.CallBatch:
        steps = range(first, stop)
        several = [batches.batch(step) for step in steps]
        return loop.CallBatch(
            arrays=arrays(several, steps),
            examples=sum(batch.example_index.size for batch in several),
            tokens=sum(batch.real_tokens for batch in several),
            names=lambda index: names(several[index]),
        )

    return call
