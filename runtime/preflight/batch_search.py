"""The largest batch that fits into a device's memory, by few compilations.

Memory grows about linearly with the batch, so two answers tell where to look next; and
refusals are cheap, since a program is refused before code is made for it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence


@dataclasses.dataclass(frozen=True)
class Trial:
    """What came of one batch.

    Attributes:
        batch: Examples a device.
        fits: Whether it fitted.
        share: Memory it takes as a share of what there is; None where not known.
    """

    batch: int
    fits: bool
    share: float | None


def largest_batch(
    attempt: Callable[[int], Trial],
    *,
    batch: int,
    multiple: int = 8,
    enough: int = 4096,
) -> Trial | None:
    """Searches among the multiples of `multiple`, and below it all numbers.

    Args:
        attempt: Tries a batch.
        batch: Where to start.
        multiple: Of what the result is a multiple.
        enough: Where it and all before it fit, the search ends.

    Returns:
        The largest that fits, or one of at least `enough` where all fitted; None where
        a batch of 1 does not fit.
    """
    fitted: list[Trial] = []
    failing: Trial | None = None
    candidate: int | None = batch
    while candidate is not None:
        trial = attempt(candidate)
        if trial.fits:
            fitted.append(trial)
        else:
            failing = trial
        candidate = _next(fitted, failing, multiple=multiple, enough=enough)
    return fitted[-1] if fitted else None


def _next(
    fitted: Sequence[Trial], failing: Trial | None, *, multiple: int, enough: int
) -> int | None:
    """The batch to try next, or None when there is none left between.

    Args:
        fitted: Trials that fitted, each larger than the one before.
        failing: The smallest that did not.
        multiple: See `largest_batch`.
        enough: See `largest_batch`.
    """
    fitting = fitted[-1] if fitted else None
    if failing is None and fitting is not None:
        if fitting.batch >= enough:
            return None
        # Beyond what fits, but not by much: a refusal costs little and says a lot.
        guess = 1.5 * fitting.batch / (fitting.share or 0.5)
        wanted = max(_rounded(guess, multiple=multiple), 4 * fitting.batch)
        return min(wanted, enough)
    if failing is None or failing.batch == 1:
        return None
    low = fitting.batch if fitting else 0
    step = multiple if failing.batch > multiple else 1
    if failing.batch - low <= step:
        return None
    guess = _rounded(_where_full(fitted, failing), multiple=step)
    lowest = low // step * step + step
    highest = (failing.batch - 1) // step * step
    return min(max(guess, lowest), highest)


def _where_full(fitted: Sequence[Trial], failing: Trial) -> float:
    """The batch at which a straight line through two trials reaches all memory."""
    known = [trial for trial in (*fitted[-2:], failing) if trial.share is not None]
    if len(known) > 1:
        (low, less), (high, more) = ((t.batch, t.share or 0.0) for t in known[-2:])
        if more > less:
            return low + (1 - less) * (high - low) / (more - less)
    if failing.share is not None:
        return failing.batch / failing.share
    return (failing.batch + (fitted[-1].batch if fitted else 0)) / 2


def _rounded(batch: float, *, multiple: int) -> int:
    return max(int(batch // multiple) * multiple, 1)
