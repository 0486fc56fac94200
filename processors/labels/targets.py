"""What the examples of a task are to be told apart by."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any


class Targets(enum.Enum):
    """What an example's target is."""

    LABEL = "label"  # one of several classes
    LABELS = "labels"  # any number of several labels, also none
    NUMBER = "number"  # a finite number, as in regression

    def shape(self, outputs: int) -> tuple[int, ...] | None:
        """The shape of an example's target; None where it has a label id.

        Args:
            outputs: Of the model, for each example.
        """
        shapes = {Targets.LABELS: (outputs,), Targets.NUMBER: ()}
        return shapes.get(self)


class Objective(enum.Enum):
    """What a model learns to say of a text, by its flag value."""

    CLASSIFICATION = "classification"
    REGRESSION = "regression"


def of(objective: Objective, *, multi_label: bool) -> Targets:
    """What an example's target is.

    Args:
        objective: What is learned.
        multi_label: Whether an example may have any number of labels.
    """
    if objective is Objective.REGRESSION:
        return Targets.NUMBER
    return Targets.LABELS if multi_label else Targets.LABEL


def of_settings(values: Mapping[str, Any]) -> Targets | None:
    """What the settings of a run say; None where they say nothing of it.

    Args:
        values: As JSON has them.
    """
    if "multi_label" not in values:  # pre-training has an objective, too
        return None
    objective = Objective(values["objective"])
    return of(objective, multi_label=bool(values.get("multi_label")))


def settings_of(targets: Targets) -> dict[str, Any]:
    """The settings that say it, by name."""
    is_number = targets is Targets.NUMBER
    objective = Objective.REGRESSION if is_number else Objective.CLASSIFICATION
    return {"objective": objective, "multi_label": targets is Targets.LABELS}
