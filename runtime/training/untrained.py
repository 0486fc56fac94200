"""The one rule on parts that nothing has trained: nothing is computed with them."""

from __future__ import annotations

from collections.abc import Sequence

from runtime.errors import CheckpointError


def refuse(missing: Sequence[str], *, path: str | None, work: str, advice: str) -> None:
    """Refuses to compute with parts that are still at their initial, random values.

    Args:
        missing: Names of the model's parts that the weights do not have.
        path: Where the weights lie.
        work: What would be computed, in the plural.
        advice: What to do, a sentence.

    Raises:
        CheckpointError: There are such parts.
    """
    if missing:
        raise CheckpointError(
            f"{path} has no trained {', '.join(missing)}: {work} would come from "
            f"random numbers. {advice}"
        )
