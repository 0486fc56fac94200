"""Training batches of texts of about the same length."""

from __future__ import annotations

import numpy as np

from processors.batches.batches import TrainBatches

_POOL = 64  # batches


class GroupedBatches(TrainBatches):
    """Training batches of texts of about the same length.

    The epoch's random order is cut into pools of batches; a pool is sorted by length,
    cut into batches, and these are shuffled. Each epoch still holds every text once,
    but texts of one length meet more often: another course of training, and a faster
    one.

    Pools are cut where the run's batches end, not where the epoch starts. The batch
    that two epochs share is filled by both with texts of about one length, drawn for
    their border.
    """

    def _order(self, epoch: int) -> np.ndarray:
        order = super()._order(epoch)
        batch, count = self._shape.global_batch, len(order)
        if count < batch:
            return order
        head, tail = -epoch * count % batch, (epoch + 1) * count % batch
        bounds = range(head + _POOL * batch, count - tail, _POOL * batch)
        ranked = [
            pool[np.argsort(self._dataset.lengths[pool], kind="stable")]
            for pool in np.split(order, bounds)
        ]
        first, ranked[0] = self._drawn(ranked[0], head, border=epoch)
        last, ranked[-1] = self._drawn(ranked[-1], tail, border=epoch + 1)
        random = np.random.RandomState([self._seed, epoch, 1])
        pools = [self._shuffled(pool, random) for pool in ranked]
        return np.concatenate([first, *pools, last])

    def _drawn(
        self, ranked: np.ndarray, count: int, *, border: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Texts of about the length that is drawn for a border, and the others."""
        place = np.random.RandomState([self._seed, border, 2]).random_sample()
        start = int(place * (len(ranked) - count))
        drawn = ranked[start : start + count]
        return drawn, np.delete(ranked, slice(start, start + count))

    def _shuffled(
        self, ranked: np.ndarray, random: np.random.RandomState
    ) -> np.ndarray:
        """The batches of a pool in random order."""
        batches = ranked.reshape(-1, self._shape.global_batch)
        return batches[random.permutation(len(batches))].ravel()
