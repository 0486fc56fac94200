import pytest

from processors.batches.features import TokenCounts
from processors.data_check.report import DataReport, SplitData
from processors.example import InputExample
from runtime.errors import DataError, SettingsError

ROW = InputExample


def report_of(**splits):
    data = {
        name: part if isinstance(part, SplitData) else SplitData(part)
        for name, part in splits.items()
    }
    return DataReport(data, labels=["bad", "good"], max_seq_length=8)


LIMITS = {"labels": ["a", "b"], "max_seq_length": 16}


def lines_of(report):
    return [" ".join(line.split()) for line in report.text().splitlines()]


def sections(report):
    """First word of a section -> its lines, cells a space apart."""
    parts = report.text().split("\n\n")
    return {
        part.split()[0]: [" ".join(line.split()) for line in part.splitlines()]
        for part in parts
    }


@pytest.fixture
def small():
    """Ten texts to learn from and four to measure on, of which two are known."""
    train = [ROW(f"train-{n}", f"文章の番号{n}です", None, "good") for n in range(6)]
    train += [
        ROW(f"train-{n}", f"別の話題{n}だった", None, "bad") for n in range(6, 10)
    ]
    train.append(ROW("train-10", "別の話題7だった", None, "good"))
    dev = [
        ROW("dev-0", "別の話題7だった", None, "bad"),
        ROW("dev-1", "文章の番号3ですね", None, "bad"),
        ROW("dev-2", "全く新しい内容", None, "good"),
        ROW("dev-3", "  ", None, "good"),
    ]
    return {"train": train, "dev": dev}


def test_examples_of_each_label_and_what_guessing_gives(small):
    small["test"] = [ROW("test-0", "予測する文", None, None)]
    report = report_of(**small)
    found = sections(report)["examples"]
    assert found[0] == "examples of label train dev test total"
    assert "bad 4 2 0 6" in found
    assert "good 7 2 0 9" in found
    assert "(no label) 0 0 1 1" in found
    assert "total 11 4 1 16" in found
    assert " ".join(found[-2:]) == (
        "Accuracy of always answering 'good', the most frequent label of train: train"
        " 0.6364, dev 0.5000."
    )


def test_lengths_and_unknown_tokens():
    tokens = TokenCounts()
    for length in range(1, 19):
        second = [1, 5] if length == 18 else []
        tokens.add([5] * length, second, added=3 if second else 2, unk=1)
    examples = [ROW(str(n), f"text {n}", None, "bad") for n in range(18)]
    train = SplitData(examples, tokens.summary(max_seq_length=8))
    table = sections(report_of(train=train, dev=examples))["tokens"]
    assert table[0] == "tokens min median 95 % max cut unknown"
    assert table[1] == "train 3 11 23 23 12 (66.67%) 1 (0.58%)"
    assert table[2].startswith("Tokens of an example")


def test_empty_and_repeated_texts(small):
    table = sections(report_of(**small))["texts"]
    assert table[1] == "train 11 0 1 (9.09%) 1 (9.09%)"
    assert table[2] == "dev 4 1 (25.00%) 0 0"


def test_overlap_with_its_witnesses(small):
    found = sections(report_of(**small))
    assert found["overlap"][1] == "dev in train 4 1 (25.00%) 1 (25.00%) 1 (25.00%)"
    assert found["kind"][1:] == [
        "copy dev-0 train-7 別の話題7だった",
        "near copy dev-1 train-3 文章の番号3ですね",
    ]


def test_pairs_and_groups_have_columns_of_their_own():
    train = [ROW("t", "猫がいるのです", "犬はいないのか", "bad", "one")]
    dev = [
        ROW("d1", "鳥がいるのかな", "猫がいるのです", "bad", "two"),
        ROW("d2", "魚がいます、海に", "鳥だろう、空の", "bad", "one"),
    ]
    table = sections(report_of(train=train, dev=dev))["overlap"]
    assert table[0].endswith("other label shared texts shared groups")
    assert table[1] == "dev in train 2 0 0 0 1 (50.00%) 1 (50.00%)"


def test_every_pair_of_splits_is_compared():
    examples = [ROW("a", "one text of them", None, "bad")]
    table = sections(report_of(train=examples, dev=examples, test=examples))["overlap"]
    assert table[1].startswith("dev in train 1 1 (100.00%)")
    assert table[2].startswith("test in train 1 1 (100.00%)")
    assert table[3].startswith("test in dev 1 1 (100.00%)")


def test_a_split_alone():
    report = report_of(dev=[ROW("a", "text", None, "good")])
    assert (
        "Overlap of splits: only one was read, so none were compared." in report.text()
    )
    assert "the most frequent label of dev: dev 1.0000." in report.text()


def test_a_split_without_labels_has_no_accuracy():
    assert "Accuracy" not in report_of(test=[ROW("a", "text")]).text()


def test_notes_stand_first(small):
    data = {name: SplitData(rows) for name, rows in small.items()}
    report = DataReport(data, labels=["bad", "good"], max_seq_length=8, notes=["Why."])
    assert report.text().startswith("Data report\n\nWhy.\n\nexamples of label")


def test_no_more_than_some_witnesses_are_named():
    train = [ROW(f"train-{n}", f"{n} sentences", None, "bad") for n in range(60)]
    dev = [ROW(f"dev-{n}", f"{n} sentences", None, "bad") for n in range(60)]
    found = sections(report_of(train=train, dev=dev))
    assert found["overlap"][1].startswith("dev in train 60 60 (100.00%)")
    assert len(found["kind"]) == 1 + 5


def test_a_report_shows_no_control_characters_and_no_endless_text():
    text = "\x1b[31m赤い\u202e文字\n" + "長い" * 100
    rows = [ROW("guid\t\x07" + "g" * 99, text, None, "bad\n")]
    data = {"train": SplitData(rows), "dev": SplitData(rows)}
    report = DataReport(data, labels=["bad\n"], max_seq_length=8).text()
    assert all(character.isprintable() or character == "\n" for character in report)
    assert max(map(len, report.splitlines())) < 140
    assert "copy  guid  ggg" in report


def test_leakage_within_the_limit(small):
    report_of(**small).refuse_leakage(0.5, path="data_report.txt")


def test_leakage_above_the_limit_is_an_error(small):
    with pytest.raises(DataError) as caught:
        report_of(**small).refuse_leakage(0.49, path="out/data_report.txt")
    assert str(caught.value) == (
        "2 of 4 dev examples (50.00%) are copies or near copies of train examples;"
        " --max_leakage=0.49 allows 49.00%. out/data_report.txt names some. Take them"
        " out, deal anew with --split, or allow more."
    )


def test_copies_of_dev_in_test_are_no_leakage_from_training():
    rows = [ROW("a", "one text of them", None, "bad")]
    other = [ROW("b", "quite another text", None, "bad")]
    report_of(train=other, dev=rows, test=rows).refuse_leakage(0, path="r")


def test_leakage_cannot_be_told_without_training_examples():
    report = report_of(dev=[ROW("a", "text", None, "bad")])
    with pytest.raises(SettingsError, match="--max_leakage compares with the training"):
        report.refuse_leakage(0.1, path="r")


def test_several_labels_count_each_and_examples_once():
    rows = [("a", "b"), ("b",), ()]
    examples = [
        InputExample(f"train-{n}", f"text {n}", labels=each)
        for n, each in enumerate(rows)
    ]
    lines = lines_of(DataReport({"train": SplitData(examples)}, **LIMITS))
    assert {"a 1 1", "b 2 2", "(none of them) 1 1", "total 3 3"} <= set(lines)
    assert not any("always answering" in line for line in lines)


def test_numbers_count_as_examples():
    examples = [InputExample(f"train-{n}", f"text {n}", number=n / 2) for n in range(4)]
    report = DataReport({"train": SplitData(examples)}, **(LIMITS | {"labels": ["x"]}))
    lines = lines_of(report)
    assert {"x 4 4", "total 4 4"} <= set(lines)
    assert not any("always answering" in line for line in lines)
