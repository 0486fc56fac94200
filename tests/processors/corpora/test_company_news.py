"""No company, and no sentence of two companies, leaks between splits."""

import pytest

from processors.corpora import company_news
from processors.corpora.chabsa import Sentence

GOOD, BAD = frozenset({"positive"}), frozenset({"negative"})


def sentence(company, number, text, polarities=GOOD):
    return Sentence(company, number, text, polarities)


def test_what_is_chosen():
    shared = "売上高は前年同期に比べて大きく増加いたしました"
    chosen = company_news.choose(
        [
            sentence("A", 1, f"第一に{shared}"),
            sentence("A", 2, f"第二に{shared}\t また"),
            sentence("A", 3, f"第一に{shared}"),
            sentence("A", 4, "よくも悪くもない", frozenset({"neutral"})),
            sentence("A", 5, "よくて悪い", GOOD | BAD),
            sentence("A", 6, "何も言わない", frozenset()),
            sentence("B", 1, f"第三に{shared}"),
            sentence("B", 2, "損をした", BAD),
        ]
    )
    rows = [(row.id, row.label, row.text) for rows in chosen.values() for row in rows]
    assert rows == [
        ("A-1", "positive", f"第一に{shared}"),
        ("A-2", "positive", f"第二に{shared} また"),
        ("B-2", "negative", "損をした"),
    ]


@pytest.fixture(scope="module")
def companies():
    return company_news.choose(
        sentence(f"C{company}", number, f"第{company}社の第{number}の知らせ")
        for company in range(40)
        for number in range(5)
    )


def test_companies_are_dealt_whole(companies):
    shares = {"test": 0.2, "dev": 0.1, "train": 0.7}
    splits = company_news.deal(companies, shares=shares, seed=1)
    assert {name: len(rows) for name, rows in splits.items()} == {
        "test": 40,
        "dev": 20,
        "train": 140,
    }
    owners = [{row.company for row in rows} for rows in splits.values()]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 40


def test_same_seed_same_rows(companies):
    deals = [
        company_news.deal(companies, shares={"a": 0.5, "b": 0.5}, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert deals[0] == deals[1] != deals[2]
