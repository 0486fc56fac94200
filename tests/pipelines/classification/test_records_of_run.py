import types

import pytest

from pipelines.classification import data_check, records_of_run
from processors.readers.sieve import OnBadRow
from processors.records import store
from processors.records.manifest import Manifest
from runtime.devices.placement import Accelerator, Backend, Placement, Precision


@pytest.fixture
def keep(job):
    """Writes what a prediction writes before its model; returns names of files."""
    placement = Placement(
        backend=Backend.JAX,
        accelerator=Accelerator.CPU,
        precision=Precision.FLOAT32,
        devices=("CPU:0",),
        strategy=None,
        max_row_shapes=8,
        processes=1,
        is_chief=True,
    )

    def keep(**others):
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
