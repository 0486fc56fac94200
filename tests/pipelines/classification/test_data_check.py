import dataclasses

import pytest

from pipelines.classification import data_check
from processors.readers.sieve import OnBadRow
from runtime import storage
from runtime.checkpoints.checkpoints import Checkpoint
from runtime.errors import DataError, SettingsError
from runtime.training.job import refuse_other_run


def check(job):
    """Checks the data of a job and returns the lines of the report that it leaves."""
    checked = data_check.checked(job)
    data_check.write_report(checked, folder=job.output_dir)
    return report(job)


def report(job):
    name = "data_report.txt" if job.settings.trains else "eval_data_report.txt"
    text = storage.read_text(storage.join(job.output_dir, name))
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_training_run(job, caplog):
    lines = check(job(do_train=True))
    said = (
        "1 of 4 dev examples (25.00%) are copies or near copies of training examples."
    )
    assert said in caplog.messages
    assert "total 40 4 44" in lines
    assert "train 7 7 7 7 40 (100.00%) 40 (20.00%)" in lines
    assert "dev in train 4 1 (25.00%) 0 0" in lines
    assert "copy dev-1 train-8 the number 7 of many" in lines


def test_nothing_is_said_of_copies_where_there_are_none(job, data_dir, caplog):
    (data_dir / "dev.tsv").write_text("text\tlabel\nall of this is new\ta\n")
    check(job(do_train=True))
    assert "are copies" not in caplog.text


def test_an_evaluation_compares_with_training_examples_without_tokenizing(job):
    made = job()
    lines = check(made)
    assert "dev in train 4 1 (25.00%) 0 0" in lines
    tokens = lines.index("tokens min median 95 % max cut unknown")
    assert lines[tokens + 1].startswith("dev ")
    assert lines[tokens + 2].startswith("Tokens of an example")
    assert not storage.exists(storage.join(made.output_dir, "train.tf_record"))


def test_an_evaluation_where_there_are_no_training_examples(job, data_dir):
    (data_dir / "train.tsv").unlink()
    lines = check(job(labels=("a", "b")))
    assert lines[2].startswith("The training examples could not be read: ")
    assert "train.tsv does not exist" in " ".join(lines)
    assert "Overlap of splits: only one was read, so none were compared." in lines


def test_an_evaluation_beside_a_damaged_training_file(job, data_dir):
    (data_dir / "train.tsv").write_text("text\tlabel\nx\ta\ty\tz\n")
    text = " ".join(check(job(labels=("a", "b"))))
    assert "could not be read:" in text
    assert "train.tsv:2:" in text


def test_an_evaluation_beside_bad_training_rows_that_are_rejected(
    job, data_dir, caplog
):
    with open(data_dir / "train.tsv", "a", encoding="utf-8") as file:
        file.write("too\tmany\tcolumns\n")
    made = job(on_bad_row=OnBadRow.REJECT)
    lines = check(made)
    assert "dev in train 4 1 (25.00%) 0 0" in lines
    assert not storage.exists(storage.join(made.output_dir, "train.rejects.jsonl"))
    assert "rejected" not in caplog.text


def test_more_leakage_than_allowed_is_an_error_that_leaves_the_report(job):
    made = job(do_train=True, max_leakage=0.2)
    with pytest.raises(
        DataError, match=r"1 of 4 dev examples \(25\.00%\).*data_report"
    ):
        check(made)
    assert "dev in train 4 1 (25.00%) 0 0" in report(made)
    check(job(do_train=True, max_leakage=0.25))


def test_an_evaluation_is_checked_too(job, data_dir):
    with pytest.raises(DataError, match="1 of 4 dev examples"):
        check(job(max_leakage=0.0))
    (data_dir / "train.tsv").unlink()
    with pytest.raises(SettingsError, match=r"there are none: .*train\.tsv does not"):
        check(job(max_leakage=0.0, labels=("a", "b")))


# -- labels ----------------------------------------------------------------------------


def test_a_placeholder_in_test_is_no_label(job, data_dir, caplog):
    (data_dir / "test.tsv").write_text("text\tlabel\nx y\t0\nz\t0\n")
    lines = check(job(do_train=True, do_eval=False, do_predict=True))
    assert "(no label) 0 2 2" in lines
    said = "The only label in the test split is '0', which is none of a, b"
    assert lines[2].startswith(said)
    assert caplog.text.count(said) == 1


def test_labels_that_look_alike_are_told(job, data_dir, caplog):
    (data_dir / "train.tsv").write_text("text\tlabel\nx\ta\ny\tb\nz\tＡ\n")
    lines = check(job(do_train=True, do_eval=False, train_batch_size=2))
    assert lines[2].startswith("The labels 'a' and 'Ａ' are alike but for case, width")
    assert caplog.text.count("The labels 'a' and 'Ａ' are alike") == 1
    assert {"a 1 1", "b 1 1", "Ａ 1 1"} <= set(lines)


# -- dealt splits ----------------------------------------------------------------------

DEALT = ("train:0.5", "dev:0.25", "test:0.25")


def test_dealt_splits_say_so(job):
    lines = check(job(do_train=True, do_predict=True, split=DEALT, seed=3))
    text = " ".join(lines)
    assert "by --split=train:0.5,dev:0.25,test:0.25 --seed=3;" in text
    assert "a 10 5 5 20" in lines
    assert "b 10 5 5 20" in lines


def test_a_column_of_groups(job, data_dir):
    plain = storage.read_text(str(data_dir / "train.tsv")).splitlines()
    rows = [f"{line}\twork {n // 4}" for n, line in enumerate(plain[1:])]
    (data_dir / "train.tsv").write_text("\n".join(["text\tlabel\twork", *rows]))
    dealt = {"split": DEALT, "split_group": "work"}
    dealt |= {"do_train": True, "do_predict": True}
    lines = check(job(**dealt))
    head = "overlap examples copies near copies other label shared groups"
    place = lines.index(head)
    for line in lines[place + 1 : place + 4]:
        assert line.endswith(" 0")
    (data_dir / "train.tsv").write_text("\n".join(plain))
    with pytest.raises(DataError, match=r"train\.tsv:1: no column 'work'"):
        check(job(**dealt))


def gone_on(job, state):
    """The job, its rows read, that goes on from a checkpoint of such a state."""
    restored = Checkpoint(step=1, weights={}, slots={}, state=state, metrics={})
    job.examples("dev")
    return dataclasses.replace(job, restored=restored)


def test_a_checkpoint_of_other_splits_is_refused(job):
    """Evaluated under another seed, dev would hold examples that were trained on."""
    trained = job(split=DEALT, seed=1)
    trained.examples("dev")
    state = trained.identity()
    assert refuse_other_run(gone_on(trained, state)) == []
    for others in (
        {"split": DEALT, "seed": 2},
        {"split": ("train:0.6", "dev:0.4"), "seed": 1},
        {"split": DEALT, "seed": 1, "split_group": "text"},
        {"seed": 1},
    ):
        with pytest.raises(SettingsError, match="dealt splits: "):
            refuse_other_run(gone_on(job(**others), state))


def test_a_checkpoint_of_undealt_splits_fits_whatever_the_seed(job):
    state = {"tokenizer": job().tokenizer.fingerprint()}
    assert refuse_other_run(gone_on(job(seed=5), state)) == []


def test_labels_that_only_one_split_has(job, data_dir, caplog):
    (data_dir / "dev.tsv").write_text("text\tlabel\nall of this is new\tc\n")
    text = " ".join(check(job(do_train=True, labels=("a", "b", "c", "d"))))
    sentences = [
        "1 label of dev examples but of no training example: 'c'. They cannot be",
        "2 labels of training examples but of no dev example: 'a', 'b'. They count as",
    ]
    for sentence in sentences:
        assert sentence in text
        assert sentence in caplog.text


def test_an_evaluation_names_them_too(job, data_dir):
    (data_dir / "dev.tsv").write_text("text\tlabel\nall of this is new\ta\n")
    assert "of no dev example: 'b'" in " ".join(check(job()))


def test_nothing_is_said_where_both_splits_have_all_labels(job):
    assert "but of no" not in " ".join(check(job(do_train=True)))
