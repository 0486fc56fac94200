import gzip
import json
from dataclasses import replace

import pytest

from processors.base import DataProcessor, Format, Table, TableProcessor
from processors.example import InputExample
from processors.readers.sieve import OnBadRow
from runtime.errors import DataError, SettingsError, StorageError


class ReviewsProcessor(TableProcessor):
    labels = ("bad", "good")
    train = Table("train.tsv", text_a="review", label="verdict")
    dev = Table("dev.tsv", text_a="review", label="verdict")
    test = Table("test.tsv", text_a="review")


class CollectingProcessor(TableProcessor):
    train = Table("train.tsv", text_a="review", label="verdict")
    dev = Table("dev.tsv", text_a="review", label="verdict", label_is_optional=True)


@pytest.fixture
def data_dir(tmp_path):
    (tmp_path / "train.tsv").write_text("verdict\treview\ngood\tfine\nbad\tdull\n")
    (tmp_path / "dev.tsv").write_text("review\tverdict\nso so\tbad\n")
    (tmp_path / "test.tsv").write_text("review\nwho knows\n")
    return str(tmp_path)


def test_a_declared_data_set(data_dir):
    processor = ReviewsProcessor()
    assert processor.get_train_examples(data_dir) == [
        InputExample("train-1", "fine", None, "good"),
        InputExample("train-2", "dull", None, "bad"),
    ]
    assert processor.get_dev_examples(data_dir)[0].label == "bad"
    assert processor.get_labels() == ["bad", "good"]


def test_a_table_without_labels_is_unlabelled(data_dir):
    assert ReviewsProcessor().get_test_examples(data_dir) == [
        InputExample("test-1", "who knows", None, None)
    ]


def test_an_unknown_label_is_named_with_its_place_and_the_known(data_dir, tmp_path):
    (tmp_path / "dev.tsv").write_text("review\tverdict\nx\tgood\ny\tgreat\n")
    with pytest.raises(DataError) as caught:
        ReviewsProcessor().get_dev_examples(data_dir)
    assert str(caught.value) == (
        f"{tmp_path / 'dev.tsv'}:3: unknown label 'great'; the labels of"
        " ReviewsProcessor are bad, good"
    )


def test_labels_are_collected_from_the_training_rows(data_dir):
    processor = CollectingProcessor()
    with pytest.raises(SettingsError, match="does not know its labels"):
        processor.get_labels()
    processor.get_dev_examples(data_dir)
    assert processor.get_labels() == ["bad", "good"]
    assert CollectingProcessor.labels == ()


def test_a_label_of_dev_must_be_among_the_collected(data_dir, tmp_path):
    (tmp_path / "dev.tsv").write_text("review\tverdict\nx\tgreat\n")
    with pytest.raises(DataError, match="unknown label 'great'"):
        CollectingProcessor().get_dev_examples(data_dir)


@pytest.mark.parametrize("processor", [ReviewsProcessor, CollectingProcessor])
@pytest.mark.parametrize("cell", ["", " ", "\u3000", "\u200b"])
def test_an_empty_label_is_no_class(data_dir, tmp_path, processor, cell):
    rows = f"review\tverdict\nx\tgood\ny\t{cell}\nz\tbad\n"
    (tmp_path / "train.tsv").write_text(rows)
    made, rejects = processor(), tmp_path / "rejects.jsonl"
    with made.sifting(OnBadRow.REJECT, rejects_path=str(rejects)):
        examples = made.get_train_examples(data_dir)
    assert [example.label for example in examples] == ["good", "bad"]
    assert made.get_labels() == ["bad", "good"]
    (entry,) = map(json.loads, rejects.read_text().splitlines())
    assert (entry["line"], entry["row"]) == (3, f"y\t{cell}")
    with pytest.raises(DataError, match=r"train\.tsv:3: the label is empty, and rows"):
        processor().get_train_examples(data_dir)


class TestedProcessor(ReviewsProcessor):
    test = replace(ReviewsProcessor.dev, file="test.tsv")


def test_an_empty_label_in_a_test_file_is_none(data_dir, tmp_path):
    (tmp_path / "test.tsv").write_text("review\tverdict\nx\t \ny\tgood\n")
    examples = TestedProcessor().get_test_examples(data_dir)
    assert [example.label for example in examples] == [None, "good"]
    (tmp_path / "test.tsv").write_text("review\nx\n")
    with pytest.raises(DataError, match="no column 'verdict'"):
        TestedProcessor().get_test_examples(data_dir)


def test_the_only_label_of_a_test_file_may_be_none_of_the_task(data_dir, tmp_path):
    (tmp_path / "test.tsv").write_text("review\tverdict\nx\t0\ny\t\nz\t0\n")
    examples = TestedProcessor().get_test_examples(data_dir)
    assert [example.label for example in examples] == ["0", None, "0"]
    stream = TestedProcessor().stream_examples("test", data_dir=data_dir)
    assert [example.label for example in stream] == ["0", None, "0"]


@pytest.mark.parametrize("other", ["good", "1"])
def test_an_unknown_label_beside_another_in_a_test_file(data_dir, tmp_path, other):
    (tmp_path / "test.tsv").write_text(f"review\tverdict\nx\t0\ny\t{other}\n")
    with pytest.raises(DataError) as caught:
        TestedProcessor().get_test_examples(data_dir)
    assert str(caught.value) == (
        f"{tmp_path / 'test.tsv'}:2: unknown label '0'; the labels of TestedProcessor"
        " are bad, good. To predict without labels, leave the label column of the test"
        " file out, or empty."
    )


def test_rejected_rows_leave_the_known_labels_of_a_test_file(data_dir, tmp_path):
    rows = "review\tverdict\nx\t0\ny\tgood\nz\n"
    (tmp_path / "test.tsv").write_text(rows)
    processor, rejects = TestedProcessor(), tmp_path / "rejects.jsonl"
    with processor.sifting(OnBadRow.REJECT, rejects_path=str(rejects)):
        examples = processor.get_test_examples(data_dir)
    assert [example.label for example in examples] == ["good"]
    lines = [json.loads(line)["line"] for line in rejects.read_text().splitlines()]
    assert lines == [2, 4]


def test_labels_that_are_numbers(data_dir, tmp_path):
    rows = "".join(f"x{n}\t{n}\n" for n in (10, 9, 2, 11, -1))
    (tmp_path / "train.tsv").write_text(f"review\tverdict\n{rows}")
    expected = ["-1", "2", "9", "10", "11"]
    assert CollectingProcessor().read_labels(data_dir) == expected
    processor = CollectingProcessor()
    processor.get_train_examples(data_dir)
    assert processor.get_labels() == expected


def test_numbers_may_be_declared(data_dir, tmp_path):
    class Numbered(ReviewsProcessor):
        labels = (1, 0)

    (tmp_path / "train.tsv").write_text("review\tverdict\nx\t0\n")
    processor = Numbered()
    assert processor.get_train_examples(data_dir)[0].label == "0"
    assert processor.get_labels() == ["1", "0"]


def test_collected_labels_must_look_like_classes(data_dir, tmp_path):
    cells = ["a", "b", "a,b"]
    rows = "".join(f"x\t{cell}\n" for cell in cells)
    (tmp_path / "train.tsv").write_text(f"review\tverdict\n{rows}")
    for read in ("get_train_examples", "read_labels", "get_dev_examples"):
        with pytest.raises(
            DataError, match=r"train\.tsv: the labels look like several"
        ):
            getattr(CollectingProcessor(), read)(data_dir)

    class Declared(CollectingProcessor):
        labels = cells

    assert len(Declared().get_train_examples(data_dir)) == 3


def test_training_rows_are_read_once(data_dir, monkeypatch):
    reads = []
    rows = Table.rows

    def counted(table, data_dir):
        reads.append(table.file)
        return rows(table, data_dir)

    monkeypatch.setattr(Table, "rows", counted)
    processor = CollectingProcessor()
    processor.get_train_examples(data_dir)
    assert processor.get_labels() == ["bad", "good"]
    assert reads == ["train.tsv"]
    processor.get_dev_examples(data_dir)
    assert reads == ["train.tsv", "dev.tsv"]


def test_what_needs_no_labels_takes_any(data_dir, tmp_path):
    def unlabelled():
        processor = CollectingProcessor()
        processor.needs_labels = False
        return processor

    cells = ["a", "", "a,b", "b"]
    rows = "".join(f"x\t{cell}\n" for cell in cells)
    (tmp_path / "train.tsv").write_text(f"review\tverdict\n{rows}")
    processor = unlabelled()
    assert len(processor.get_train_examples(data_dir)) == 4
    assert processor.get_labels() == ["a", "a,b", "b"]
    (tmp_path / "dev.tsv").write_text("review\tverdict\nx\tunheard of\n")
    assert len(processor.get_dev_examples(data_dir)) == 1
    (tmp_path / "train.tsv").write_text("review\nx\n")
    processor = unlabelled()
    assert len(processor.get_dev_examples(data_dir)) == 1
    assert processor.get_labels() == []


def test_an_optional_label_may_be_missing_or_empty(data_dir, tmp_path):
    (tmp_path / "dev.tsv").write_text("review\tverdict\nx\t\ny\tgood\n")
    examples = CollectingProcessor().get_dev_examples(data_dir)
    assert [example.label for example in examples] == [None, "good"]
    (tmp_path / "dev.tsv").write_text("review\nx\n")
    assert CollectingProcessor().get_dev_examples(data_dir)[0].label is None


@pytest.mark.parametrize("processor", [ReviewsProcessor, CollectingProcessor])
@pytest.mark.parametrize("content", ["", "review\tverdict\n"])
def test_an_empty_training_split(tmp_path, processor, content):
    (tmp_path / "train.tsv").write_text(content)
    with pytest.raises(DataError, match=r"train\.tsv: .*(no examples|no labelled)"):
        processor().get_train_examples(str(tmp_path))


def test_a_missing_file_is_named_with_what_is_there(data_dir, tmp_path):
    (tmp_path / "train.tsv").unlink()
    with pytest.raises(StorageError, match=r"train\.tsv does not exist.*: dev\.tsv, t"):
        ReviewsProcessor().get_train_examples(data_dir)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(StorageError, match=r"folder .*none does not exist.*train\.tsv"):
        ReviewsProcessor().get_train_examples(str(tmp_path / "none"))


def test_a_split_that_is_not_there():
    with pytest.raises(SettingsError, match="CollectingProcessor has no test split"):
        CollectingProcessor().get_test_examples("data")


def test_a_bare_processor_says_what_it_lacks():
    processor = DataProcessor()
    for split in ("train", "dev", "test"):
        with pytest.raises(SettingsError, match=f"has no {split} split"):
            getattr(processor, f"get_{split}_examples")("data")
    with pytest.raises(SettingsError, match="must define get_labels"):
        processor.get_labels()


def test_rows_as_older_processors_read_them(tmp_path):
    path = tmp_path / "old.tsv"
    path.write_text('label\ttext\n1\t"one\ttwo"\n')
    quoted = [["label", "text"], ["1", "one\ttwo"]]
    assert DataProcessor._read_tsv(str(path), quotechar='"') == quoted
    path.write_text('label\ttext\n1\t"one"\n')
    assert DataProcessor._read_tsv(str(path))[1] == ["1", '"one"']
    with pytest.raises(SettingsError, match="quotechar is None or"):
        DataProcessor._read_tsv(str(path), quotechar="'")


def test_rows_can_be_chosen_renamed_and_named(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "d.jsonl").write_text(
        '{"lang": "ja", "a": "x", "b": "y", "gold": 1, "n": 7}\n'
        '{"lang": "en", "a": "x", "b": "y", "gold": 1, "n": 8}\n'
    )

    class Pairs(TableProcessor):
        labels = ("one",)
        train = Table(
            "sub/d.jsonl",
            text_a="a",
            text_b="b",
            label="gold",
            id="n",
            format=Format.JSONL,
            rename_labels={"1": "one"},
            keep={"lang": "ja"},
            guid_prefix="pair",
        )

    assert Pairs().get_train_examples(str(tmp_path)) == [
        InputExample("pair-7", "x", "y", "one")
    ]


def test_a_json_key_names_the_example(tmp_path):
    (tmp_path / "d.json").write_text('{"q1": {"text": "x", "label": "0"}}')

    class Keyed(TableProcessor):
        labels = ("0",)
        train = Table("d.json", text_a="text", label="label", format=Format.JSON)

    assert Keyed().get_train_examples(str(tmp_path))[0].guid == "train-q1"


def test_a_row_tells_what_it_is_a_part_of(tmp_path):
    (tmp_path / "train.tsv").write_text("text\twork\none\tKokoro\ntwo\t7\n")
    table = Table("train.tsv", text_a="text", group="work")
    examples = [table.example(row, split="train") for row in table.rows(str(tmp_path))]
    assert [example.group for example in examples] == ["Kokoro", "7"]


def test_a_gzip_file_may_stand_for_a_file(data_dir, tmp_path):
    (tmp_path / "train.tsv").unlink()
    (tmp_path / "train.tsv.gz").write_bytes(
        gzip.compress(b"review\tverdict\nfine\tgood\n")
    )
    (example,) = ReviewsProcessor().get_train_examples(data_dir)
    assert example.text_a == "fine"


def test_a_pattern_stands_for_the_one_file_that_fits(tmp_path):
    class Versions(TableProcessor):
        labels = ("0",)
        train = Table("train-v*.tsv", text_a="text")

    (tmp_path / "train-v1.3.tsv").write_text("text\nx\n")
    assert len(Versions().get_train_examples(str(tmp_path))) == 1
    (tmp_path / "train-v1.4.tsv").write_text("text\nx\n")
    with pytest.raises(StorageError, match=r"several files that fit train-v\*\.tsv: "):
        Versions().get_train_examples(str(tmp_path))


def test_examples_are_streamed(data_dir, tmp_path):
    (tmp_path / "train.tsv").write_text("review\tverdict\nx\tgood\ny\tgreat\n")
    stream = ReviewsProcessor().stream_examples("train", data_dir=data_dir)
    assert next(stream).text_a == "x"
    with pytest.raises(DataError, match="unknown label 'great'"):
        next(stream)


def test_an_own_way_to_read_a_split_counts(data_dir):
    class Shouting(ReviewsProcessor):
        def get_train_examples(self, data_dir):
            examples = super().get_train_examples(data_dir)
            return [replace(each, text_a=each.text_a.upper()) for each in examples]

    stream = Shouting().stream_examples("train", data_dir=data_dir)
    assert [example.text_a for example in stream] == ["FINE", "DULL"]


def test_bad_rows_can_be_rejected(data_dir, tmp_path, caplog):
    rows = "review\tverdict\nx\tgood\ny\nz\tgreat\n"
    (tmp_path / "train.tsv").write_text(rows)
    rejects = tmp_path / "rejects.jsonl"
    processor = ReviewsProcessor()
    with processor.sifting(OnBadRow.REJECT, rejects_path=str(rejects)):
        assert len(processor.get_train_examples(data_dir)) == 1
    reasons = [json.loads(line)["reason"] for line in rejects.read_text().splitlines()]
    assert reasons == [
        "expected 2 columns as in the first row, got 1",
        "unknown label 'great'; the labels of ReviewsProcessor are bad, good",
    ]
    assert "train.tsv: 3 rows read, 1 accepted, 2 rejected; see " in caplog.text
    with pytest.raises(DataError, match=r"train\.tsv:3: "):
        processor.get_train_examples(data_dir)


def test_labels_are_collected_from_good_rows(data_dir, tmp_path):
    rows = "review\tverdict\nx\tgood\ny\tworse\tthan that\nz\tbad\n"
    (tmp_path / "train.tsv").write_text(rows)
    rejects = tmp_path / "rejects.jsonl"
    processor = CollectingProcessor()
    with processor.sifting(OnBadRow.REJECT, rejects_path=str(rejects)):
        assert processor.read_labels(data_dir) == ["bad", "good"]
        assert len(processor.get_train_examples(data_dir)) == 2
    assert len(rejects.read_text().splitlines()) == 1


@pytest.mark.parametrize("read", ["get_train_examples", "read_labels"])
def test_no_labels_in_good_rows(data_dir, tmp_path, read):
    rows = "review\tverdict\nx\tgood\tand more\ny\t\n"
    (tmp_path / "train.tsv").write_text(rows)
    processor = CollectingProcessor()
    with (
        processor.sifting(OnBadRow.REJECT, rejects_path=str(tmp_path / "r.jsonl")),
        pytest.raises(DataError, match=r"rejected, the first: .*:2: expected 2 colu"),
    ):
        getattr(processor, read)(data_dir)


def test_nothing_but_bad_rows_is_an_error_that_says_why(data_dir, tmp_path):
    (tmp_path / "train.tsv").write_text("review\tverdict\nx\tgreat\n")
    processor = ReviewsProcessor()
    with (
        processor.sifting(OnBadRow.REJECT, rejects_path=str(tmp_path / "r.jsonl")),
        pytest.raises(DataError, match=r"1 rejected, the first: .* unknown label 'gr"),
    ):
        processor.get_train_examples(data_dir)


def test_a_header_without_a_column_is_the_end(data_dir, tmp_path):
    (tmp_path / "train.tsv").write_text("text\tverdict\nx\tgood\n")
    processor = ReviewsProcessor()
    with (
        processor.sifting(OnBadRow.REJECT, rejects_path=str(tmp_path / "r.jsonl")),
        pytest.raises(DataError) as caught,
    ):
        processor.get_train_examples(data_dir)
    assert str(caught.value) == (
        f"{tmp_path / 'train.tsv'}:1: no column 'review'; there is 'text', 'verdict';"
        " is 'text' meant?"
    )


def test_which_splits_there_are():
    splits = ("train", "dev", "test")
    assert [CollectingProcessor().has_split(name) for name in splits] == [1, 1, 0]
    assert [DataProcessor().has_split(name) for name in splits] == [0, 0, 0]
