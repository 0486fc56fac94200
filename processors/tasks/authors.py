"""Six Japanese authors: who wrote this paragraph. The data comes with the toolkit.

Source: Aozora Bunko, https://www.aozora.gr.jp/; see README.txt beside the data.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor
from runtime import storage


class AuthorsProcessor(TableProcessor):
    """Paragraphs of 60 to 240 characters; no work is in two splits.

    A data folder other than the default holds files of the same columns, as
    scripts/make_authors_data.py writes them.
    """

    default_data_dir = storage.join(
        storage.dirname(storage.dirname(__file__)), "data", "authors"
    )
    labels = ("akutagawa", "dazai", "miyazawa", "mori", "natsume", "sakaguchi")
    train = Table("train.tsv", text_a="text", label="author", id="id", group="work")
    dev = replace(train, file="dev.tsv")
    test = replace(train, file="test.tsv")
