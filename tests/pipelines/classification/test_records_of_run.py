import dataclasses
import types

import pytest

from pipelines.classification import conversion, data_check, records_of_run, splits
from pipelines.classification.conversion import ConversionSettings
from processors.readers.sieve import OnBadRow
from processors.records import reuse, store
from processors.records.manifest import Manifest, Origin
from runtime.devices.placement import Accelerator, Backend, Placement, Precision
from runtime.errors import DataError, SettingsError
from runtime.training.run_settings import Resume


@pytest.fixture
def placement():
    """One process on a CPU."""
    return Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.CPU,
        precision=Precision.FLOAT32,
        devices=("CPU:0",),
        strategy=None,
        max_row_shapes=8,
        processes=1,
        is_chief=True,
    )


@pytest.fixture
def keep(job, placement):
    """Writes what a run writes before its model, by default a prediction's."""
    usual = placement

    def keep(*, placement=usual, **others):
        values = {"do_eval": False, "do_predict": True, "labels": ("a", "b"), **others}
        made = data_check.checked(job(**values))
        context = types.SimpleNamespace(placement=placement, folder=made.output_dir)
        records_of_run.keep(made, context=context)
        return made

    return keep


@pytest.fixture
def tests(data_dir):
    """Writes the test file."""

    def write(*texts):
        (data_dir / "test.tsv").write_text("\n".join(["text", *texts]) + "\n")

    return write


def test_predictions_of_another_test_set_are_told(keep, tests, caplog):
    tests("one", "two")
    keep()
    keep()
    assert "another test set" not in caplog.text
    tests("three")
    keep()
    assert (
        caplog.text.count(
            "The predictions of another test set (2 examples) are replaced by those of"
            " this one (1); --predict_name=NAME keeps both."
        )
        == 1
    )


def test_a_name_keeps_both(keep, tests, data_dir, caplog):
    tests("one", "two")
    keep()
    tests("three", "bad\trow")
    keep(predict_name="new", on_bad_row=OnBadRow.REJECT)
    out = data_dir / "out"
    counts = {
        name: len(store.read_records(str(out / name)))
        for name in ("predict.tf_record", "predict-new.tf_record")
    }
    assert counts == {"predict.tf_record": 2, "predict-new.tf_record": 1}
    assert (out / "test-new.rejects.jsonl").exists()
    assert "another test set" not in caplog.text


def test_records_are_those_of_the_split(keep, tests, data_dir):
    tests("the number", "of many of many")
    made = keep(max_seq_length=4)
    read = store.read_records(str(data_dir / "out" / "predict.tf_record"))
    split = made.splits["test"].dataset
    assert read.ids.tolist() == split.ids.tolist()
    assert read.offsets.tolist() == split.offsets.tolist()
    manifest = Manifest.load(str(data_dir / "out" / "predict.tf_record"))
    assert manifest.labels == ("a", "b")
    assert manifest.max_seq_length == 4


# -- records that are taken ------------------------------------------------------------


@pytest.fixture
def no_tokenizing(monkeypatch):
    """From the call on, a split that is tokenised is an error."""

    def forbid():
        def refuse(*_, **__):
            raise AssertionError("a split was tokenised")

        monkeypatch.setattr(splits, "tokenise", refuse)

    return forbid


def columns(split):
    data = split.dataset
    return [
        (column.dtype, column.tolist())
        for column in (data.ids, data.segments, data.offsets, data.label_ids)
    ]


def stamps(folder):
    return {
        path.name: (path.stat().st_mtime_ns, path.read_bytes())
        for path in folder.iterdir()
        if "tf_record" in path.name
    }


BOTH = {"do_train": True, "do_eval": True, "do_predict": False}


@pytest.mark.parametrize("shards", [1, 3])
def test_the_second_start_takes_what_the_first_has_written(
    keep, data_dir, caplog, no_tokenizing, shards
):
    caplog.set_level("INFO")
    first = keep(**BOTH, record_shards=shards)
    written = stamps(data_dir / "out")
    assert "taken" not in caplog.text
    no_tokenizing()
    second = keep(**BOTH, record_shards=shards)
    assert stamps(data_dir / "out") == written
    for name in ("train", "dev"):
        assert columns(second.splits[name]) == columns(first.splits[name])
        assert second.splits[name].identity == first.splits[name].identity
    assert second.report == first.report
    path = data_dir / "out" / "train.tf_record"
    assert f"The train split is taken from {path}, tokenised: 40" in caplog.messages


def test_another_number_of_files_is_written_without_tokenizing(
    keep, data_dir, no_tokenizing
):
    expected = keep(**BOTH, record_shards=3)
    no_tokenizing()
    keep(**BOTH)
    found = sorted(name for name in stamps(data_dir / "out") if "train" in name)
    assert found == ["train.tf_record", "train.tf_record.manifest.json"]
    read = store.read_records(str(data_dir / "out" / "train.tf_record"))
    assert read.ids.tolist() == expected.splits["train"].dataset.ids.tolist()


def test_an_evaluation_takes_those_of_the_training(keep, no_tokenizing):
    keep(**BOTH)
    no_tokenizing()
    evaluated = keep(**{**BOTH, "do_train": False})
    assert evaluated.splits["dev"].records is not None


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"max_seq_length": 6}, "they were cut at --max_seq_length=5, not at 6."),
        ({"labels": ("b", "a")}, "other labels: a, b there, b, a here."),
    ],
)
def test_what_the_flags_have_changed_is_made_anew(
    keep, data_dir, caplog, others, words
):
    caplog.set_level("INFO")
    keep(**BOTH)
    changed = keep(**BOTH | others)
    path = data_dir / "out" / "train.tf_record"
    assert f"The train split is not taken from {path}: {words}" in caplog.messages
    assert changed.splits["train"].records is None
    assert reuse.read(str(path)).manifest.labels == changed.labels


@pytest.mark.parametrize(
    ("old", "new"),
    [("number 7 of many\tb", "number 7 of all\tb"), ("7 of many\tb", "7 of many\ta")],
)
def test_another_text_or_label_is_made_anew(keep, data_dir, caplog, old, new):
    caplog.set_level("INFO")
    keep(**BOTH)
    file = data_dir / "train.tsv"
    file.write_text(file.read_text().replace(old, new))
    changed = keep(**BOTH)
    assert caplog.text.count("not taken") == 1
    assert "other texts or labels: 40 examples there, 40 here" in caplog.text
    read = store.read_records(str(data_dir / "out" / "train.tf_record"))
    assert read.ids.tolist() == changed.splits["train"].dataset.ids.tolist()
    assert read.label_ids.tolist() == changed.splits["train"].dataset.label_ids.tolist()


def test_another_tokenizer_is_told(keep, data_dir, caplog):
    caplog.set_level("INFO")
    keep(**BOTH)
    with open(data_dir / "vocab.txt", "a", encoding="utf-8") as file:
        file.write("some\n")
    keep(**BOTH)
    assert caplog.text.count("another tokenizer: the vocabulary is another.") == 2


def test_damage_is_mended(keep, data_dir, caplog):
    caplog.set_level("INFO")
    keep(**BOTH)
    path = data_dir / "out" / "eval.tf_record"
    good = path.read_bytes()
    path.write_bytes(good[:-30])
    keep(**BOTH)
    assert f"The dev split is not taken from {path}: {path}, byte" in caplog.text
    assert path.read_bytes() == good


def test_what_a_killed_run_left_half_written_is_made_anew(keep, data_dir, caplog):
    caplog.set_level("INFO")
    keep(**BOTH, record_shards=2)
    (data_dir / "out" / "train.tf_record.manifest.json").unlink()
    (data_dir / "out" / "train.tf_record-00001-of-00002").unlink()
    keep(**BOTH, record_shards=2)
    assert "they do not say which texts they were made of" in caplog.text
    path = str(data_dir / "out" / "train.tf_record")
    assert len(store.read_records(path)) == 40


def test_records_that_another_run_replaces_meanwhile_are_written_again(
    keep, data_dir, monkeypatch
):
    keep(**BOTH)
    good = stamps(data_dir / "out")
    check = data_check.checked

    def disturbed(job):
        done = check(job)
        for split in done.splits.values():
            assert split.records is not None
        with open(data_dir / "out" / "train.tf_record.manifest.json", "w") as file:
            file.write("{}")
        return done

    monkeypatch.setattr(data_check, "checked", disturbed)
    keep(**BOTH)
    found = stamps(data_dir / "out")
    assert {name: data for name, (_, data) in found.items()} == {
        name: data for name, (_, data) in good.items()
    }


def test_a_process_that_is_not_the_chief_writes_no_records(keep, data_dir, placement):
    keep(**BOTH, placement=dataclasses.replace(placement, is_chief=False))
    assert not (data_dir / "out" / "train.tf_record").exists()


# -- records that are named ------------------------------------------------------------


@pytest.fixture
def converted(data_dir):
    """The folder that scripts/create_tfrecords.py makes of the task."""
    settings = ConversionSettings(
        task_name="tsv",
        data_dir=str(data_dir),
        splits=("train", "dev"),
        vocab_file=str(data_dir / "vocab.txt"),
        output_dir=str(data_dir / "records"),
        max_seq_length=5,
        record_shards=2,
        workers=3,
    )
    conversion.run(settings)
    return data_dir / "records"


def test_they_are_taken_and_not_copied(keep, converted, data_dir, no_tokenizing):
    expected = keep(**BOTH)
    no_tokenizing()
    made = keep(**BOTH, records_dir=str(converted), resume=Resume.NEVER)
    for name in ("train", "dev"):
        assert columns(made.splits[name]) == columns(expected.splits[name])
        assert made.splits[name].records.path.startswith(str(converted))
    assert made.report == expected.report
    assert stamps(data_dir / "out") == {}  # no others stay there


def test_those_that_do_not_fit_are_made_anew_with_a_warning(
    keep, converted, data_dir, caplog
):
    made = keep(**BOTH, records_dir=str(converted), max_seq_length=4)
    path = converted / "train.tf_record"
    said = f"The train split is not taken from {path}: they were cut at"
    assert said in caplog.text
    assert made.splits["train"].records is None
    assert (data_dir / "out" / "train.tf_record").exists()


def test_a_split_that_is_not_there_is_made(keep, converted, caplog):
    for path in converted.glob("eval*"):
        path.unlink()
    made = keep(**BOTH, records_dir=str(converted))
    assert made.splits["train"].records is not None
    assert made.splits["dev"].records is None
    assert "not taken" not in caplog.text


def test_a_folder_without_any_is_refused(job, data_dir):
    made = job(**BOTH, records_dir=str(data_dir / "nowhere"))
    with pytest.raises(SettingsError, match=r"has none of train\.tf_record, eval\.tf_"):
        data_check.checked(made)


@pytest.mark.parametrize("shards_without_manifest", [True, False])
def test_those_without_a_manifest(keep, converted, caplog, shards_without_manifest):
    if not shards_without_manifest:  # as google-research/bert: one file
        data = store.read_records(str(converted / "train.tf_record"))
        for path in converted.glob("train*"):
            path.unlink()
        path = str(converted / "train.tf_record")
        origin = Manifest.load(str(converted / "eval.tf_record"))
        store.write_dataset(
            path,
            data,
            origin=Origin(
                tokenizer={}, labels=origin.labels, max_seq_length=5, features="?"
            ),
        )
    (converted / "train.tf_record.manifest.json").unlink()
    made = keep(**BOTH, records_dir=str(converted))
    if shards_without_manifest:
        assert "writing them was not finished" in caplog.text
        assert made.splits["train"].records is None
    else:
        assert "does not say which texts it was made of. It is trusted" in caplog.text
        assert made.splits["train"].records is not None
    assert len(made.splits["train"].dataset) == 40


def test_trust_ends_where_labels_differ(keep, converted, data_dir, caplog):
    manifest = Manifest.load(str(converted / "train.tf_record"))
    dataclasses.replace(manifest, texts=None).save(str(converted / "train.tf_record"))
    file = data_dir / "train.tsv"
    file.write_text(file.read_text().replace("number 7 of many\tb", "7\ta"))
    made = keep(**BOTH, records_dir=str(converted))
    assert "the label of their example 7 has the id 1, not 0." in caplog.text
    assert made.splits["train"].records is None


# -- records alone ---------------------------------------------------------------------


def alone(converted, **others):
    return {
        **BOTH,
        "task_name": "records",
        "data_dir": str(converted),
        "labels": (),
        **others,
    }


def test_records_alone_are_enough(keep, converted, data_dir, caplog):
    expected = keep(**BOTH)
    for name in ("train.tsv", "dev.tsv"):
        (data_dir / name).unlink()
    made = keep(**alone(converted))
    for name in ("train", "dev"):
        assert columns(made.splits[name]) == columns(expected.splits[name])
    assert made.labels == ("a", "b")
    assert "records without their texts" in made.report
    assert "Overlap" not in made.report
    tokens = [line for line in expected.report.splitlines() if line[:5] == "train"]
    assert tokens[0] in made.report.splitlines()


def test_data_traits_of_records_alone_see_their_ids(job, converted):
    one = job(**alone(converted))
    before = one.data_traits()
    data = store.read_records(str(converted / "train.tf_record"))
    path = str(converted / "train.tf_record")
    manifest = Manifest.load(path)
    data.ids[3] += 1
    store.write_dataset(
        path,
        data,
        origin=Origin(
            tokenizer=manifest.tokenizer,
            labels=manifest.labels,
            max_seq_length=5,
            features=manifest.features,
        ),
    )
    assert job(**alone(converted)).data_traits() != before


@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"labels": ("b", "a")}, "records with the labels b, a; these have a, b"),
        ({"labels": ("a", "b", "c")}, "labels a, b, c; these have a, b"),
        ({"max_seq_length": 4}, "an example of 5 tokens, and --max_seq_length is 4"),
    ],
)
def test_records_alone_that_do_not_fit_are_refused(job, converted, others, words):
    with pytest.raises((DataError, SettingsError), match=words):
        data_check.checked(job(**alone(converted, **others)))


def test_records_alone_of_another_tokenizer_are_refused(job, converted, data_dir):
    with open(data_dir / "vocab.txt", "a", encoding="utf-8") as file:
        file.write("some\n")
    with pytest.raises(
        SettingsError, match=r"does not fit the run.*\n.*the vocabulary"
    ):
        data_check.checked(job(**alone(converted)))


def test_records_alone_that_are_not_there_are_refused(job, data_dir):
    made = job(**alone(data_dir))
    with pytest.raises(SettingsError, match=r"has none of train\.tf_record, eval\.tf_"):
        data_check.checked(made)


def test_the_originals_records_take_the_names_of_labels(job, converted):
    path = converted / "eval.tf_record"
    data = store.read_records(str(path))
    origin = job(labels=("a", "b")).origin
    store.write_dataset(str(path), data, origin=origin)
    for manifest in converted.glob("*.manifest.json"):
        manifest.unlink()
    asked = {"do_train": False, "do_eval": True}
    made = job(**alone(converted, **asked))
    with pytest.raises(SettingsError, match="do not say what their labels are"):
        data_check.checked(made)
    made = data_check.checked(job(**alone(converted, **asked, labels=("no", "yes"))))
    assert {example.label for example in made.splits["dev"].examples} == {"no", "yes"}
    few = job(**alone(converted, **asked, labels=("no",)))
    with pytest.raises(DataError, match=r"number of labels \(no\), found 1"):
        data_check.checked(few)


def test_records_alone_are_not_dealt(job, converted):
    made = alone(converted, split=("train:0.5", "dev:0.5"))
    with pytest.raises(SettingsError, match="records alone have none"):
        job(**made)


@pytest.mark.parametrize("name", ["records", "Records"])
@pytest.mark.parametrize(
    ("others", "words"),
    [
        ({"records_dir": "x"}, "--records_dir is for tasks that have texts"),
        ({"max_leakage": 0.1}, "--max_leakage compares texts"),
    ],
)
def test_flags_that_need_texts_are_refused(job, converted, name, others, words):
    with pytest.raises(SettingsError, match=words):
        job(**alone(converted, **others) | {"task_name": name})


def test_records_alone_are_not_converted(data_dir):
    with pytest.raises(SettingsError, match="--task_name=records names what is token"):
        ConversionSettings(
            task_name="records",
            data_dir=str(data_dir),
            output_dir=str(data_dir / "again"),
            vocab_file=str(data_dir / "vocab.txt"),
        )
