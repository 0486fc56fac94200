"""Texts that come with the repository, paragraphs of six authors, or more of them."""

from __future__ import annotations

import os
import random

from processors.corpora import aozora
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


def literature(corpus: str | None) -> list[str]:
    """Paragraphs of all works in an order of chance; without an archive the shipped.

    Args:
        corpus: Aozora's archive.
    """
    if corpus is None:
        found = paragraphs()
    else:
        works = aozora.read_works(corpus)
        found = [text for work in works for _, text in work.paragraphs()]
    random.Random(1).shuffle(found)
    return found


def sentences() -> list[str]:
    """Their distinct sentences, in order."""
    found = (part + "。" for text in paragraphs() for part in text.split("。"))
    return list(dict.fromkeys(each for each in found if each.strip("。 　")))
