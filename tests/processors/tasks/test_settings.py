from processors.tasks.settings import DataSettings
from processors.tasks.table_options import TableOptions


def test_the_options_of_tables_are_settings_with_the_same_defaults():
    assert DataSettings().table_options() == TableOptions()


def test_what_is_set_reaches_the_options():
    settings = DataSettings(encoding="cp932", labels=("a", "b"), tfds_name="x")
    options = settings.table_options()
    assert (options.encoding, options.labels, options.tfds_name) == (
        "cp932",
        ("a", "b"),
        "x",
    )
