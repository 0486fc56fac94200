"""JSTS: how alike in meaning are two Japanese captions, from 0 to 5 (JGLUE).

Source: https://github.com/yahoojapan/JGLUE, `datasets/jsts-v1.3`.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import TableProcessor
from processors.labels.targets import Targets
from processors.tasks.jnli import JnliProcessor


class JstsProcessor(TableProcessor):
    """Files like those of JNLI, with a number for a label."""

    targets = Targets.NUMBER
    train = JnliProcessor.train
    dev = replace(train, file="*valid-v*.json")
    test = replace(train, file="*test-v*.json", label_is_optional=True)
