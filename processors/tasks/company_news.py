"""Is it good or bad news about a company? The data comes with the toolkit.

Source: chABSA, https://github.com/chakki-works/chABSA-dataset; see README.txt beside
the data.
"""

from __future__ import annotations

from dataclasses import replace

from processors.base import Table, TableProcessor
from processors.corpora import company_news
from runtime import storage


class CompanyNewsProcessor(TableProcessor):
    """Sentences of securities reports; no company is in two splits.

    A data folder other than the default holds files of the same columns, as
    scripts/make_company_news.py writes them.
    """

    default_data_dir = storage.join(
        storage.dirname(storage.dirname(__file__)), "data", "company_news"
    )
    labels = company_news.LABELS
    train = Table("train.tsv", text_a="text", label="label", id="id", group="company")
    dev = replace(train, file="dev.tsv")
    test = replace(train, file="test.tsv")
