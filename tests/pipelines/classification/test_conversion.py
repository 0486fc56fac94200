import pytest

from pipelines.classification import conversion
from pipelines.classification.conversion import ConversionSettings, Runner
from processors.readers.sieve import OnBadRow
from processors.records import store
from processors.records.manifest import Manifest
from processors.tokenization.word_piece import WordPieceTokenizer
from runtime.errors import DataError, SettingsError, StorageError
from runtime.training import run_lock


@pytest.fixture
def wanted(small_task, tmp_path):
    """What a conversion of the small task takes, by flag."""
    needless = {"bert_config_file"}
    values = {k: v for k, v in small_task.settings().items() if k not in needless}
    return {**values, "output_dir": str(tmp_path / "records")}


def files(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_splits_of_a_task(small_task, wanted, tmp_path):
    conversion.run(ConversionSettings(**wanted, record_shards=2))
    names = {"train": "train", "dev": "eval", "test": "predict"}
    for split, name in names.items():
        found = store.read_records(str(tmp_path / "records" / f"{name}.tf_record"))
        assert len(found) == small_task.counts[split]
    tokenizer = WordPieceTokenizer(wanted["vocab_file"], do_lower_case=True)
    manifest = Manifest.load(str(tmp_path / "records" / "train.tf_record"))
    assert manifest.tokenizer == tokenizer.fingerprint()
    assert manifest.labels == small_task.labels
    assert len(manifest.shards) == 2


def test_some_splits_and_some_processes(wanted, tmp_path):
    for workers in (1, 2):
        folder = str(tmp_path / str(workers))
        settings = {**wanted, "output_dir": folder, "splits": ("dev",)}
        conversion.run(ConversionSettings(**settings, workers=workers))
    assert sorted(files(tmp_path / "1")) == [
        "eval.tf_record",
        "eval.tf_record.manifest.json",
    ]
    assert files(tmp_path / "1") == files(tmp_path / "2")


def test_dealt_splits(small_task, wanted, tmp_path):
    conversion.run(ConversionSettings(**wanted, split=("train:0.8", "dev:0.2")))
    counts = [
        len(store.read_records(str(tmp_path / "records" / f"{name}.tf_record")))
        for name in ("train", "eval", "predict")
    ]
    assert counts[:2] == [72, 18]
    assert counts[2] == small_task.counts["test"]


def test_a_folder_that_another_process_writes_to(wanted):
    with (
        run_lock.hold(wanted["output_dir"]),
        pytest.raises(StorageError, match="is in use by process"),
    ):
        conversion.run(ConversionSettings(**wanted))


def test_bad_rows(wanted, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_bytes(b"text\tlabel\nw1\thot\nw2\n\xff\thot\nw3\tcold\n")
    settings = {**wanted, "data_dir": str(data), "splits": ("train",), "text_b": None}
    with pytest.raises(DataError, match=r"train\.tsv:3: expected 2 columns"):
        conversion.run(ConversionSettings(**settings))
    assert not (tmp_path / "records").exists()
    conversion.run(ConversionSettings(**settings, on_bad_row=OnBadRow.REJECT))
    found = files(tmp_path / "records")
    assert len(found["train.rejects.jsonl"].splitlines()) == 2
    path = str(tmp_path / "records" / "train.tf_record")
    assert len(store.read_records(path)) == 2


@pytest.mark.parametrize("splits", [(), ("dev",)])
def test_labels_are_collected_from_good_rows(wanted, tmp_path, splits):
    data = tmp_path / "data"
    data.mkdir()
    rows = "text\tlabel\nw1\thot\nw2\n\nw3\tcold\tmore\nw4\t\nw5\tcold\n"
    (data / "train.tsv").write_text(rows)
    (data / "dev.tsv").write_text("text\tlabel\nw1\thot\nw2\t\n")
    (data / "test.tsv").write_text("text\tlabel\nw1\thot\nw2\t\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    with pytest.raises(DataError, match=r"train\.tsv:3: expected 2 columns"):
        conversion.run(ConversionSettings(**settings, splits=splits))
    settings["on_bad_row"] = OnBadRow.REJECT
    conversion.run(ConversionSettings(**settings, splits=splits))
    found = files(tmp_path / "records")
    counts = {name: found[name].count(b"\n") for name in found if "rejects" in name}
    assert counts == (
        {"dev.rejects.jsonl": 1}
        if splits
        else {"train.rejects.jsonl": 4, "dev.rejects.jsonl": 1}
    )
    manifest = Manifest.load(str(tmp_path / "records" / "eval.tf_record"))
    assert (manifest.labels, manifest.examples) == (("cold", "hot"), 1)


def test_a_missing_file_is_told_before_anything_is_written(wanted, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\tlabel\nw1\thot\nw2\tcold\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    with pytest.raises(StorageError, match=r"dev\.tsv does not exist"):
        conversion.run(ConversionSettings(**settings))
    assert not (tmp_path / "records").exists()


def test_a_column_a_label_is_refused(wanted, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\ttoxic\tthreat\nw1\t0\t1\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    settings |= {"label": "toxic,threat", "splits": ("train",)}
    with pytest.raises(DataError, match="names 2 columns, where one holds the label"):
        conversion.run(ConversionSettings(**settings))


def test_a_placeholder_in_test(wanted, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\tlabel\nw1\thot\nw2\tcold\n")
    (data / "test.tsv").write_text("text\tlabel\nw1\t0\nw2\t0\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    conversion.run(ConversionSettings(**settings, splits=("test",)))
    path = str(tmp_path / "records" / "predict.tf_record")
    assert Manifest.load(path).labels == ("cold", "hot")
    assert list(store.read_records(path).label_ids) == [-1, -1]


def test_labels_that_look_alike_are_told(wanted, tmp_path, caplog):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\tlabel\nw1\thot\nw2\tHot\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    conversion.run(ConversionSettings(**settings, splits=("train",)))
    assert caplog.text.count("The labels 'Hot' and 'hot' are alike") == 1


def test_one_label_is_refused(wanted, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.tsv").write_text("text\tlabel\nw1\thot\nw2\thot\n")
    settings = {**wanted, "data_dir": str(data), "text_b": None, "labels": ()}
    with pytest.raises(SettingsError, match="task tsv has one label only, 'hot'"):
        conversion.run(ConversionSettings(**settings, splits=("train",)))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"task_name": None}, "--task_name is required"),
        ({"output_dir": None}, "--output_dir is required"),
        ({"workers": 0}, "--workers must be at least 1; got 0"),
        ({"splits": ("eval",)}, "--splits: expected some of train, dev, test; got 'ev"),
        ({"runner": Runner.BEAM, "workers": 2}, "--workers is for --runner=local"),
        ({"beam_options": ("a=b",)}, "--beam_options is for --runner=beam"),
        ({"vocab_file": None}, "--vocab_file .*--model_file .*--tokenizer_dir"),
    ],
)
def test_what_does_not_fit_is_refused(wanted, options, words):
    with pytest.raises(SettingsError, match=words):
        conversion.run(ConversionSettings(**{**wanted, **options}))
