import dataclasses
import json

import numpy as np
import pytest
import tables


@pytest.fixture
def table():
    """Two programs of which one does twice as much in a round."""
    rows = [
        tables.Row(name="here", seconds=[1, 2, 4], count=2, digest="abc"),
        tables.Row(name="there", seconds=[2, 2, 2], more={"MB": 12.5}),
    ]
    return tables.Table(
        title="work", rows=rows, unit="texts", beside=("absent", "there")
    )


def test_speeds_are_of_the_same_round_and_the_same_work(table):
    here, there = table.rows
    assert table.speed(here) == tables.Spread(2, 1, 4)
    assert table.speed(there) is None
    alone = dataclasses.replace(table, beside=("absent",))
    assert alone.peer is None
    assert alone.speed(here) is None


def test_a_table_comes_back_from_its_line(table):
    assert tables.Table.from_json(json.dumps(dataclasses.asdict(table))) == (
        dataclasses.replace(table, beside=["absent", "there"])
    )


def test_what_is_printed(table):
    title, heads, here, there, note, left_out = tables.text(
        dataclasses.replace(table, missing={"third": "ImportError: no third"})
    ).splitlines()
    assert title == "work"
    assert heads.split() == [
        "ms",
        "median",
        "ms",
        "min",
        "texts/s",
        "x",
        "MB",
        "digest",
    ]
    assert here.split() == ["here", "2000", "1000", "1", "2.00", "abc"]
    assert there.split() == ["there", "2000", "2000", "0.5", "12.5"]
    assert note == "x: times as fast as there"
    assert left_out == "left out: third: ImportError: no third"


def test_other_results_have_other_digests():
    ids = [[1, 2], [3]]
    assert tables.of_ids(ids) == tables.of_ids([(1, 2), (3,)])
    assert tables.of_ids(ids) != tables.of_ids([[1], [2, 3]])
    scores = np.array([0.25, -0.0001])
    assert tables.of_scores(scores) == tables.of_scores(scores + 1e-5)
    assert tables.of_scores(scores) == tables.of_scores(np.abs(scores))
    assert tables.of_scores(scores) != tables.of_scores(scores + 1e-2)
    assert tables.of_losses(np.array([[0.12345678], [2.0]])) == "0.123457 2"
    assert tables.digest("") == ""
