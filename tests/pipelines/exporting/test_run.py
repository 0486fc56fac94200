"""Exports, each read by a process that knows nothing of the toolkit."""

import importlib.util
import json
import os
import shutil

import numpy as np
import pytest

import tf_bert
from lstm_pretrain.classifier import loading as lstm
from pipelines.exporting import check, probes, refusals, writers
from pipelines.exporting import run as export
from pipelines.exporting.settings import ExportFormat, ExportSettings
from pipelines.exporting.writers import Export, Written
from runtime import storage
from runtime.errors import CompilationError, SettingsError, StorageError, StorageReason
from runtime.exports import read_back
from tf_bert.classifier import loading as bert

PIECES = "processors/data/aozora_spm_8k/aozora-ja.model"
SERVED = {"bert": bert.served, "lstm": lstm.served}
NEEDS = {
    "savedmodel": ("tensorflow", "tensorflow_text"),
    "stablehlo": ("jax",),
    "huggingface": ("torch", "transformers"),
    "onnx": ("tensorflow", "tf2onnx", "onnxruntime"),
    "litert": ("tensorflow", "ai_edge_litert"),
}


def exported(folder, output, *formats, model="bert"):
    settings = ExportSettings(
        model=str(folder), output=str(output), format_names=formats
    )
    return export.run(settings, SERVED[model])


def expected_of(folder):
    return np.loadtxt(f"{folder}/test_results.tsv", ndmin=2)


def skip_without(kind):
    """Torch is not imported where TensorFlow is: the two abort in one process."""
    missing = [name for name in NEEDS[kind] if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"{kind} needs {', '.join(missing)}: the extra [export]")


@pytest.fixture(scope="module")
def of_pieces(train, task_dir, tmp_path_factory):
    """A run whose tokenizer is SentencePiece."""
    sizes = json.loads((task_dir / "bert_config.json").read_text())
    folder = tmp_path_factory.mktemp("pieces")
    config = folder / "config.json"
    config.write_text(json.dumps({**sizes, "vocab_size": 8000}))

    def of_pieces(kind):
        return train(
            "bert",
            kind,
            folder / kind,
            bert_config_file=str(config),
            vocab_file=None,
            model_file=PIECES,
        )

    return of_pieces


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEEDS)
@pytest.mark.parametrize(
    ("model", "task"),
    [
        ("bert", "label"),
        ("bert", "pairs"),
        ("bert", "labels"),
        ("bert", "number"),
        ("lstm", "label"),
    ],
)
def test_it_answers_as_the_run_did(trained, test_texts, tmp_path, kind, model, task):
    skip_without(kind)
    if (kind, model) == ("huggingface", "lstm"):
        pytest.skip("transformers has no LSTM")
    folder, texts = trained(model, task), test_texts(task)
    about = exported(folder, tmp_path / "out", kind, model=model)
    served = SERVED[model](folder)
    request = {
        "folder": str(tmp_path / "out" / kind),
        "blocks": [probes.block(served, some) for some in (texts[:30], texts[30:])],
        "texts": {},
    }
    found = read_back.read(check.READERS[ExportFormat(kind)], request)
    assert np.abs(np.subtract(found["ids"], expected_of(folder))).max() < 1e-5
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said == json.loads(json.dumps(about))
    assert said["labels"] == list(served.labels)
    assert max(said["formats"][kind]["largest_difference"].values()) < 1e-5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "task"),
    [("savedmodel", "label"), ("savedmodel", "pairs"), ("huggingface", "label")],
)
def test_texts_are_answered_as_the_run_did(of_pieces, test_texts, tmp_path, kind, task):
    skip_without(kind)
    folder, texts = of_pieces(task), test_texts(task)
    about = exported(folder, tmp_path / "out", kind)
    assert set(about["formats"][kind]["largest_difference"]) == {"ids", "texts"}
    asked = probes.Probes(texts, expected_of(folder))
    request = {
        "folder": str(tmp_path / "out" / kind),
        "blocks": [probes.block(bert.served(folder), texts)],
        "texts": asked.by_name,
    }
    found = read_back.read(check.READERS[ExportFormat(kind)], request)
    assert found["labels"] == ["a", "b"]
    assert np.abs(np.subtract(found["texts"], asked.values)).max() < 1e-5


@pytest.mark.slow
def test_a_saved_model_without_strings_says_why(trained, tmp_path):
    about = exported(trained(), tmp_path / "out", "savedmodel")
    [note] = about["formats"]["savedmodel"]["notes"]
    assert note.startswith("No signature of strings: tensorflow-text's WordPiece")


def without_answers(monkeypatch):
    """Writes a Hugging Face folder alone, and asks nobody."""
    monkeypatch.setattr(export, "_apart", lambda *_: [])
    monkeypatch.setattr(check, "check", lambda *_, **__: {})


def test_a_hugging_face_folder(trained, test_texts, tmp_path, monkeypatch):
    without_answers(monkeypatch)
    exported(trained(), tmp_path / "out", "huggingface")
    folder = tmp_path / "out" / "huggingface"
    page = (folder / "README.md").read_text()
    assert "accuracy" in page
    assert "95 % interval" in page
    loaded = tf_bert.load(str(folder))
    assert loaded.max_seq_length == 16
    answers = loaded.predict(test_texts("label"))
    difference = np.subtract([a.values for a in answers], expected_of(trained()))
    assert np.abs(difference).max() < 1e-5


def test_labels_that_only_the_command_line_knows(trained, tmp_path, monkeypatch):
    without_answers(monkeypatch)
    exported(trained(), tmp_path / "first", "huggingface")
    folder = tmp_path / "first" / "huggingface"
    config = json.loads((folder / "config.json").read_text())
    del config["id2label"], config["label2id"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(SettingsError, match=r"its 2 outputs .* --labels=negative"):
        exported(folder, tmp_path / "out", "huggingface")
    settings = ExportSettings(
        model=str(folder),
        output=str(tmp_path / "out"),
        format_names=("huggingface",),
        labels=("no", "yes"),
    )
    export.run(settings, bert.served)
    assert tf_bert.load(str(tmp_path / "out/huggingface")).labels == ("no", "yes")


def test_a_folder_that_is_there_stays(trained, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(SettingsError, match="not empty"):
        exported(trained(), tmp_path, "huggingface")
    assert os.listdir(tmp_path) == ["mine"]


def test_a_full_disk_leaves_nothing(trained, tmp_path, monkeypatch):
    copies = []

    def copy(source, target, copy=storage.copy):
        copies.append(target)
        if len(copies) == 3:
            raise StorageError("full", reason=StorageReason.DISK_FULL)
        copy(source, target)

    without_answers(monkeypatch)
    monkeypatch.setattr(export.storage, "copy", copy)
    with pytest.raises(StorageError, match="full"):
        exported(trained(), tmp_path / "out", "huggingface")
    assert not os.path.exists(tmp_path / "out")


def test_an_export_that_answers_otherwise_is_refused(trained, tmp_path, monkeypatch):
    texts = probes.texts_of(bert.served(trained()))
    here = [[0.5, 0.5]] * len(texts)
    there = [[0.5, 0.4]] * (len(texts) + 1)
    monkeypatch.setattr(
        export, "_apart", lambda do, *_: here if do is writers.answers else Written()
    )
    monkeypatch.setattr(refusals, "_is_installed", lambda _: True)
    monkeypatch.setattr(read_back, "read", lambda *_: {"ids": there})
    with pytest.raises(CompilationError, match=r"onnx answers otherwise .* 0\.1"):
        exported(trained(), tmp_path / "out", "onnx")
    assert not os.path.exists(tmp_path / "out")


def test_a_run_with_another_tokenizer(trained, tmp_path):
    folder = shutil.copytree(trained(), tmp_path / "run")
    with open(folder / "vocab.txt", "a") as file:
        file.write("more\n")
    with pytest.raises(SettingsError, match="gives other ids"):
        exported(folder, tmp_path / "out", "huggingface")


def test_processes_open_the_model_by_themselves(trained):
    assert Export(bert.served, path=trained(), labels=()).open().labels == ("a", "b")


def test_the_format_is_one_that_there_is(trained, tmp_path):
    with pytest.raises(
        SettingsError, match=r"expected some of savedmodel, .* got 'pb'"
    ):
        exported(trained(), tmp_path / "out", "pb")
