"""Exports, each read by a process that knows nothing of the toolkit."""

import json
import os
import shutil

import numpy as np
import pytest

import tf_bert
from lstm_pretrain.classifier import loading as lstm
from pipelines.serving import export, export_formats
from pipelines.serving.export_formats import Export
from pipelines.serving.export_settings import ExportFormat, ExportSettings
from runtime import storage
from runtime.errors import CompilationError, SettingsError, StorageError, StorageReason
from runtime.exports import read_back
from tf_bert.classifier import loading as bert

SERVED = {"bert": bert.served, "lstm": lstm.served}
NEEDS = {
    "savedmodel": ("tensorflow",),
    "stablehlo": ("jax",),
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


@pytest.mark.slow
@pytest.mark.parametrize("kind", NEEDS)
@pytest.mark.parametrize(
    ("model", "task"), [("bert", "label"), ("bert", "pairs"), ("lstm", "label")]
)
def test_it_answers_as_the_run_did(trained, test_texts, tmp_path, kind, model, task):
    for module in NEEDS[kind]:
        pytest.importorskip(module, reason="the extra [export]")
    folder, texts = trained(model, task), test_texts(task)
    about = exported(folder, tmp_path / "out", kind, model=model)
    request = {
        "folder": str(tmp_path / "out" / kind),
        "rows": export_formats.rows(SERVED[model](folder), texts),
        "texts": {},  # WordPiece has no signature of strings
    }
    found = read_back.read(export._READERS[ExportFormat(kind)], request)
    assert np.abs(np.subtract(found["ids"], expected_of(folder))).max() < 1e-5
    said = json.loads((tmp_path / "out" / "export.json").read_text())
    assert said == json.loads(json.dumps(about))
    assert said["labels"] == ["a", "b"]
    assert max(said["formats"][kind]["largest_difference"].values()) < 1e-5


@pytest.mark.slow
def test_a_saved_model_warms_up(trained, tmp_path):
    about = exported(trained(), tmp_path / "out", "savedmodel")
    version = tmp_path / "out" / "savedmodel" / "1"
    assert (version / "assets.extra" / "tf_serving_warmup_requests").stat().st_size
    [note] = about["formats"]["savedmodel"]["notes"]
    assert note.startswith("No signature of strings: tensorflow-text's WordPiece")


def test_a_hugging_face_folder(trained, test_texts, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_apart", lambda _, *__: None)
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


def test_a_format_that_there_is_not(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_apart", lambda _, *__: None)
    with pytest.raises(SettingsError, match="no model of the kind LSTM"):
        exported(trained("lstm"), tmp_path / "out", "huggingface", model="lstm")
    assert not os.path.exists(tmp_path / "out")
    with pytest.raises(
        SettingsError, match=r"expected some of savedmodel, .* got 'pb'"
    ):
        exported(trained(), tmp_path / "out", "pb")


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

    monkeypatch.setattr(export, "_apart", lambda _, *__: None)
    monkeypatch.setattr(export.storage, "copy", copy)
    with pytest.raises(StorageError, match="full"):
        exported(trained(), tmp_path / "out", "huggingface")
    assert not os.path.exists(tmp_path / "out")


def test_an_export_that_answers_otherwise_is_refused(trained, tmp_path, monkeypatch):
    probes = export.probes_of(bert.served(trained()))
    here = [[0.5, 0.5]] * len(probes)
    there = [[0.5, 0.4]] * len(probes)
    written = export_formats.Written()
    monkeypatch.setattr(
        export,
        "_apart",
        lambda do, *_: here if do is export_formats.answers else written,
    )
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


def test_a_reader_cannot_import_the_toolkit():
    with pytest.raises(CompilationError, match="runtime"):
        read_back.read("row_inputs_of_nobody", {"folder": "x"})


def test_processes_open_the_model_by_themselves(trained):
    assert Export(bert.served, path=trained(), labels=()).open().labels == ("a", "b")
