import importlib.util

import pytest

from processors.tasks import registry
from processors.tasks.table_options import TableOptions
from runtime.errors import SettingsError


def test_the_name_is_required():
    with pytest.raises(SettingsError, match="--tfds_name is required"):
        registry.create("tfds")


@pytest.mark.parametrize("missing", ["tensorflow_datasets", "tensorflow"])
def test_what_is_not_installed_is_named(monkeypatch, missing):
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == missing else object()
    )
    processor = registry.create("tfds", TableOptions(tfds_name="imdb_reviews"))
    with pytest.raises(SettingsError) as caught:
        processor.get_train_examples("prepared")
    assert f"needs {missing}, which is not installed: pip install" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_sets_lie_where_they_are_prepared_by_default():
    processor = registry.create("tfds", TableOptions(tfds_name="imdb_reviews"))
    assert processor.default_data_dir == "~/tensorflow_datasets"
