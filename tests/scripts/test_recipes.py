import os

import pytest

from runtime import storage
from runtime.errors import SettingsError
from scripts import recipes

ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../.."))


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A recipe of its own, beside a file that is none."""
    monkeypatch.setattr(recipes, "_FOLDER", str(tmp_path))
    (tmp_path / "small.flags").write_text(
        "# why\n--do_train\n\n  --model_file=processors/data/m \n"
        "--config=recipes/c.json\n--output_dir=runs/small\n--text=a=b\n"
    )
    (tmp_path / "small.json").write_text("{}")


FLAGS = [
    "--do_train",
    f"--model_file={ROOT}/processors/data/m",
    f"--config={ROOT}/recipes/c.json",
    "--output_dir=runs/small",
    "--text=a=b",
]


@pytest.mark.parametrize(
    "given",
    [
        ["--flagfile=recipes:small"],
        ["-flagfile=recipes:small"],
        ["--flagfile", "recipes:small"],
        ["--flagfile=recipes:small.flags"],
    ],
)
def test_a_recipe_stands_where_it_is_named(shipped, given):
    found = recipes.expand(["program", "--a=1", *given, "--b", "c"])
    assert found == ["program", "--a=1", *FLAGS, "--b", "c"]


@pytest.mark.parametrize(
    "given",
    [
        [],
        ["--flagfile=recipes/small.flags", "--a"],
        ["flagfile=recipes:small"],
        ["--flagfiles=bundled:small"],
        ["--", "--flagfile=recipes:small"],
    ],
)
def test_all_else_is_left_alone(shipped, given):
    assert recipes.expand(["program", *given]) == ["program", *given]


def test_a_file_named_in_two_words_is_still_named():
    found = recipes.expand(["program", "--flagfile", "mine.flags", "--a"])
    assert found == ["program", "--flagfile=mine.flags", "--a"]


@pytest.mark.parametrize("name", ["big", "", "small.json", "../recipes/small", "a/b"])
def test_one_that_there_is_not(shipped, name):
    with pytest.raises(SettingsError) as caught:
        recipes.expand(["program", f"--flagfile=recipes:{name}"])
    assert str(caught.value) == (
        f"--flagfile=recipes:{name}: expected one of recipes:small, or a file."
    )


def test_the_quickstart_is_one():
    found = recipes.expand(["program", "--flagfile=recipes:quickstart"])
    assert {"--task_name=company_news", "--init_checkpoint=bundled:ja-mini"} <= {*found}


def test_files_of_a_recipe_are_there():
    found = recipes.expand(["program", "--flagfile=recipes:authors_from_scratch"])
    [named] = [f for f in found if f.startswith("--model_file=")]
    assert os.path.isabs(named.partition("=")[2])
    assert storage.exists(named.partition("=")[2])
