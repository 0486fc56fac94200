import os

import pytest

from lstm_pretrain.classifier import loading as lstm
from pipelines.exporting import refusals
from pipelines.exporting import run as export
from pipelines.exporting.settings import ExportFormat, ExportSettings
from runtime.errors import SettingsError
from tf_bert.classifier import loading as bert


def test_all_is_said_before_any_work(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "_apart", lambda *_: pytest.fail("it has begun"))
    monkeypatch.setattr(refusals, "_is_installed", lambda name: name != "tf2onnx")
    settings = ExportSettings(
        model=trained("lstm"),
        output=str(tmp_path / "out"),
        format_names=("savedmodel", "huggingface", "onnx"),
    )
    with pytest.raises(SettingsError) as caught:
        export.run(settings, lstm.served)
    kind, package, end = caught.value.problems
    assert kind.endswith("transformers has no model of the kind LSTM.")
    assert package.startswith("--formats=onnx: it needs tf2onnx, not installed here.")
    assert end == "Nothing was written."
    assert not os.path.exists(tmp_path / "out")


def test_tensorflow_text_is_needed_only_where_it_is_used(trained, monkeypatch):
    monkeypatch.setattr(refusals, "_is_installed", lambda name: "text" not in name)
    refusals.refuse([ExportFormat.SAVEDMODEL], bert.served(trained()))


def test_a_file_is_in_the_way(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(SettingsError, match="Name a new folder"):
        refusals.refuse_full(str(tmp_path / "out"))
    (tmp_path / "empty").mkdir()
    refusals.refuse_full(str(tmp_path / "empty"))
