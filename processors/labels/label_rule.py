"""Which labels the rows of a split may have."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from processors.labels import label_names

_PREDICT = (
    "To predict without labels, leave the label column of the test file out, or empty."
)


@dataclass(frozen=True, kw_only=True)
class LabelRule:
    """Which labels the rows of a split may have.

    Args:
        task: What errors call the task.
        labels: Its labels; none allows any.
        is_required: Whether every row must have one.
        test_labels: Returns the labels of the test file; None in another split. Where
            all of that file's are one that is none of the task's, it is a placeholder:
            what becomes of it, those decide who read the examples.
    """

    task: str
    labels: Collection[str]
    is_required: bool
    test_labels: Callable[[], Collection[str]] | None = None

    def problem(self, found: Sequence[str] | None) -> str | None:
        """Returns why a row cannot have these labels; None where it can.

        Args:
            found: Its labels; None where it is unlabelled.
        """
        if found is None:
            return (
                "the label is empty, and rows to train or evaluate on need one;"
                " --on_bad_row=reject leaves such rows out"
                if self.is_required
                else None
            )
        unknown = [label for label in found if label not in self.labels]
        if not self.labels or not unknown:
            return None
        message = label_names.unknown(unknown[0], labels=self.labels, task=self.task)
        if self.test_labels is None:
            return message
        return None if len(self.test_labels()) == 1 else f"{message}. {_PREDICT}"
