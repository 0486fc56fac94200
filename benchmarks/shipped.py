"""Texts that come with the repository: paragraphs of six authors."""

from __future__ import annotations

import os

from processors.example import InputExample
from processors.tasks.authors import AuthorsProcessor

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MODEL_FILE = os.path.join(ROOT, "processors/data/aozora_spm_8k/aozora-ja.model")


def examples() -> list[InputExample]:
    """The labelled paragraphs that are trained on: 3,000 of 60 to 240 characters."""
    processor = AuthorsProcessor()
    return processor.get_train_examples(str(processor.default_data_dir))


def paragraphs() -> list[str]:
    """Their texts."""
    return [example.text_a for example in examples()]


def sentences() -> list[str]:
    """Their distinct sentences, in order."""
    found = (part + "。" for text in paragraphs() for part in text.split("。"))
    return list(dict.fromkeys(each for each in found if each.strip("。 　")))
