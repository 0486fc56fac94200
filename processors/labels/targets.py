"""What the examples of a task are to be told apart by."""

from __future__ import annotations

import enum


class Targets(enum.Enum):
    """What an example's target is."""

    LABEL = "label"  # one of several classes
    LABELS = "labels"  # any number of several labels, also none
    NUMBER = "number"  # a finite number, as in regression
