import collections
import logging
import random

import pytest

from processors.base import DataProcessor
from processors.data_check import splitting
from processors.data_check.splitting import SplitPlan, SplitProcessor, deal
from processors.example import InputExample
from processors.tasks import registry
from runtime.errors import DataError, SettingsError

THREE = {"train": 0.8, "dev": 0.1, "test": 0.1}


def plan(shares=None, *, seed=0):
    return SplitPlan(shares or THREE, seed=seed)


def examples_of(counts, *, seed=0):
    """So many examples of each label, shuffled; texts differ by more than spaces."""
    rows = [
        (f"{label} text {n}", label) for label in counts for n in range(counts[label])
    ]
    random.Random(seed).shuffle(rows)
    return [
        InputExample(f"train-{place}", text, None, label)
        for place, (text, label) in enumerate(rows, 1)
    ]


def contents(dealt):
    return {
        name: [(row.text_a, row.text_b, row.label, row.group) for row in rows]
        for name, rows in dealt.items()
    }


def label_counts(dealt):
    return {
        name: collections.Counter(row.label for row in rows)
        for name, rows in dealt.items()
    }


# -- shares ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "counts",
    [
        {"a": 1000},
        {"a": 500, "b": 300, "c": 200},
        {"a": 905, "b": 61, "c": 34},
        {str(n): 10 + n for n in range(30)},
        {"a": 10, None: 990},
    ],
)
@pytest.mark.parametrize("shares", [THREE, {"train": 0.55, "dev": 0.45}])
def test_every_split_gets_its_share_of_all_and_of_each_label(counts, shares):
    dealt = deal(examples_of(counts), plan=plan(shares))
    total = sum(counts.values())
    for name, found in label_counts(dealt).items():
        assert abs(found.total() - shares[name] * total) <= 2
        for label, count in counts.items():
            assert abs(found[label] - shares[name] * count) <= 2


def test_every_split_gets_its_share_of_each_of_several_labels():
    sets = [("a",), ("a", "b"), ("b", "c"), ()]
    examples = [
        InputExample(f"train-{n}", f"text {n}", labels=sets[n % 4]) for n in range(400)
    ]
    for name, rows in deal(examples, plan=plan()).items():
        counts = collections.Counter(label for row in rows for label in row.labels)
        assert abs(len(rows) - THREE[name] * 400) <= 2
        for label, total in {"a": 200, "b": 200, "c": 100}.items():
            assert abs(counts[label] - THREE[name] * total) <= 2


def test_numbers_are_dealt_by_how_many_they_are(caplog):
    examples = [InputExample(f"train-{n}", f"text {n}", number=n) for n in range(100)]
    dealt = deal(examples, plan=plan())
    assert {name: len(rows) for name, rows in dealt.items()} == {
        "train": 80,
        "dev": 10,
        "test": 10,
    }
    assert caplog.text == ""
    again = deal(examples[::-1], plan=plan())
    assert again == dealt


def test_every_example_is_dealt_once():
    examples = examples_of({"a": 70, "b": 33})
    dealt = deal(examples, plan=plan())
    found = [row.guid for rows in dealt.values() for row in rows]
    assert sorted(found) == sorted(row.guid for row in examples)


def test_of_a_rare_label_train_gets_the_first_and_the_rest_is_told(caplog):
    with caplog.at_level(logging.WARNING):
        dealt = deal(examples_of({"a": 100, "rare": 2, "once": 1}), plan=plan())
    counts = label_counts(dealt)
    assert (counts["train"]["rare"], counts["train"]["once"]) == (2, 1)
    assert "no example of label rare in dev and test; there are only 2" in caplog.text
    assert "no example of label once in dev and test; there are only 1" in caplog.text


def test_one_class_only_is_dealt_by_number():
    dealt = deal(examples_of({"only": 50}), plan=plan())
    assert [len(rows) for rows in dealt.values()] == [40, 5, 5]


def test_unlabelled_examples_are_dealt_by_number():
    dealt = deal(examples_of({None: 50}), plan=plan())
    assert [len(rows) for rows in dealt.values()] == [40, 5, 5]


# -- a function of content and seed ----------------------------------------------------


def test_the_order_of_rows_does_not_matter():
    examples = examples_of({"a": 60, "b": 25})
    examples += [InputExample(f"more-{n}", "a text 1", None, "a") for n in range(3)]
    dealt = contents(deal(examples, plan=plan()))
    for seed in range(3):
        mixed = list(examples)
        random.Random(seed).shuffle(mixed)
        renamed = [
            InputExample(f"row {place}", row.text_a, row.text_b, row.label)
            for place, row in enumerate(mixed)
        ]
        assert contents(deal(renamed, plan=plan())) == dealt


def test_the_order_of_groups_and_labels_does_not_matter():
    rng = random.Random(0)
    rows = [
        InputExample(
            str(n), f"text {n}", None, rng.choice("abc"), f"g{n % 37 * n % 41}"
        )
        for n in range(400)
    ]
    dealt = contents(deal(rows, plan=plan()))
    rng.shuffle(rows)
    assert contents(deal(rows, plan=plan())) == dealt


def test_the_seed_draws_the_splits():
    examples = examples_of({"a": 60, "b": 25})
    one, again, other = (
        contents(deal(examples, plan=plan(seed=seed))) for seed in (1, 1, 2)
    )
    assert one == again
    assert one != other
    assert {row[0] for row in one["dev"]} != {row[0] for row in other["dev"]}


def test_the_same_splits_for_ever():
    """Another release must not move an example from train to test."""
    dealt = deal(examples_of({"a": 14, "b": 6}), plan=plan(seed=7))
    assert [row.text_a for row in dealt["dev"]] == ["a text 9", "b text 0"]
    assert [row.text_a for row in dealt["test"]] == ["a text 3", "a text 2"]


# -- what stays together ---------------------------------------------------------------


def test_copies_of_a_text_stay_together():
    examples = examples_of({"a": 60, "b": 25})
    examples += [
        InputExample(f"x{n}", text, None, label)
        for n, (text, label) in enumerate(
            [("Same", "a"), ("ｓａｍｅ", "b"), (" same ", "a"), ("same", None)] * 3
        )
    ]
    for seed in range(10):
        dealt = deal(examples, plan=plan(seed=seed))
        places = {
            name
            for name, rows in dealt.items()
            for row in rows
            if row.guid.startswith("x")
        }
        assert len(places) == 1


def test_a_pair_and_the_same_pair_swapped_stay_together():
    pairs = [(f"question {n}", f"answer {n * 7 % 500}") for n in range(500)]
    examples = [
        InputExample(str(n), *pair, "ab"[n % 2]) for n, pair in enumerate(pairs)
    ]
    examples += [
        InputExample(f"swapped {n}", second.upper(), first, "a")
        for n, (first, second) in enumerate(pairs)
    ]
    for name, rows in deal(examples, plan=plan()).items():
        numbers = {row.guid.removeprefix("swapped ") for row in rows}
        assert len(rows) == 2 * len(numbers) == 1000 * THREE[name]
    turned = contents(deal(examples[::-1], plan=plan()))
    assert turned == contents(deal(examples, plan=plan()))


def test_pairs_are_dealt_as_ever():
    """What stands in which split is not changed by how pairs are compared."""
    pairs = [InputExample(f"{n}", f"z{n}", f"a{n}", "x") for n in range(20)]
    dealt = deal(pairs, plan=plan(seed=7))
    assert [row.guid for row in dealt["dev"]] == ["6", "19"]
    assert [row.guid for row in dealt["test"]] == ["14", "9"]


def test_pairs_that_share_a_text_need_a_group_to_stay_together():
    pairs = [InputExample(str(n), "first", f"second {n}", "a") for n in range(50)]
    assert all(deal(pairs, plan=plan()).values())


def test_groups_stay_together_and_shares_are_kept():
    rng = random.Random(0)
    examples = [
        InputExample(
            f"{group}-{n}", f"{group} {n}", None, rng.choice("aab"), str(group)
        )
        for group in range(120)
        for n in range(rng.randrange(1, 30))
    ]
    dealt = deal(examples, plan=plan())
    groups = {name: {row.group for row in rows} for name, rows in dealt.items()}
    assert not groups["train"] & groups["dev"] | groups["train"] & groups["test"]
    assert not groups["dev"] & groups["test"]
    labels = collections.Counter(row.label for row in examples)
    for name, counts in label_counts(dealt).items():
        for label in labels:
            assert counts[label] == pytest.approx(THREE[name] * labels[label], rel=0.1)


def test_a_group_larger_than_a_split_goes_to_train(caplog):
    examples = [InputExample(str(n), f"{n}", None, "a", "big") for n in range(70)]
    examples += [InputExample(f"s{n}", f"s{n}", None, "a", f"{n}") for n in range(30)]
    with caplog.at_level(logging.WARNING):
        dealt = deal(examples, plan=plan())
    assert [len(rows) for rows in dealt.values()] == [80, 10, 10]
    assert {row.group for row in dealt["train"]} > {"big"}
    assert caplog.text == ""


def test_a_group_larger_than_every_split_is_told(caplog):
    examples = [InputExample(str(n), f"{n}", None, "a", "big") for n in range(96)]
    examples += [InputExample(f"s{n}", f"s{n}", None, "a", f"{n}") for n in range(4)]
    with caplog.at_level(logging.WARNING):
        dealt = deal(examples, plan=plan())
    assert [len(rows) for rows in dealt.values()] == [96, 2, 2]
    assert "dev got 2 of 100 examples, 2.0 % where 10.0 % were asked for" in caplog.text


def test_fewer_groups_than_splits():
    examples = [InputExample(str(n), f"{n}", None, "a", str(n % 2)) for n in range(90)]
    with pytest.raises(DataError, match="test would be without examples: there are 2"):
        deal(examples, plan=plan())


def test_fewer_texts_than_splits():
    with pytest.raises(DataError, match="dev and test would be without examples"):
        deal([InputExample("1", "a", None, "x")] * 50, plan=plan())


@pytest.mark.parametrize("missing", [None, ""])
def test_groups_that_some_lack(missing):
    examples = [
        InputExample(f"train-{n}", f"{n}", None, "a", "g" if n % 10 else missing)
        for n in range(100)
    ]
    with pytest.raises(
        DataError,
        match=r"10 of 100 examples have no group.*train-0, train-10, .* others",
    ):
        deal(examples, plan=plan())


def test_groups_that_all_lack_in_a_column_that_is_named():
    examples = [InputExample(f"{n}", f"{n}", None, "a", "") for n in range(4)]
    with pytest.raises(DataError, match=r"4 of 4 examples have no group"):
        deal(examples, plan=plan())


# -- plans -----------------------------------------------------------------------------


def test_a_plan_from_a_flag():
    made = SplitPlan.parse(["test: 0.1", "train:.8", "dev:1e-1"], seed=3)
    assert list(made.shares.items()) == list(THREE.items())
    assert str(made) == "--split=train:0.8,dev:0.1,test:0.1 --seed=3"


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (["train:0.8", "dev:0.1"], "must sum to 1; got 0.9"),
        (["train:0.8", "dev:0.1", "test:0.2"], "must sum to 1; got 1.1"),
        (["train:80", "dev:20"], "must sum to 1; got 100"),
        (["train:1", "dev:0"], "dev must be above 0; got 0"),
        (["train:1.2", "dev:-0.2"], "dev must be above 0; got -0.2"),
        (["train:nan", "dev:0.5"], "train must be above 0; got nan"),
        (["train:inf", "dev:0.5"], "train must be above 0; got inf"),
        (
            ["train:0.8", "valid:0.2"],
            "expected shares as in --split=.*got train, valid",
        ),
        (["dev:0.5", "test:0.5"], "expected shares as in --split=.*got dev, test"),
        (["train:1"], "with train and dev, test or both; got train"),
        (["train=0.8", "dev:0.2"], "got 'train=0.8'"),
        (["train:0.8", "dev:a fifth"], "got 'dev:a fifth'"),
        (["train:0.5", "dev:0.2", "train:0.3"], "train is named more than once"),
        ([], "got nothing"),
    ],
)
def test_plans_that_are_none(parts, message):
    with pytest.raises(SettingsError, match=message):
        SplitPlan.parse(parts, seed=0)


def test_thirds_sum_to_one():
    SplitPlan.parse(["train:0.333333", "dev:0.333333", "test:0.333334"], seed=0)


# -- a task that is dealt --------------------------------------------------------------


class Task(DataProcessor):
    default_data_dir = "shipped"

    def __init__(self):
        self.reads = []

    def get_train_examples(self, data_dir):
        self.reads.append(data_dir)
        return examples_of({"a": 60, "b": 40})

    def get_test_examples(self, data_dir):
        return [InputExample("test-1", f"of {data_dir}", None, None)]

    def get_labels(self):
        return ["a", "b"]


def test_a_task_is_read_once_and_dealt(caplog):
    task = Task()
    processor = SplitProcessor(task, plan=plan())
    with caplog.at_level(logging.INFO):
        assert len(processor.get_dev_examples("folder")) == 10
    assert "deals 100 training examples: 80 train, 10 dev, 10 test" in caplog.text
    assert len(processor.get_train_examples("folder")) == 80
    assert len(processor.get_test_examples("folder")) == 10
    assert task.reads == ["folder"]
    assert processor.get_labels() == ["a", "b"]
    assert processor.default_data_dir == "shipped"
    processor.get_train_examples("other folder")
    assert task.reads == ["folder", "other folder"]


def test_a_split_that_the_plan_leaves_out_is_the_tasks_own():
    processor = SplitProcessor(Task(), plan=plan({"train": 0.7, "dev": 0.3}))
    assert processor.get_test_examples("f")[0].text_a == "of f"
    other = SplitProcessor(Task(), plan=plan({"train": 0.7, "test": 0.3}))
    assert len(other.get_test_examples("f")) == 30
    with pytest.raises(SettingsError, match="Task has no dev split"):
        other.get_dev_examples("f")


def test_the_six_authors_are_dealt_by_work():
    processor = SplitProcessor(registry.create("authors"), plan=plan())
    folder = processor.default_data_dir
    splits = [
        processor.get_train_examples(folder),
        processor.get_dev_examples(folder),
        processor.get_test_examples(folder),
    ]
    works = [{row.group for row in rows} for rows in splits]
    assert sum(map(len, works)) == len(set().union(*works))
    for rows, share in zip(splits, THREE.values(), strict=True):
        for count in collections.Counter(row.label for row in rows).values():
            assert count == pytest.approx(500 * share, abs=10)


def test_many_examples_are_dealt_in_seconds():
    examples = examples_of({str(label): 2000 for label in range(10)})
    assert len(splitting.deal(examples, plan=plan())["train"]) == 16_000
